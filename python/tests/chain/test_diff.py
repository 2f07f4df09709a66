"""What changed between two chains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.diff import CompareStatus, compare_and_split
from lakebed.exceptions import DataChainColumnError, DataChainParamsError, SignalResolvingError

if TYPE_CHECKING:
    from pathlib import Path


class DiffPoint(dc.DataModel):
    x: int
    y: int | None


@pytest.fixture
def new() -> dc.DataChain:
    return dc.read_values(id=[1, 2, 4, None], x=["a", "B", "d", None], y=[1, 2, 4, 0])


@pytest.fixture
def old() -> dc.DataChain:
    return dc.read_values(id=[1, 2, 3, None], x=["a", "b", "c", None], y=[1, 2, 3, 0])


A, D, M = ("A", 4, "d", 4), ("D", 3, "c", 3), ("M", 2, "B", 2)
SAME = [("S", 1, "a", 1), ("S", None, None, 0)]


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, [A, D, M]),
        ({"same": True}, [A, D, M, *SAME]),
        ({"deleted": False}, [A, M]),
        ({"added": False, "modified": False}, [D]),
        ({"added": False, "modified": False, "deleted": False, "same": True}, SAME),
        ({"compare": "y"}, [A, D]),
        ({"compare": "y", "same": True}, [A, D, ("S", 2, "B", 2), *SAME]),
        ({"compare": ["x", "y"]}, [A, D, M]),
        ({"on": ["id", "x"]}, [A, D, ("A", 2, "B", 2), ("D", 2, "b", 2)]),
        ({"on": ["id", "x", "y"], "same": True, "added": False, "deleted": False}, SAME),
    ],
)
def test_rows(new: dc.DataChain, old: dc.DataChain, options: dict[str, Any], rows) -> None:
    found = new.diff(old, **({"on": "id"} | options), status_col="what")
    assert sorted(found.to_list(), key=repr) == sorted(rows, key=repr)
    assert list(found.schema) == ["what", "id", "x", "y"]
    bare = new.diff(old, **({"on": "id"} | options))
    assert sorted(bare.to_list(), key=repr) == sorted((row[1:] for row in rows), key=repr)


def test_the_schema_is_that_of_the_chain(new: dc.DataChain, old: dc.DataChain) -> None:
    assert str(new.diff(old, on="id").schema) == str(new.schema)
    assert str(new.diff(old, on="id").save("changes").schema) == str(new.schema)


def test_keys_and_values_of_other_names() -> None:
    new = dc.read_values(id=[1, 2], x=["a", "b"])
    old = dc.read_values(key=[2, 3], word=["B", "c"])
    found = new.diff(
        old, on="id", right_on="key", compare="x", right_compare="word", status_col="s"
    )
    assert found.order_by("id").to_list() == [("A", 1, "a"), ("M", 2, "b"), ("D", 3, "c")]


def test_columns_that_only_one_has() -> None:
    new = dc.read_values(id=[1, 2], x=["a", "b"], more=[1, 2])
    old = dc.read_values(id=[2, 3], x=["b", "c"])
    found = new.diff(old, on="id", same=True, status_col="s").order_by("id").to_list()
    assert found == [("A", 1, "a", 1), ("M", 2, "b", 2), ("D", 3, "c", None)]
    same = new.diff(old, on="id", compare="x", same=True, status_col="s").order_by("id").to_list()
    assert same == [("A", 1, "a", 1), ("S", 2, "b", 2), ("D", 3, "c", None)]


def test_models() -> None:
    new = dc.read_values(id=[1, 2, 3], p=[DiffPoint(x=1, y=1), DiffPoint(x=2, y=None), None])
    old = dc.read_values(
        id=[1, 2, 4], p=[DiffPoint(x=1, y=1), DiffPoint(x=2, y=0), DiffPoint(x=4, y=4)]
    )
    found = new.diff(old, on="id", same=True, status_col="s").order_by("id").to_list()
    assert found == [
        ("S", 1, DiffPoint(x=1, y=1)),
        ("M", 2, DiffPoint(x=2, y=None)),
        ("A", 3, None),
        ("D", 4, DiffPoint(x=4, y=4)),
    ]
    by_field = new.diff(old, on="p.x", same=True, status_col="s").order_by("id").to_list("s", "id")
    assert by_field == [("S", 1), ("M", 2), ("A", 3), ("D", 4)]


def test_floats_and_lists_are_compared_as_values() -> None:
    new = dc.read_values(id=[1, 2, 3], x=[math.nan, 0.0, 1.0], v=[[1.0], [2.0], None])
    old = dc.read_values(id=[1, 2, 3], x=[math.nan, -0.0, 1.0], v=[[1.0], [2.5], None])
    assert new.diff(old, on="id", compare="x").count() == 0
    assert new.diff(old, on="id", compare="v").to_values("id") == [2]


def test_rows_with_the_same_keys_are_matched_in_their_order() -> None:
    new = dc.read_values(id=[1, 1, 1], x=["a", "b", "c"])
    old = dc.read_values(id=[1, 1], x=["a", "B"])
    found = new.diff(old, on="id", same=True, status_col="s").order_by("x").to_list()
    assert found == [("S", 1, "a"), ("M", 1, "b"), ("A", 1, "c")]


def test_versions_read_only_what_they_do_not_share() -> None:
    dc.read_values(id=[1, 2, 2], x=["a", "b", "c"]).save("letters")
    new, old = (dc.read_dataset("letters", version="1.0.0") for _ in range(2))
    assert new.diff(old, on="id").to_list() == []
    assert new.diff(old, on="id", same=True, status_col="s").order_by("x").to_list("s", "x") == [
        ("S", "a"),
        ("S", "b"),
        ("S", "c"),
    ]
    assert new.diff(old, on="id", compare="x").explain().count("rows=0") == 2
    other = old.mutate(x=dc.func.string.replace("x", "b", "B"))
    assert new.diff(other, on="id").to_list() == [(2, "b")]
    assert new.subtract(old, on="id").to_list() == []
    assert new.subtract(other, on=["id", "x"]).to_list() == [(2, "b")]


def test_files(files: Path) -> None:
    old = dc.read_storage(str(files), update=True).save("files")
    (files / "a.txt").write_text("changed")
    (files / "b.md").unlink()
    (files / "new.txt").write_text("new")
    new = dc.read_storage(str(files), update=True)
    flags = {"added": True, "deleted": True, "modified": True, "same": True}
    found = new.file_diff(old, **flags, status_col="s").order_by("file.path")
    expected = [("M", "a.txt"), ("D", "b.md"), ("A", "new.txt"), ("S", "sub/c.txt")]
    assert found.to_list("s", "file.path") == expected
    assert [f.size for f in found.to_values("file")] == [7, 3, 3, 1]
    assert sorted(new.file_diff(old).to_values("file.path")) == ["a.txt", "new.txt"]
    renamed = old.mutate(before=dc.C("file"))
    deleted = new.file_diff(renamed, right_on="before", deleted=True, added=False, modified=False)
    assert [(f.path, f.size) for f in deleted.to_values("file")] == [("b.md", 3)]


def test_compare_and_split(new: dc.DataChain, old: dc.DataChain) -> None:
    parts = compare_and_split(new, old, on="id", same=True)
    assert {kind: sorted(part.to_list(), key=repr) for kind, part in parts.items()} == {
        "A": [A[1:]],
        "D": [D[1:]],
        "M": [M[1:]],
        "S": sorted((row[1:] for row in SAME), key=repr),
    }
    assert list(compare_and_split(new, old, on="id", modified=False)) == ["A", "D"]
    assert parts[CompareStatus.ADDED].count() == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"added": False, "deleted": False, "modified": False}, DataChainParamsError, "at least"),
        ({"on": []}, DataChainParamsError, "cannot be empty"),
        ({"on": ["id"], "right_on": ["id", "x"]}, DataChainParamsError, "same length"),
        ({"right_compare": "x"}, DataChainParamsError, "'compare' must be defined"),
        ({"compare": ["x"], "right_compare": ["x", "y"]}, DataChainParamsError, "same length"),
        ({"on": "idd"}, SignalResolvingError, "did you mean `id`"),
        ({"compare": "xx"}, SignalResolvingError, "unknown column `xx`"),
        ({"compare": "x", "right_compare": "y"}, DataChainColumnError, "cannot be compared"),
        ({"status_col": "x"}, DataChainColumnError, "already exists"),
        ({"status_col": "a.b"}, DataChainParamsError, "must not be empty"),
    ],
)
def test_refuses(new: dc.DataChain, old: dc.DataChain, options, error, message) -> None:
    with pytest.raises(error) as caught:
        new.diff(old, **({"on": "id"} | options))
    assert message in str(caught.value)
