"""`move_dataset()`, and a catalog whose folder is taken away."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed.exceptions import (
    CorruptDataError,
    DatasetNotFoundError,
    DatasetVersionNotFoundError,
    InvalidDatasetNameError,
    LakebedError,
    StorageError,
)

if TYPE_CHECKING:
    from pathlib import Path


def folders(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root / "data")) for path in root.glob("data/*/*/*.lance"))


def test_a_moved_dataset_keeps_its_versions_and_lineage(chain: dc.DataChain) -> None:
    chain.save("cats", description="animals")
    chain.limit(1).save("cats")
    dc.read_dataset("cats").save("copy")
    dc.move_dataset("cats", "lab.felines")
    with pytest.raises(DatasetNotFoundError):
        dc.read_dataset("cats")
    assert dc.read_dataset("lab.felines", version="1.0.0").to_list() == chain.to_list()
    assert dc.read_dataset("lab.felines").count() == 1
    rows = {(row["project"], row["name"]): row for row in dc.datasets().to_records()}
    assert rows["lab", "felines"]["description"] == "animals"
    assert rows["local", "copy"]["dependencies"] == ["local.lab.felines@1.0.1"]
    assert chain.save("lab.felines").version == "1.0.2"


def test_a_new_dataset_of_the_old_name_has_a_folder_of_its_own(
    chain: dc.DataChain, root: Path
) -> None:
    chain.save("cats")
    dc.move_dataset("cats", "felines")
    new = chain.limit(2).save("cats")
    assert (new.version, new.count()) == ("1.0.0", 2)
    assert chain.limit(3).save("felines").version == "1.0.1"
    assert chain.limit(1).save("cats").version == "1.0.1"
    assert folders(root) == ["local/local/cats.2.lance", "local/local/cats.lance"]
    dc.move_dataset("cats", "tigers")
    assert chain.save("cats").version == "1.0.0"
    assert folders(root)[:2] == ["local/local/cats.2.lance", "local/local/cats.3.lance"]
    dc.delete_dataset("cats", force=True)
    dc.gc(ttl=0)
    counts = [
        dc.read_dataset(name, version=version).count()
        for name in ("felines", "tigers")
        for version in ("1.0.0", "1.0.1")
    ]
    assert counts == [4, 3, 2, 1]


def test_a_save_follows_a_dataset_that_moves_meanwhile(chain: dc.DataChain) -> None:
    chain.save("cats")

    def move(name: str) -> str:
        if name == "eel":
            dc.move_dataset("cats", "felines")
        return name.upper()

    saved = chain.map(upper=move).save("cats")
    assert (saved.name, saved.version) == ("felines", "1.0.1")
    assert dc.read_dataset("felines").to_values("upper") == ["CAT", "DOG", "EEL", "FOX"]
    assert dc.datasets().order_by("version").to_values("name") == ["felines", "felines"]


def test_where_a_dataset_cannot_move(chain: dc.DataChain) -> None:
    chain.save("cats")
    chain.save("dogs")
    for src, dest, kind, message in [
        ("birds", "eagles", DatasetNotFoundError, "`birds` does not exist"),
        ("cats", "dogs", LakebedError, "dataset name `dogs` is taken; choose another name"),
        ("cats", "a/b", InvalidDatasetNameError, "invalid dataset name `a/b`"),
        ("cats@1.0.0", "felines", InvalidDatasetNameError, "`cats@1.0.0`"),
        ("cats", "system.lab.cats", InvalidDatasetNameError, "`system` is reserved"),
        ("system.session_x.y", "cats", InvalidDatasetNameError, "`system` is reserved"),
    ]:
        with pytest.raises(kind) as caught:
            dc.move_dataset(src, dest)
        assert message in str(caught.value)
    assert sorted(dc.datasets().to_values("name")) == ["cats", "dogs"]


def test_a_dataset_gets_another_description_name_and_labels(chain: dc.DataChain) -> None:
    chain.save("cats", description="animals", attrs=["a"])
    chain.limit(1).save("cats")
    dc.edit_dataset("cats", attrs=["stage=test", "b"])
    dc.edit_dataset("cats", new_name="lab.felines", description="")
    rows = dc.datasets(column="info").to_values("info")
    assert [(row.project, row.name, row.description) for row in rows] == [
        ("lab", "felines", "")
    ] * 2
    assert [row.attrs for row in rows] == [["stage=test", "b"]] * 2
    for label, is_there in [("b", True), ("stage=*", True), ("stage", False), ("b=*", False)]:
        assert rows[0].has_attr(label) is is_there
        assert dc.datasets(attrs=[label]).empty is not is_there
    dc.edit_dataset("lab.felines", attrs=[])
    assert dc.datasets(attrs=["b"]).empty
    for name, options, kind in [
        ("cats", {"description": "x"}, DatasetNotFoundError),
        ("lab.felines@1.0.0", {"attrs": []}, InvalidDatasetNameError),
        ("system.listings.x", {"attrs": []}, InvalidDatasetNameError),
        ("lab.felines", {"attrs": "x"}, LakebedError),
    ]:
        with pytest.raises(kind):
            dc.edit_dataset(name, **options)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_root_that_is_removed_while_open(
    chain: dc.DataChain, root: Path, *, replaced: bool
) -> None:
    chain.save("cats")
    shutil.rmtree(root)
    if replaced:
        with dc.Session(root=str(root)):
            dc.read_values(x=[1]).save("dogs")
    for use in (lambda: chain.save("cats"), chain.persist, lambda: dc.datasets().count()):
        with pytest.raises(StorageError) as caught:
            use()
        assert "was removed or replaced while open; hint: start a new session" in str(caught.value)
        assert str(root / "catalog.db") in str(caught.value)
    with dc.Session(root=str(root)):
        assert sorted(dc.datasets().to_values("name")) == (["dogs"] if replaced else [])
        assert dc.read_values(x=[1, 2]).save("cats").version == "1.0.0"
        assert dc.read_dataset("cats").count() == 2


def test_a_root_that_is_removed_during_a_save(chain: dc.DataChain, root: Path) -> None:
    chain.save("cats")

    def remove(name: str) -> str:
        if name == "eel":
            shutil.rmtree(root)
        return name

    with pytest.raises(StorageError) as caught:
        chain.map(same=remove).save("cats")
    assert not isinstance(caught.value, CorruptDataError)
    with dc.Session(root=str(root)):
        assert dc.datasets().empty


def test_where_names_without_a_folder_go() -> None:
    chain = dc.read_values(x=[1])
    assert (chain.namespace_name, chain.project_name) == ("local", "local")
    there = chain.settings(namespace="lab", project="free")
    assert (there.namespace_name, there.project_name) == ("lab", "free")
    saved = there.save("mice").dataset
    assert saved is not None
    assert (saved.namespace, saved.project) == ("lab", "free")


def test_what_goes_with_its_session(chain: dc.DataChain) -> None:
    kept, saved = chain.persist().dataset, chain.save("animals").dataset
    assert kept is not None
    assert saved is not None
    assert (kept.is_temp, saved.is_temp) == (True, False)
    assert dc.datasets().to_values("name") == ["animals"]


def test_a_dataset_knows_its_versions(chain: dc.DataChain) -> None:
    chain.save("lab.cats", description="animals", attrs=["small"])
    chain.mutate(x=1).save("lab.cats", update_version="major")
    newest = chain.limit(1).save("lab.cats", version="10.0.0").dataset
    assert newest is not None
    assert newest.full_name == "local.lab.cats"
    assert [one.version for one in newest.versions] == ["1.0.0", "2.0.0", "10.0.0"]
    dc.delete_dataset("lab.cats", version="10.0.0")
    assert newest.latest_version == "2.0.0"
    assert newest.get_version("2.0.0").schema == {**chain.schema, "x": int}
    with pytest.raises(DatasetVersionNotFoundError, match=r"hint: there are `1.0.0`, `2.0.0`"):
        newest.get_version("3.0.0")


def test_a_session_tells_of_its_datasets(chain: dc.DataChain) -> None:
    first = chain.save("lab.cats", attrs=["small"]).dataset
    second = chain.limit(1).save("lab.cats").dataset
    catalog = chain.session.catalog
    assert catalog.session is chain.session
    assert catalog.get_dataset("lab.cats") == second
    assert catalog.get_dataset("cats", project_name="lab").attrs == ["small"]
    known = catalog.get_dataset("cats", "local", "lab", versions=["1.0.0"])
    assert known.versions == [first]
    with pytest.raises(DatasetNotFoundError):
        catalog.get_dataset("dogs")
