"""Scripts that DataChain 0.62.0 gives a wrong answer to, without a word, and the right one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import (
    DataChainParamsError,
    FileChangedError,
    LakebedError,
    UnionSchemaMismatchError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lakebed.chain import DataChain


def test_lambdas_differ_by_names_and_constants() -> None:
    chain = dc.read_values(x=["aB"])
    assert chain.map(y=lambda x: x.lower()).save("l").to_values("y") == ["ab"]
    assert chain.map(y=lambda x: x.upper()).save("l").to_values("y") == ["AB"]
    assert chain.map(y=lambda x: x + "1").save("l").to_values("y") == ["aB1"]
    assert chain.map(y=lambda x: x + "2").save("l").to_values("y") == ["aB2"]


class _Times(dc.Mapper):
    def __init__(self, by: int) -> None:
        self.by = by

    def process(self, x: int) -> int:
        return x * self.by


def test_arguments_of_constructors_count() -> None:
    chain = dc.read_values(x=[3])
    assert chain.map(y=_Times(2)).save("times").to_values("y") == [6]
    assert chain.map(y=_Times(10)).save("times").to_values("y") == [30]


def test_rows_to_read_count(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n2\n3\n4\n5\n6\n")
    assert dc.read_csv(path, nrows=2).save("rows").count() == 2
    assert dc.read_csv(path, nrows=5).save("rows").count() == 5


def test_setup_counts() -> None:
    def scaled(by: int) -> DataChain:
        return dc.read_values(x=[1]).setup(k=lambda: by).map(y=lambda x, k: x * k, output=int)

    assert scaled(2).save("set").to_values("y") == [2]
    assert scaled(3).save("set").to_values("y") == [3]


def test_closures_count() -> None:
    def shifted(by: int) -> DataChain:
        def helper(x: int) -> int:
            return x + by

        return dc.read_values(x=[1]).map(y=lambda x: helper(x), output=int)  # noqa: PLW0108

    assert [shifted(by).save("closed").to_values("y") for by in (1, 5)] == [[2], [6]]


def test_a_full_merge_keeps_rows_that_are_alike() -> None:
    left = dc.read_values(k=[1, 1, 2], a=["x", "x", "y"])
    right = dc.read_values(k=[1, 3], b=[10, 30])
    rows = left.merge(right, on="k", full=True).to_list("k", "a", "b")
    expected = [(1, "x", 10), (1, "x", 10), (2, "y", None), (None, None, 30)]
    assert sorted(rows, key=repr) == sorted(expected, key=repr)


def test_a_union_wants_one_type_a_column() -> None:
    with pytest.raises(UnionSchemaMismatchError, match="x"):
        dc.read_values(x=[1]).union(dc.read_values(x=["a"]))


@pytest.mark.parametrize("kind", ["values", "union", "merge", "file"])
def test_chunks_share_the_rows(kind: str, tmp_path: Path) -> None:
    values = dc.read_values(x=list(range(100)))
    match kind:
        case "union":
            chain = values.filter(dc.C("x") < 50).union(values.filter(dc.C("x") >= 50))
        case "merge":
            chain = values.merge(values, on="x")
        case "file":
            path = tmp_path / "a.csv"
            path.write_text("x\n" + "\n".join(map(str, range(100))) + "\n")
            chain = dc.read_csv(path, source=False)
        case _:
            chain = values
    chunks = [chain.chunk(part, 4).to_values("x") for part in range(4)]
    assert sorted(x for chunk in chunks for x in chunk) == list(range(100))
    assert all(0 < len(chunk) < 100 for chunk in chunks)


def test_shuffle_after_union_and_merge_shuffles() -> None:
    values = dc.read_values(x=list(range(200)))
    for chain in (values.union(dc.read_values(x=list(range(200, 400)))), values.merge(values, "x")):
        rows = chain.shuffle(seed=7).to_values("x")
        assert rows != sorted(rows)
        assert sorted(rows) == sorted(chain.to_values("x"))


def test_what_save_is_told_is_kept() -> None:
    chain = dc.read_values(x=[1])
    assert chain.save("told").version == "1.0.0"
    chain.save("told", description="a test", attrs=["stage=raw"])
    told = dc.datasets().filter(dc.C("name") == "told")
    assert told.to_list("description", "attrs")[-1] == ("a test", ["stage=raw"])


def test_deleted_rows_of_a_diff_have_their_values() -> None:
    old = dc.read_values(id=[1, 2], name=["a", "b"])
    new = dc.read_values(id=[1], name=["a"])
    rows = new.diff(old, on="id", status_col="status").to_list("id", "name", "status")
    assert rows == [(2, "b", "D")]


def test_columns_called_as_letters_of_right_are_merged() -> None:
    left = dc.read_values(id=[1], t=["l"], r=[1], right=[2])
    right = dc.read_values(id=[1], t=["r"], r=[3], right=[4])
    [row] = left.merge(right, on="id").to_records()
    assert row == {
        "id": 1,
        "t": "l",
        "r": 1,
        "right": 2,
        "right_id": 1,
        "right_t": "r",
        "right_r": 3,
        "right_right": 4,
    }
    assert right.diff(left, on="id", modified=True).count() == 1


def test_globs_mean_folders(tmp_path: Path) -> None:
    for name in ("f0.txt", "a/f1.txt", "a/b/f2.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    def names(pattern: str) -> list[str]:
        files = dc.read_storage(f"{tmp_path}/{pattern}").to_values("file")
        return sorted(file.name for file in files)

    assert names("**/f*") == ["f0.txt", "f1.txt", "f2.txt"]
    assert names("*/f*") == ["f1.txt"]
    assert names("f*") == ["f0.txt"]


def test_a_file_that_changed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    chain = dc.read_storage(tmp_path).persist()
    path.write_text("newer")
    os.utime(path, (1, 1))
    with pytest.raises(FileChangedError, match=r"a\.txt"):
        chain.settings(prefetch=0).map(text=lambda file: file.read_text()).to_values("text")


def test_lines_that_are_no_json_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1}\n{"x": \n{"x": 3}\n')
    with pytest.raises(LakebedError, match=r"a\.jsonl"):
        dc.read_json(path, format="jsonl").to_list()


def test_averages_of_text_are_refused() -> None:
    with pytest.raises(LakebedError, match="avg"):
        dc.read_values(x=["a"]).avg("x")


def test_sums_do_not_wrap() -> None:
    chain = dc.read_values(x=[2**62, 2**62])
    with pytest.raises(LakebedError, match="overflow"):
        chain.sum("x")


def test_what_means_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataChainParamsError, match="-1"):
        dc.read_values(x=[1]).limit(-1)
    (tmp_path / "a").write_text("a")
    with pytest.raises(LakebedError, match="pictures"):
        dc.read_storage(tmp_path, type="pictures")
    with pytest.raises(DataChainParamsError, match=r"`a\.b`"):
        dc.read_values(x=[1]).mutate(**{"a.b": dc.C("x")})


def test_a_chain_made_again_is_its_own_version() -> None:
    one, two = dc.read_values(x=[1]), dc.read_values(x=[2])
    assert [one.save("turns").to_values("x"), two.save("turns").to_values("x")] == [[1], [2]]
    assert one.save("turns").to_values("x") == [1]


def test_a_model_that_grew_reads_old_rows() -> None:
    class Thing(BaseModel):
        x: int = 0

    def grown() -> type[BaseModel]:
        class Thing(BaseModel):
            x: int = 0
            y: int = 7

        return Thing

    dc.read_values(thing=[Thing(x=1)]).save("things")

    def total(thing):
        return thing.x + thing.y

    total.__annotations__ = {"thing": grown(), "return": int}

    assert dc.read_dataset("things").map(n=total).to_values("n") == [8]
    assert [thing.x for thing in dc.read_dataset("things").to_values("thing")] == [1]


def test_names_with_underscores_are_apart() -> None:
    dc.read_values(x=[1]).save("ns.a_b.c")
    dc.read_values(x=[2]).save("ns.a.b_c")
    assert dc.read_dataset("ns.a_b.c").to_values("x") == [1]
    assert dc.read_dataset("ns.a.b_c").to_values("x") == [2]


def test_rows_keep_their_order(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.txt").write_text(str(number))
    chain = dc.read_storage(f"{tmp_path}/*.txt").order_by("file.path").settings(prefetch=8)
    numbers = chain.map(n=lambda file: int(file.read_text()), output=int).to_values("n")
    assert numbers == list(range(30))


def test_functions_are_conditions() -> None:
    chain = dc.read_values(name=["a.jpg", "bb.png"])
    is_png = dc.func.path.file_ext("name") == "png"
    is_long = dc.func.string.length("name") > 5
    assert chain.filter(~is_png).to_values("name") == ["a.jpg"]
    assert chain.filter((dc.C("name") != "") & is_png & is_long).to_values("name") == ["bb.png"]
