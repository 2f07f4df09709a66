"""`delta=True`: what is computed, what stays, what is told, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import (
    DataChainParamsError,
    NotSupportedError,
    SchemaDriftError,
    SignalResolvingError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import Store


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(name)
    return folder


class Sizes:
    """A dataset of files and what a function made of them, which counts its calls."""

    def __init__(self, folder: Path, **delta: Any) -> None:
        self.folder, self.delta, self.calls = folder, delta, []

    def save(self, **others: Any) -> dc.DataChain:
        self.calls.clear()

        def length(file: dc.File) -> int:
            self.calls.append(file.path)
            return len(file.read())

        options = {"delta": True, **self.delta, **others}
        made = dc.read_storage(self.folder, **options).map(n=length).save("sizes")
        self.calls.sort()
        return made


def sizes() -> dict[str, int]:
    return dict(dc.read_dataset("sizes").order_by("file.path").to_list("file.path", "n"))


def length_of(file: dc.File) -> int:
    return file.size


def times(factor: int) -> Callable[[int], int]:
    def product(id: int) -> int:
        return id * factor

    return product


def saved(name: str, **columns: list[Any]) -> dc.DataChain:
    return dc.read_values(**columns).save(name)


def test_only_new_and_changed_files_are_read(files, capfd):
    lake = Sizes(files)
    assert (lake.save().version, lake.calls) == ("1.0.0", ["a.txt", "b.txt", "c.txt"])
    assert (lake.save().version, lake.calls) == ("1.0.0", [])
    (files / "d.txt").write_text("dddd")
    (files / "b.txt").write_text("bb")
    capfd.readouterr()
    assert (lake.save().version, lake.calls) == ("1.0.1", ["b.txt", "d.txt"])
    assert "Dataset 'sizes@1.0.1': +1 records, 1 replaced" in capfd.readouterr().err
    assert sizes() == {"a.txt": 1, "b.txt": 2, "c.txt": 1, "d.txt": 4}
    before = dc.read_dataset("sizes", version="1.0.0").to_list("file.path", "n")
    assert sorted(before) == [("a.txt", 1), ("b.txt", 1), ("c.txt", 1)]


def test_rows_of_gone_files_stay_until_they_are_dropped(files):
    lake = Sizes(files)
    lake.save()
    (files / "a.txt").unlink()
    (files / "d.txt").write_text("d")
    lake.save()
    assert list(sizes()) == ["a.txt", "b.txt", "c.txt", "d.txt"]
    assert lake.save(delta_deleted="drop").version == "1.0.2"
    assert (list(sizes()), lake.calls) == (["b.txt", "c.txt", "d.txt"], [])
    (files / "b.txt").unlink()
    lake.save(delta_deleted="drop")
    assert list(sizes()) == ["c.txt", "d.txt"]


def test_what_became_of_rows_is_recorded(files):
    lake = Sizes(files, delta_deleted="drop")
    lake.save()
    (files / "a.txt").unlink()
    (files / "b.txt").write_text("other")
    for name in "de":
        (files / f"{name}.txt").write_text(name)
    made = lake.save()
    told = dc.datasets(column="it").filter(C("it.name") == "sizes").order_by("it.version")
    columns = [f"it.num_{what}" for what in ("added", "replaced", "dropped")]
    assert told.to_list(*columns) == [(None, None, None), (2, 1, 1)]
    assert made.count() == 4


def test_what_an_update_would_compute_is_told_before(files):
    lake = Sizes(files)
    chain = dc.read_storage(files, delta=True)
    assert "it has no version yet" in chain.explain(save_as="sizes")
    lake.save()
    chain = dc.read_storage(files, delta=True).map(n=length_of)
    assert "nothing changed since `sizes@1.0.0`" in chain.explain(save_as="sizes")
    (files / "a.txt").unlink()
    (files / "b.txt").write_text("other")
    (files / "d.txt").write_text("d")
    told = chain.explain(save_as="sizes")
    assert "1 rows new, 1 changed, 1 gone, 1 kept" in told
    assert "1 of 3 rows of `sizes@1.0.0` are replaced or dropped" in told
    whole = dc.read_storage(files).explain(save_as="sizes")
    assert "no source is read with `delta=True`" in whole


def test_a_dataset_is_matched_by_the_keys_that_are_named():
    saved("src", id=[1, 2, 3], v=[1.0, 2.0, 3.0])

    def update(**delta: Any) -> list[tuple[int, float]]:
        chain = dc.read_dataset("src", delta=True, delta_on="id", **delta)
        return sorted(chain.mutate(w=C("v") * 2).save("made").to_list("id", "w"))

    update()
    saved("src", id=[1, 2, 4], v=[1.0, 5.0, 4.0])
    assert update() == [(1, 2.0), (2, 10.0), (3, 6.0), (4, 8.0)]
    # nothing that is compared changed
    saved("src", id=[1, 2, 4], v=[9.0, 9.0, 9.0])
    assert update(delta_compare="id") == [(1, 2.0), (2, 10.0), (3, 6.0), (4, 8.0)]


def test_rows_that_share_a_key_are_updated_together():
    saved("src", id=[1, 1, 2], v=[1, 2, 3])
    chain = lambda: dc.read_dataset("src", delta=True, delta_on="id")  # noqa: E731
    chain().save("made")
    saved("src", id=[1, 1, 1, 2], v=[1, 2, 2, 3])
    assert sorted(chain().save("made").to_list("id", "v")) == [(1, 1), (1, 2), (1, 2), (2, 3)]


def test_rows_with_an_error_are_computed_again():
    saved("src", id=[1, 2, 3])
    broken, calls = {2, 3}, []

    def check(id: int) -> str | None:
        calls.append(id)
        return "no answer" if id in broken else None

    def update() -> dict[int, str | None]:
        calls.clear()
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_retry="error")
        return dict(chain.map(error=check).save("checked").to_list("id", "error"))

    assert update() == {1: None, 2: "no answer", 3: "no answer"}
    broken.clear()
    saved("src", id=[1, 2, 3, 4])
    assert update() == {1: None, 2: None, 3: None, 4: None}
    assert sorted(calls) == [2, 3, 4]


def test_what_may_be_computed_again_is_asked_first():
    saved("src", id=[1], k=["a"])
    saved("labels", k=["a"], label=["A"])
    chain = dc.read_dataset("src", delta=True, delta_on="id", delta_retry="nothing")
    with pytest.raises(SignalResolvingError, match="nothing"):
        chain.save("made")
    chain = dc.read_dataset("src", delta=True, delta_on="id", delta_retry=True)
    for grouped in (
        chain.group_by(n=func.count(), partition_by="k"),
        chain.merge(dc.read_dataset("labels"), on="k", how="right"),
    ):
        with pytest.raises(NotSupportedError, match="delta_retry=True"):
            grouped.save("made")


@pytest.mark.parametrize("mode", ["raise", "skip", "null"])
def test_groups_by_what_a_function_reads_of_files(mode, files, capfd):
    """Of files that changed or are gone it cannot be read any more in which groups they were."""

    def text(file: dc.File) -> str:
        return file.read_text()

    def update() -> list[tuple[str | None, int]]:
        chain = dc.read_storage(files, delta=True).settings(on_error=mode).map(k=text)
        made = chain.group_by(n=func.count(), partition_by="k").save("made")
        return sorted(made.to_list("k", "n"))

    assert update() == [("a", 1), ("b", 1), ("c", 1)]
    dc.gc(ttl=0)
    (files / "a.txt").write_text("b")
    assert update() == [("b", 2), ("c", 1)]
    (files / "c.txt").unlink()
    assert update() == [("b", 2)]
    capfd.readouterr()
    (files / "d.txt").write_text("d")
    assert update() == [("b", 2), ("d", 1)]
    assert "computed as a whole" not in capfd.readouterr().err


def test_sides_that_change_beside_files_that_are_gone(files):
    """What belongs to files that are gone is not asked for."""

    def text(file: dc.File) -> str:
        return file.read_text()

    def update() -> dict[str, str | None]:
        chain = dc.read_storage(files, delta=True, delta_deleted="drop").map(k=text)
        made = chain.merge(dc.read_dataset("labels"), on="k", how="left").save("made")
        return dict(made.order_by("k").to_list("k", "label"))

    saved("labels", k=["a", "b"], label=["A", "B"])
    assert update() == {"a": "A", "b": "B", "c": None}
    dc.gc(ttl=0)
    (files / "a.txt").unlink()
    saved("labels", k=["a", "b", "c"], label=["A", "other", "C"])
    assert update() == {"b": "other", "c": "C"}


def test_rows_that_are_missing_are_computed_again():
    saved("src", id=[1, 2, 3])
    broken, calls = {2}, []

    def check(id: int) -> int:
        calls.append(id)
        if id in broken:
            raise ValueError(id)
        return id * 10

    def update() -> list[tuple[int, int]]:
        calls.clear()
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_retry=True)
        made = chain.settings(on_error="skip").map(n=check).save("made")
        return sorted(made.to_list("id", "n"))

    assert update() == [(1, 10), (3, 30)]
    broken.clear()
    assert update() == [(1, 10), (2, 20), (3, 30)]
    assert calls == [2]
    assert update() == [(1, 10), (2, 20), (3, 30)]
    assert calls == []


@pytest.mark.parametrize("code", ["warn", "ignore", "rebuild"])
def test_other_code_is_noticed(code, capfd):
    saved("src", id=[1, 2])

    def update(factor: int) -> dict[int, int]:
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_code=code)
        return dict(chain.map(n=times(factor)).save("made").to_list("id", "n"))

    update(1)
    saved("src", id=[1, 2, 3])
    capfd.readouterr()
    made = update(10)
    assert made == ({1: 10, 2: 20, 3: 30} if code == "rebuild" else {1: 1, 2: 2, 3: 30})
    assert ("Functions or steps changed" in capfd.readouterr().err) == (code == "warn")
    if code != "rebuild":
        # what was computed by other code before is still there
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_code="rebuild")
        made = chain.map(n=times(10)).save("made")
        assert dict(made.to_list("id", "n")) == {1: 10, 2: 20, 3: 30}


def test_a_result_where_keys_have_another_name():
    class Part(dc.DataModel):
        of: str
        text: str

    saved("src", id=["a", "b"], text=["x y", "z"])

    def split(id: str, text: str) -> list[Part]:
        return [Part(of=id, text=word) for word in text.split()]

    def update(**delta: Any) -> list[tuple[str, str]]:
        chain = dc.read_dataset("src", delta=True, delta_on="id", **delta)
        made = chain.gen(part=split, output=Part).save("parts")
        return sorted(made.to_list("part.of", "part.text"))

    with pytest.raises(NotSupportedError, match=r"without `id`.*delta_result_on="):
        update()
    update(delta_result_on="part.of")
    saved("src", id=["a", "b", "c"], text=["x", "z", "q r"])
    assert update(delta_result_on="part.of") == [("a", "x"), ("b", "z"), ("c", "q"), ("c", "r")]


def test_sorted_rows_stay_sorted():
    saved("src", id=[5, 1, 3])
    chain = lambda: dc.read_dataset("src", delta=True, delta_on="id").order_by("id")  # noqa: E731
    chain().save("made")
    saved("src", id=[5, 1, 3, 4, 2])
    assert chain().save("made").to_values("id") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        (lambda chain: chain.limit(1), "`limit`, `offset` or `sample`"),
        (lambda chain: chain.sample(1), "`limit`, `offset` or `sample`"),
        (
            lambda chain: chain.mutate(n=func.row_number().over(func.window(order_by="id"))),
            "a window over all rows",
        ),
        (lambda chain: chain.order_by("v").select("id"), "`order_by` of `v`"),
        (lambda chain: chain.select("v"), "without `id`"),
    ],
)
def test_what_needs_all_rows_is_refused(verb, message):
    saved("src", id=[1, 2], v=[1, 2])
    chain = verb(dc.read_dataset("src", delta=True, delta_on="id"))
    assert chain.count() > 0
    with pytest.raises(NotSupportedError, match=message):
        chain.save("made")


def test_unsafe_steps_see_what_changed_only():
    saved("src", id=[1, 2, 3])

    def update() -> list[int]:
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_unsafe=True)
        return sorted(chain.limit(2).save("made").to_values("id"))

    assert update() == [1, 2]
    saved("src", id=[1, 2, 3, 4, 5, 6])
    assert update() == [1, 2, 4, 5]


def test_groups_are_computed_from_what_is_there():
    saved("src", id=[1, 2, 3], k=["a", "a", "b"])

    def update(**delta: Any) -> list[tuple[str, int]]:
        chain = dc.read_dataset("src", delta=True, delta_on="id", **delta)
        made = chain.group_by(n=func.count(), partition_by="k").save("made")
        return sorted(made.to_list("k", "n"))

    with pytest.raises(NotSupportedError, match="delta_deleted"):
        update(delta_deleted="keep")
    update()
    saved("src", id=[2, 4], k=["a", "c"])
    assert update() == [("a", 1), ("c", 1)]


def test_other_columns_are_named():
    saved("src", id=[1])
    dc.read_dataset("src", delta=True, delta_on="id").save("made")
    saved("src", id=[1, 2])
    with pytest.raises(SchemaDriftError, match=r"new columns detected: n \(int64\)"):
        dc.read_dataset("src", delta=True, delta_on="id").mutate(n=1).save("made")


def test_other_columns_of_a_source_are_a_reason_to_compute_all(capfd):
    saved("src", id=[1])
    chain = lambda: dc.read_dataset("src", delta=True, delta_on="id")  # noqa: E731
    chain().save("made")
    saved("src", id=[1, 2], extra=["x", "y"])
    assert sorted(chain().save("made").to_list("id", "extra")) == [(1, "x"), (2, "y")]
    assert "computed as a whole" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"delta_on": "nothing"}, SignalResolvingError),
        ({"delta_on": []}, DataChainParamsError),
        ({"delta_on": [1]}, DataChainParamsError),
        ({"delta_on": "id", "delta_compare": "nothing"}, SignalResolvingError),
        ({"delta_on": "id", "delta_result_on": ["a", "b"]}, DataChainParamsError),
        ({"delta_on": "id", "delta_deleted": "yes"}, DataChainParamsError),
        ({"delta_on": "id", "delta_code": "yes"}, DataChainParamsError),
    ],
)
def test_arguments_that_mean_nothing_are_refused(options, error):
    saved("src", id=[1])
    with pytest.raises(error):
        dc.read_dataset("src", delta=True, **options)


def test_objects_of_buckets_are_compared(store: Store):
    calls: list[str] = []

    def length(file: dc.File) -> int:
        calls.append(file.path)
        return len(file.read())

    def update(path: str) -> dc.DataChain:
        calls.clear()
        uri, config = f"{store.uri}/{path}", store.client_config
        chain = dc.read_storage(uri, client_config=config, update=True, delta=True)
        return chain.map(n=length).save("sizes")

    for key in ("cats/1.txt", "cats/2.txt", "dogs/1.txt"):
        store.put(key, key.encode())
    # one listing of all that serves both
    dc.read_storage(store.uri, client_config=store.client_config).count()
    update("cats/")
    assert sorted(calls) == ["cats/1.txt", "cats/2.txt"]
    store.put("cats/2.txt", b"other")
    store.put("cats/3.txt", b"new")
    assert (update("cats/").version, sorted(calls)) == ("1.0.1", ["cats/2.txt", "cats/3.txt"])
    assert sizes() == {"cats/1.txt": 10, "cats/2.txt": 5, "cats/3.txt": 3}
    assert (update("cats/").version, calls) == ("1.0.1", [])


def test_several_folders_are_one_source(tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        (folder / "a.txt").write_text(folder.name)

    def update() -> list[tuple[str, int]]:
        chain = dc.read_storage(folders, delta=True, delta_deleted="drop")
        made = chain.mutate(n=C("file.size") * 10).save("made")
        return sorted((Path(source).name, n) for source, n in made.to_list("file.source", "n"))

    assert update() == [("one", 30), ("two", 30)]
    (folders[1] / "a.txt").write_text("longer")
    assert update() == [("one", 30), ("two", 60)]
    (folders[0] / "a.txt").unlink()
    (folders[0] / "b.txt").write_text("b")
    assert update() == [("one", 10), ("two", 60)]


def test_rows_without_versions_that_changed_are_a_reason_to_compute_all(capfd):
    saved("src", id=[1, 2], k=["a", "b"])

    def update(label: str, *, persist: bool = False) -> list[tuple[int, str]]:
        labels = dc.read_values(k=["a", "b"], label=[label, "B"])
        chain = dc.read_dataset("src", delta=True, delta_on="id")
        made = chain.merge(labels.persist() if persist else labels, on="k").save("made")
        return sorted(made.to_list("id", "label"))

    assert update("A") == [(1, "A"), (2, "B")]
    assert update("other") == [(1, "other"), (2, "B")]
    assert "are others than those" in capfd.readouterr().err
    assert update("kept", persist=True) == [(1, "kept"), (2, "B")]
    assert update("again", persist=True) == [(1, "again"), (2, "B")]


def test_what_was_saved_without_delta_is_updated_as_well(capfd):
    saved("src", id=[1, 2])
    dc.read_dataset("src").map(n=times(2)).save("made")
    saved("src", id=[1, 2, 3])
    chain = dc.read_dataset("src", delta=True, delta_on="id")
    assert chain.map(n=times(2)).save("made").version == "1.0.1"
    told = capfd.readouterr().err
    assert "Dataset 'made@1.0.1': +1 records" in told
    assert "changed since" not in told
    saved("src", id=[1, 2, 3, 4])
    dc.read_dataset("src", delta=True, delta_on="id").map(n=times(3)).save("made")
    assert "Functions or steps changed since 'made@1.0.1'" in capfd.readouterr().err


def test_what_does_not_change_need_not_be_comparable():
    class Label(dc.DataModel):
        of: dict[str, int]

    saved("labels", k=["a", "b"], label=[Label(of={"x": 1}), Label(of={})])
    saved("src", id=[1], k=["a"])

    def update() -> list[int]:
        chain = dc.read_dataset("src", delta=True, delta_on="id")
        return sorted(chain.merge(dc.read_dataset("labels"), on="k").save("made").to_values("id"))

    assert update() == [1]
    saved("src", id=[1, 2], k=["a", "b"])
    assert update() == [1, 2]


def test_what_a_statement_changed_is_computed_anew() -> None:
    dc.read_values(id=[1, 2, 3], v=[1, 2, 3]).save("s")

    def update() -> list[Any]:
        saved = dc.read_dataset("s", delta=True, delta_on="id").save("r")
        return sorted(saved.to_list("id", "v"))

    update()
    dc.read_values(id=[1, 2, 3, 4], v=[10, 2, 3, 4]).save("s")
    dc.sql("INSERT INTO r SELECT id + 100 AS id, v FROM s WHERE id = 4")
    assert update() == [(1, 10), (2, 2), (3, 3), (4, 4)]
    dc.sql("DELETE FROM r WHERE id = 2")
    assert update() == [(1, 10), (2, 2), (3, 3), (4, 4)]


def test_zeros_are_one_key() -> None:
    def update(values: list[int]) -> list[Any]:
        dc.read_values(id=[1, 2, 3], k=[0.0, -0.0, 1.0], v=values).save("s")
        rows = dc.read_dataset("s", delta=True, delta_on="id")
        return rows.group_by(t=func.sum("v"), partition_by="k").save("g").to_list("k", "t")

    update([1, 2, 3])
    assert sorted(update([1, 20, 3])) == [(0.0, 21), (1.0, 3)]


def test_a_new_column_is_no_update() -> None:
    dc.read_values(id=[1, 2]).save("s")
    rows = dc.read_dataset("s", delta=True, delta_on="id")
    rows.mutate(a=C("id") * 2).save("r")
    with pytest.raises(dc.exceptions.LakebedError, match="new columns detected: b"):
        rows.mutate(b=C("id") * 3).save("r")


def test_sources_that_do_not_agree_are_refused() -> None:
    for name, ids in ("a", [1, 2]), ("b", [3, 4]):
        dc.read_values(id=ids).save(name)
    first = dc.read_dataset("a", delta=True, delta_on="id", delta_deleted="drop")
    second = dc.read_dataset("b", delta=True, delta_on="id", delta_deleted="keep")
    with pytest.raises(dc.exceptions.NotSupportedError, match="do not agree"):
        first.union(second).save("u")


def test_merges_of_two_types_are_refused_at_once() -> None:
    pa = pytest.importorskip("pyarrow")
    dc.read_values(id=[1, 2], k=[1, 2]).save("l")
    dc.read_arrow(pa.table({"k": pa.array([1, 2], pa.int32()), "w": ["a", "b"]})).save("r")
    left = dc.read_dataset("l", delta=True, delta_on="id")
    with pytest.raises(dc.exceptions.NotSupportedError, match="keys of two types"):
        left.merge(dc.read_dataset("r"), on="k").save("m")
