"""Columns from sequences, and the types that are inferred."""

from __future__ import annotations

import pyarrow as pa
import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, ValuesToTupleError


def test_all_values_tell_the_type() -> None:
    chain = dc.read_values(a=[1, 2.5, None], b=["x", "y", "z"], c=[[1], [], [2, 3]])
    assert chain.schema == {"a": float | None, "b": str, "c": list[int]}
    assert chain.to_list() == [(1.0, "x", [1]), (2.5, "y", []), (None, "z", [2, 3])]


def test_output() -> None:
    assert dc.read_values(a=[1], output=float).schema == {"a": float}
    assert dc.read_values(a=[1], b=[None], output={"a": int, "b": int | None}).to_list() == [
        (1, None)
    ]


def test_iterables_and_nothing() -> None:
    assert dc.read_values(a=range(3)).to_values("a") == [0, 1, 2]
    assert dc.read_values(a=[]).to_list() == []


@pytest.mark.parametrize(
    ("call", "part"),
    [
        ({"a": [1], "b": [1, 2]}, "`b` has 2 values, but `a` has 1"),
        ({"a": [b"x", "x"]}, "all values of a column need one type"),
        ({"a": "text"}, "`a` takes a list"),
        ({"a": 1}, "`a` takes a list"),
        ({"a": [1], "b": [2], "output": int}, "one type for 2 columns"),
        ({"a": [1], "output": {"b": int}}, "for the columns `b`, but there are `a`"),
    ],
)
def test_refuses(call: dict[str, object], part: str) -> None:
    with pytest.raises(ValuesToTupleError) as caught:
        dc.read_values(**call)
    assert part in str(caught.value)


def test_sessions_are_apart() -> None:
    with dc.Session(in_memory=True):
        dc.read_values(a=[1]).save("inside")
        assert dc.datasets().to_values("name") == ["inside"]
    assert dc.datasets().empty


@pytest.mark.parametrize("heights", [[3, 9000], [1000, 3000, 20000], [8192, 8193], [1, 70000, 5]])
def test_batches_stay_in_order(heights: list[int]) -> None:
    total = sum(heights)
    starts = [sum(heights[:at]) for at in range(len(heights))]
    batches = [
        pa.record_batch({"a": list(range(start, start + height))})
        for start, height in zip(starts, heights, strict=True)
    ]
    chain = dc.read_arrow(pa.Table.from_batches(batches))
    assert chain.to_values("a") == list(range(total))
    assert chain.limit(2).map(b=lambda a: a, output=int).to_values("b") == [0, 1]
    assert chain.save("kept").to_values("a") == list(range(total))


def test_nested_in_one_column() -> None:
    chain = dc.read_values(fib=[1, 2], odd=["odd", None], column="custom")
    assert list(chain.schema) == ["custom"]
    assert chain.to_list("custom.fib", "custom.odd") == [(1, "odd"), (2, None)]
    assert chain.to_values("custom")[0].fib == 1
    assert chain.save("numbers").filter(dc.C("custom.fib") > 1).count() == 1
    with pytest.raises(DataChainParamsError, match="`a b`"):
        dc.read_values(x=[1], column="a b")
