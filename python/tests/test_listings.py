"""What is found in a storage is a dataset: a name for lineage, an old side to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lakebed as dc
from lakebed import C

if TYPE_CHECKING:
    from pathlib import Path


def size(file: dc.File) -> int:
    return file.size


def listings() -> list[tuple[str, str]]:
    found = dc.datasets(include_listing=True).filter(C("namespace") == "system")
    return found.to_list("version", "description")


def files(folder: Path, count: int) -> str:
    folder.mkdir(exist_ok=True)
    """So many files, of which those that are there stay as they are."""
    for at in range(count):
        if not (file := folder / f"{at:05}.txt").exists():
            file.write_text("x" * (at % 7))
    return f"file://{folder}"


def test_a_folder_that_is_as_it_was_is_listed_once(tmp_path: Path) -> None:
    uri = files(tmp_path / "pets", 3)
    first = dc.read_storage(uri).map(n=size).save("sizes")
    others = dc.read_storage(tmp_path / "pets", column="pet", type="text")
    assert others.map(n=lambda pet: pet.size, output=int).to_values("n") == [0, 1, 2]
    assert listings() == [("1.0.0", uri)]
    assert dc.read_storage(uri).map(n=size).save("sizes").version == first.version


def test_each_state_of_a_folder_is_a_version(tmp_path: Path) -> None:
    uri = files(tmp_path / "pets", 3)
    for count in (3, 4, 4, 3):
        files(tmp_path / "pets", count)
        for extra in (tmp_path / "pets").glob("*.txt"):
            if int(extra.stem) >= count:
                extra.unlink()
        assert dc.read_storage(uri).map(n=size).save("sizes").count() == count
    assert [version for version, _ in listings()] == ["1.0.0", "1.0.1", "1.0.2"]


def test_lineage_names_the_storage(tmp_path: Path) -> None:
    uri = files(tmp_path / "pets", 3)
    dc.read_storage(f"{uri}/*.txt").map(n=size).save("sizes")
    assert dc.datasets().to_values("dependencies") == [[f"{uri}/*.txt@1.0.0"]]


def test_globs_folders_and_depths_are_places_of_their_own(tmp_path: Path) -> None:
    uri = files(tmp_path / "pets", 3)
    files(tmp_path / "pets" / "more", 2)
    counts = []
    for place, recursive in ((uri, True), (uri, False), (f"{uri}/*.txt", True)):
        chain = dc.read_storage(place, recursive=recursive).map(n=size)
        counts.append(len(chain.to_values("n")))
    assert counts == [5, 3, 3]
    assert len({place for _, place in listings()}) == 3


def test_more_files_than_are_held_in_memory(tmp_path: Path) -> None:
    count = (1 << 16) + 100
    uri = files(tmp_path / "many", count)
    for _ in range(2):
        chain = (
            dc.read_storage(uri, column="one").map(n=lambda one: one.size, output=int).save("many")
        )
        assert (chain.version, chain.count()) == ("1.0.0", count)
    paths = chain.order_by("one.path", descending=True).limit(1).to_values("one.path")
    assert paths == [f"{count - 1:05}.txt"]
    assert [version for version, _ in listings()] == ["1.0.0"]


def test_gc_removes_listings_that_nothing_was_made_of(tmp_path: Path) -> None:
    uri = files(tmp_path / "pets", 3)
    dc.read_storage(uri).map(n=size).save("sizes")
    for count in (4, 5):
        files(tmp_path / "pets", count)
        assert len(dc.read_storage(uri).map(n=size).to_values("n")) == count
    assert [version for version, _ in listings()] == ["1.0.0", "1.0.1", "1.0.2"]
    assert not dc.gc().removed
    dc.gc(ttl=0)
    assert [version for version, _ in listings()] == ["1.0.0"]
    assert dc.read_dataset("sizes").count() == 3


def test_lineage_goes_through_what_a_session_kept(tmp_path: Path) -> None:
    uri = files(tmp_path / "pets", 3)
    dc.read_storage(f"{uri}/").map(n=size).persist().save("sizes")
    assert dc.datasets().to_values("dependencies") == [[f"{uri}@1.0.0"]]
