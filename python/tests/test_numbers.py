"""Numbers at the edges of their types: what does not fit, and not-a-number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

MOST, LEAST = 2**63 - 1, -(2**63)
NAN = math.nan


class Inner(BaseModel):
    z: int


@pytest.mark.parametrize(
    ("expr", "shown"),
    [
        (lambda: C("x") + MOST, f"`x + {MOST}`"),
        (lambda: C("x") * 2, "`x * 2`"),
        (lambda: C("x") - LEAST, f"`x - {LEAST}`"),
        (lambda: -C("y"), "`-y`"),
        (lambda: -(C("y") + 0), "`-(y + 0)`"),
        (lambda: (C("x") + 1 - 1) * (C("x") - 1), "`x + 1`"),
        (lambda: C("x") - (C("y") - 1), "`y - 1`"),
        (lambda: C("m.z") * 3 + C("x"), "`m.z * 3`"),
    ],
)
def test_whole_numbers_do_not_wrap(expr: Callable[[], dc.Expr], shown: str) -> None:
    schema = {"x": int, "y": int, "m": Inner}
    row = {"x": MOST, "y": LEAST, "m": {"z": MOST}}
    chain = dc.read_records([row], schema=schema)
    with pytest.raises(DataChainColumnError) as caught:
        chain.mutate(new=expr()).to_list()
    assert shown.strip("`") in str(caught.value)
    assert "overflows int64; hint: " in str(caught.value)


def test_what_fits_is_computed() -> None:
    chain = dc.read_values(x=[MOST, 1, None], y=[LEAST, 2, 3])
    made = chain.mutate(a=C("x") - 1, b=C("x") + C("y"), c=-C("x"), d=C("y") * 1)
    assert made.to_list("a", "b", "c", "d") == [
        (MOST - 1, -1, -MOST, LEAST),
        (0, 3, -1, 2),
        (None, None, None, 3),
    ]


def test_wider_numbers_make_room() -> None:
    chain = dc.read_values(x=[MOST], small=[1.5])
    assert chain.mutate(y=C("x").cast(float) * 2).to_values("y") == [2.0**64]
    assert chain.mutate(y=C("x") + C("small")).to_values("y") == [2.0**63]
    bytes_ = dc.read_arrow(pa.table({"b": pa.array([100, -128], pa.int8())}))
    assert bytes_.mutate(y=C("b") * 2).to_values("y") == [200, -256]
    with pytest.raises(DataChainColumnError, match=r"`b \+ b` overflows int8"):
        bytes_.mutate(y=C("b") + C("b")).to_list()


def test_a_filter_before_spares_the_others() -> None:
    chain = dc.read_values(x=[MOST, 1])
    assert chain.filter(C("x") < 5).mutate(y=C("x") * 2).to_values("y") == [2]


def test_sums_do_not_wrap() -> None:
    chain = dc.read_values(k=["a", "a", "b"], x=[MOST, MOST, 1])
    for total in (
        lambda: chain.sum("x"),
        lambda: chain.group_by(s=func.sum("x"), partition_by="k").to_list(),
    ):
        with pytest.raises(DataChainColumnError, match=r"`sum\(x\)` overflows int64; hint"):
            total()
    assert chain.sum(C("x").cast(float)) == 2.0**64


def test_only_the_result_of_a_sum_counts() -> None:
    chain = dc.read_values(k=[1, 1, 1, 2], x=[MOST, MOST, -MOST, None])
    assert chain.sum("x") == MOST
    groups = chain.group_by(s=func.sum("x"), n=func.count("x"), partition_by="k")
    assert groups.order_by("k").to_list() == [(1, MOST, 3), (2, None, 0)]
    big = dc.read_arrow(pa.table({"u": pa.array([2**64 - 2, 1], pa.uint64())}))
    assert big.sum("u") == 2**64 - 1


def test_an_overflow_below_a_group_is_named() -> None:
    chain = dc.read_values(k=list(range(50)), x=[MOST] * 50).mutate(y=C("x") + C("k"))
    with pytest.raises(DataChainColumnError, match=r"`x \+ k` overflows int64"):
        chain.group_by(n=func.count(), s=func.max("y"), partition_by="k").to_list()


@pytest.fixture(params=["values", "parquet", "pages", "dataset"])
def numbers(request: pytest.FixtureRequest, tmp_path: Path) -> dc.DataChain:
    """The same floats from memory, Parquet files and a dataset."""
    values = [1.0, NAN, 3.0, 2.0, NAN, 2.5]
    table = pa.table({"row": range(6), "x": values, "half": pa.array(values, pa.float32())})
    chain = dc.read_arrow(table)
    if request.param == "values":
        return chain
    if request.param == "dataset":
        return chain.save("numbers")
    pages = request.param == "pages"
    path = tmp_path / "numbers.parquet"
    pq.write_table(table, path, row_group_size=2, write_page_index=pages)
    return dc.read_parquet(path)


@pytest.mark.parametrize("column", ["x", "half"])
def test_nan_is_the_largest_number_wherever_it_comes_from(
    numbers: dc.DataChain, column: str
) -> None:
    def rows(condition: dc.Expr) -> list[Any]:
        return numbers.filter(condition).to_values("row")

    x = C(column)
    assert rows(x > 2) == [1, 2, 4, 5]
    assert rows(x > 100) == [1, 4]
    assert rows(x < 2.5) == [0, 3]
    assert rows(x == NAN) == [1, 4]
    assert rows(x != NAN) == [0, 2, 3, 5]
    assert rows(~(x < 100)) == [1, 4]
    assert rows(x.in_([NAN, 1.0])) == [0, 1, 4]
    assert rows(x.between(2, 2.5)) == [3, 5]
    assert numbers.min(column) == 1.0
    assert math.isnan(numbers.max(column))
    assert math.isnan(numbers.sum(column))
    assert numbers.order_by(column, "row").to_values("row") == [0, 3, 5, 2, 1, 4]
    top = numbers.order_by(x.desc(), "row").limit(3)
    assert top.to_values("row") == [1, 4, 2]
