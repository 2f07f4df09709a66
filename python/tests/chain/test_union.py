"""The rows of one chain and then those of another."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import UnionSchemaMismatchError


class UnionPoint(dc.DataModel):
    x: int
    note: str | None = None


class Fine(dc.DataModel):
    x: float
    note: str


def test_all_rows_of_both_in_their_order() -> None:
    one, two = dc.read_values(x=[3, 1, 1], s=["c", "a", "a"]), dc.read_values(s=["b"], x=[2])
    rows = [(3, "c"), (1, "a"), (1, "a"), (2, "b")]
    for chain in (one.union(two), one | two):
        assert chain.to_list() == rows
        assert list(chain.schema) == ["x", "s"]
        assert chain.offset(2).limit(1).to_list() == [(1, "a")]
        assert chain.filter(C("x") > 1).to_values("s") == ["c", "b"]
    assert (one | two).save("both").to_list() == rows
    assert (one | two).map(same=lambda x: x).to_values("same") == [3, 1, 1, 2]
    assert (one | one).count() == 6


@pytest.mark.parametrize("rows", [0, 1, 20_000])
def test_order_over_many_batches(rows: int) -> None:
    saved = dc.read_values(x=list(range(rows))).save("numbers") if rows else None
    chain = saved or dc.read_values(x=[], output={"x": int})
    assert (chain | chain).to_values("x") == [*range(rows), *range(rows)]


@pytest.mark.parametrize(
    ("one", "two", "values"),
    [
        ([1], [2.5], [1.0, 2.5]),
        (["a"], [None], ["a", None]),
        ([Decimal("1.5")], [Decimal("2.25")], [Decimal("1.50"), Decimal("2.25")]),
        ([[1]], [[2.5, 3.0]], [[1.0], [2.5, 3.0]]),
        (
            [UnionPoint(x=1)],
            [UnionPoint(x=2, note="n")],
            [UnionPoint(x=1), UnionPoint(x=2, note="n")],
        ),
        ([UnionPoint(x=1), None], [UnionPoint(x=2)], [UnionPoint(x=1), None, UnionPoint(x=2)]),
        ([[1.0, 2.0]], [[1.0, 2.0, 3.0]], [[1.0, 2.0], [1.0, 2.0, 3.0]]),
    ],
)
def test_types_are_widened(one: list[Any], two: list[Any], values: list[Any]) -> None:
    chain = dc.read_values(x=one) | dc.read_values(x=two)
    assert chain.to_values("x") == values
    assert chain.settings(vectors=False).save("wide").to_values("x") == values


def test_sorted_rows_stay_sorted() -> None:
    chain = dc.read_values(x=[2, 3, 1])
    both = chain.order_by("x", descending=True) | chain.order_by("x")
    assert both.to_values("x") == [3, 2, 1, 1, 2, 3]
    assert both.offset(1).limit(3).to_values("x") == [2, 1, 1]


def test_a_field_that_may_be_missing_makes_both_optional() -> None:
    chain = dc.read_values(x=[1]) | dc.read_values(x=[None], output={"x": int | None})
    assert str(chain.schema) == "x: Optional[int]"


def test_models_of_other_names_are_those_of_the_left() -> None:
    chain = dc.read_values(p=[Fine(x=0.5, note="f")]) | dc.read_values(
        p=[UnionPoint(x=2, note="p")]
    )
    assert chain.to_values("p") == [Fine(x=0.5, note="f"), Fine(x=2.0, note="p")]


def test_integers_of_all_widths() -> None:
    narrow = dc.read_arrow(pa.table({"x": pa.array([1], pa.int8())}))
    wide = dc.read_arrow(pa.table({"x": pa.array([2**40], pa.int64())}))
    assert (narrow | wide).to_values("x") == (narrow.union(wide)).to_values("x") == [1, 2**40]


def test_a_loop_of_unions_is_one_step() -> None:
    chain = dc.read_values(x=[0])
    for number in range(1, 500):
        chain |= dc.read_values(x=[number])
    assert chain.to_values("x") == list(range(500))


def test_functions_of_both_sides() -> None:
    one = dc.read_values(x=[1]).map(y=lambda x: x + 1)
    two = dc.read_values(x=[5]).map(y=lambda x: x * 2)
    assert (one | two).to_list() == [(1, 2), (5, 10)]


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        ({"x": [1]}, {"y": [1]}, "union. x only present in left. y only present in right."),
        ({"x": [1], "y": [1]}, {"x": [1]}, "Cannot perform union. y only present in left."),
        ({"p": [UnionPoint(x=1)]}, {"p": [1]}, "p.note, p.x only present in left."),
        ({"x": [1]}, {"x": ["a"]}, "int64 here and str in the other chain share no type"),
    ],
)
def test_refuses_other_columns(one, two, message) -> None:
    with pytest.raises(UnionSchemaMismatchError) as caught:
        dc.read_values(**one).union(dc.read_values(**two))
    assert message in str(caught.value)


def test_takes_chains_only() -> None:
    with pytest.raises(TypeError):
        dc.read_values(x=[1]).union([1])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        dc.read_values(x=[1]) | 1  # type: ignore[operator]
