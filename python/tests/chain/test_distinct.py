"""The first row of each combination of values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainParamsError, SignalResolvingError

if TYPE_CHECKING:
    from pathlib import Path


class DistinctPoint(dc.DataModel):
    x: int | None
    y: int


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        (["kind"], [0, 1, 3]),
        (["kind", "x"], [0, 1, 2, 3]),
        (["x"], [0, 2, 3]),
        ([C("x")], [0, 2, 3]),
        ([(C("x") > 1).label("big")], [0, 2, 3]),
        (["id"], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_keeps_the_first_in_the_order_of_rows(keys: list[Any], ids: list[int]) -> None:
    columns = {
        "kind": ["a", "b", "a", None, None, "b"],
        "x": [1, 1, 2, None, None, 1],
        "id": list(range(6)),
    }
    for chain in (dc.read_values(**columns), dc.read_values(**columns).save("rows")):
        assert chain.distinct(*keys).to_values("id") == ids
        assert chain.distinct(*keys).count() == len(ids)


def test_all_columns_stay_and_named_expressions_are_added() -> None:
    chain = dc.read_values(name=["a.x", "b.x", "c.y"])
    made = chain.distinct(ext=func.path.file_ext("name"))
    assert made.to_list() == [("a.x", "x"), ("c.y", "y")]


def test_follows_a_sort() -> None:
    chain = dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3])
    assert chain.order_by("x", descending=True).distinct("kind").to_list() == [("a", 3), ("b", 2)]


def test_floats_are_numbers() -> None:
    chain = dc.read_values(x=[0.0, -0.0, math.nan, math.nan, 1.0], id=[0, 1, 2, 3, 4])
    assert chain.distinct("x").to_values("id") == [0, 2, 4]


def test_models_are_all_of_their_fields() -> None:
    points = [
        DistinctPoint(x=1, y=1),
        DistinctPoint(x=1, y=2),
        DistinctPoint(x=None, y=1),
        None,
        DistinctPoint(x=1, y=1),
        None,
    ]
    chain = dc.read_values(p=points, id=list(range(6)))
    assert chain.distinct("p").to_values("id") == [0, 1, 2, 3]
    assert chain.distinct("p.x").to_values("id") == [0, 2]


def test_files(files: Path) -> None:
    chain = dc.read_storage(str(files))
    assert (chain | chain).distinct("file.path").count() == 3
    assert (chain | chain).distinct("file").count() == 3


def test_lists_and_many_rows() -> None:
    rows = pa.table({"l": [[n % 7] for n in range(20_000)], "n": list(range(20_000))})
    assert dc.read_arrow(rows).distinct("l").to_values("n") == list(range(7))


def test_a_function_before_it_is_called_once_a_row() -> None:
    calls: list[int] = []

    def seen(x: int) -> int:
        calls.append(x)
        return x % 2

    assert dc.read_values(x=[1, 2, 3]).map(odd=seen).distinct("odd").to_values("x") == [1, 2]
    assert sorted(calls) == [1, 2, 3]


def test_refuses(chain: dc.DataChain) -> None:
    with pytest.raises(TypeError, match="at least one column"):
        chain.distinct()
    with pytest.raises(SignalResolvingError, match="did you mean `name`"):
        chain.distinct("nam")
    with pytest.raises(DataChainParamsError, match="cannot infer a name"):
        chain.distinct(C("size") + 1)
    with pytest.raises(TypeError, match="supports only `str` or `Column`"):
        chain.distinct(3)  # type: ignore[arg-type]


def test_a_sort_above_does_not_choose_the_rows() -> None:
    chain = dc.read_values(id=[0, 1, 2], n=[None, None, 5], s=["a", "b", "c"])
    first = chain.distinct("n")
    assert first.order_by("id", descending=True).to_values("id") == [2, 0]
    assert first.order_by("id").limit(1).to_values("s") == ["a"]
    assert chain.filter(dc.C("id") > 9).order_by("id").distinct("id").limit(3).to_list() == []
