"""What is derived from one dataset lists its files: only new columns are written."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import C

if TYPE_CHECKING:
    from pathlib import Path

    from servers.double_server import S3Double

BLOB = 1 << 16
ROWS = 300


def origin(session: dc.Session | None = None) -> dc.DataChain:
    def blob(x: int) -> bytes:  # noqa: ARG001
        return os.urandom(BLOB)

    ids = dc.read_values(x=list(range(ROWS)), session=session)
    ids.map(blob=blob).save("origin")
    return dc.read_dataset("origin", session=session)


def stored(root: Path, name: str) -> int:
    """The bytes that hold the rows of a dataset, or tell which are left out."""
    folders = root.glob(f"data/*/*/{name}.lance")
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert files
    return sum(file.stat().st_size for file in files if file.parent.name in {"data", "_deletions"})


def test_only_what_is_new_is_written(root: Path):
    """A number for each row: what it takes alone, in as many files, is what is written."""
    blobs = origin()
    expected = dict(blobs.to_iter("x", "blob"))
    blobs.map(y=lambda x: x * 3, output=int).save("mapped")
    blobs.filter(C("x") % 10 != 3).map(y=lambda x: x * 3, output=int).save("most")
    blobs.filter(C("x") % 10 != 3).save("left")
    dc.read_values(y=[x * 3 for x in range(ROWS)]).save("alone")

    assert stored(root, "origin") > ROWS * BLOB
    new = stored(root, "alone")
    fewest = ROWS * BLOB // 50
    assert new < stored(root, "mapped") + 1
    for name in ["mapped", "most", "left"]:
        assert stored(root, name) < min(fewest, 8 * new)

    rows = list(dc.read_dataset("mapped").to_iter("x", "blob", "y"))
    assert rows == [(x, expected[x], x * 3) for x in range(ROWS)]
    rows = list(dc.read_dataset("most").to_iter("x", "blob", "y"))
    assert rows == [(x, expected[x], x * 3) for x in range(ROWS) if x % 10 != 3]
    rows = list(dc.read_dataset("left").to_iter("x", "blob"))
    assert rows == [(x, expected[x]) for x in range(ROWS) if x % 10 != 3]


def test_new_vectors_take_what_they_hold(root: Path):
    """Within two hundredths of what the vectors take in a dataset of their own."""

    def vector(x: int) -> list[float]:
        return [x / (at + 1) for at in range(512)]

    blobs = origin()
    blobs.map(vector=vector).save("mapped")
    blobs.select("x").map(vector=vector).save("alone")
    assert stored(root, "mapped") < 1.02 * stored(root, "alone")
    first = dc.read_dataset("mapped").order_by("x", descending=True).limit(1)
    assert next(first.to_iter("vector"))[0] == pytest.approx(vector(ROWS - 1))


def test_a_root_that_moved_reads_as_before(root: Path, tmp_path: Path):
    """Also where its folder has letters that URLs escape, and what is added there is right."""
    blobs = origin()
    blobs.filter(C("x") % 10 != 3).map(y=lambda x: x * 3, output=int).save("derived")
    second = dc.read_dataset("derived").mutate(z=C("y") + 1)
    second.save("second")
    expected = list(second.to_iter("x", "blob", "y", "z"))
    dc.Session.cleanup_for_tests()

    moved = tmp_path / "moved here" / "ü 100%"
    moved.parent.mkdir()
    shutil.move(root, moved)
    session = dc.Session(root=str(moved))
    found = dc.read_dataset("second", session=session)
    assert list(found.to_iter("x", "blob", "y", "z")) == expected
    top = found.order_by("x", descending=True).limit(2).to_values("z")
    assert top == [(ROWS - 1) * 3 + 1, (ROWS - 2) * 3 + 1]
    found.mutate(w=C("z") + 1).save("second")
    third = dc.read_dataset("second", session=session)
    assert list(third.to_iter("x", "blob", "y", "z")) == expected
    assert third.to_values("w") == [row[3] + 1 for row in expected]
    dc.delete_dataset("origin", force=True, session=session)
    dc.gc(ttl=0, session=session)
    assert list(third.to_iter("x", "blob", "y", "z")) == expected


def test_a_dataset_in_a_bucket_is_derived_there_and_moves(s3: S3Double):
    """Files are listed by their URIs, and found where the root is now."""
    session = dc.Session(root=f"{s3.uri}/lake", client_config=s3.client_config)
    blobs = origin(session)
    expected = dict(blobs.to_iter("x", "blob"))
    blobs.filter(C("x") % 10 != 3).map(y=lambda x: x * 3, output=int).save("derived")
    derived = dc.read_dataset("derived", session=session)
    rows = list(derived.to_iter("x", "blob", "y"))
    assert rows == [(x, expected[x], x * 3) for x in range(ROWS) if x % 10 != 3]
    sizes = {key: len(s3.get(key)) for key in s3.list("lake/data/") if ".lance/data/" in key}
    new = sum(size for key, size in sizes.items() if "/derived.lance/" in key)
    assert 0 < new < sum(sizes.values()) // 50

    for key in s3.list("lake/"):
        s3.put(f"moved/{key}", s3.get(key))
        s3.delete(key)
    session = dc.Session(root=f"{s3.uri}/moved/lake", client_config=s3.client_config)
    moved = dc.read_dataset("derived", session=session)
    assert list(moved.to_iter("x", "blob", "y")) == rows
    moved.mutate(z=C("y") + 1).save("second")
    second = dc.read_dataset("second", session=session)
    assert second.to_values("z") == [row[2] + 1 for row in rows]
    assert next(second.limit(1).to_iter("blob")) == (rows[0][1],)
