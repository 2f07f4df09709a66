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


@pytest.fixture
def signs() -> dc.DataChain:
    """Zeros and NaN of either sign: as columns, in a model and in lists."""
    x = pa.array([-0.0, 0.0, NAN, -NAN, 1.0, None])
    models = pa.StructArray.from_arrays([x], ["z"])
    lists = pa.ListArray.from_arrays(pa.array(range(7), pa.int32()), x)
    half = x.cast(pa.float32())
    table = {"row": range(6), "x": x, "half": half, "m": models, "list": lists}
    return dc.read_arrow(pa.table(table))


FLOATS = pytest.mark.parametrize("column", ["x", "half", "m", "m.z", "list"])


@FLOATS
def test_order_does_not_look_at_signs(signs: dc.DataChain, column: str) -> None:
    assert signs.order_by(column, "row").to_values("row") == [0, 1, 4, 2, 3, 5]
    top = signs.filter(C("row") < 5).order_by(C(column).desc(), "row")
    assert top.to_values("row") == [2, 3, 4, 0, 1]
    assert top.limit(2).to_values("row") == [2, 3]


@FLOATS
def test_groups_do_not_look_at_signs(signs: dc.DataChain, column: str) -> None:
    def rows(row: list[int]) -> list[str]:
        return [str(row)]

    counted = signs.group_by(n=func.count(), first=func.min("row"), partition_by=column)
    assert counted.order_by("first").to_list("first", "n") == [(0, 2), (2, 2), (4, 1), (5, 1)]
    made = signs.agg(rows=rows, partition_by=column).order_by("rows")
    assert made.to_values("rows") == ["[0, 1]", "[2, 3]", "[4]", "[5]"]


@pytest.mark.parametrize("column", ["x", "half"])
def test_keys_of_groups_have_no_sign(signs: dc.DataChain, column: str) -> None:
    def first(row: list[int]) -> list[int]:
        return row[:1]

    counted = signs.group_by(n=func.count(), partition_by=column).order_by(column)
    assert [str(key) for key in counted.to_values(column)] == ["0.0", "1.0", "nan", "None"]
    made = signs.agg(row=first, partition_by=column, keep=True).order_by("row")
    assert [str(key) for key in made.to_values(column)] == ["0.0", "nan", "1.0", "None"]
    bits = made.to_arrow()[column].to_numpy().view("i8" if column == "x" else "i4")
    assert (bits[:2] >= 0).all()


@pytest.mark.parametrize("column", ["x", "half", "m.z"])
def test_comparisons_do_not_look_at_signs(signs: dc.DataChain, column: str) -> None:
    def rows(condition: dc.Expr) -> list[Any]:
        return signs.filter(condition).to_values("row")

    x = C(column)
    assert rows(x == 0) == rows(x == -0.0) == rows(x <= -0.0) == rows(x < 1) == [0, 1]
    assert rows(x < 0) == []
    assert rows(x >= 0) == [0, 1, 2, 3, 4]
    assert rows(x > 1) == rows(x == NAN) == rows(x == -NAN) == [2, 3]
    assert rows(x != 0) == [2, 3, 4]
    assert rows(x.in_([0.0])) == rows(x.between(0, 0.5)) == [0, 1]
    assert rows(func.greatest(x, 5.0) == 5) == [0, 1, 4, 5]
    assert rows(func.least(x, -0.0) == 0) == [0, 1, 2, 3, 4, 5]
    assert (str(signs.min(column)), str(signs.max(column))) == ("0.0", "nan")


def test_values_keep_their_signs(signs: dc.DataChain) -> None:
    bits = signs.order_by("x", "row").limit(2).to_arrow()["x"].to_numpy().view("i8")
    assert bits.tolist() == [-(2**63), 0]
    assert [str(x) for x in signs.filter(C("x") == 0).to_values("x")] == ["-0.0", "0.0"]


LARGE = 2**64 - 1


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (lambda: C("u") % 10, [LARGE % 10, 7, None]),
        (lambda: C("u") // 10, [LARGE // 10, 0, None]),
        (lambda: C("u") % C("i"), [LARGE % 10, 7 % -2, None]),
        (lambda: C("u") // C("i"), [LARGE // 10, 7 // -2, None]),
        (lambda: C("u") // C("v"), [1, 3, None]),
        (lambda: C("i") % C("v"), [10, 0, 0]),
        (lambda: C("i") // C("v"), [0, -1, 3]),
        (lambda: C("u") % 0, [None, None, None]),
    ],
)
def test_whole_numbers_without_sign_are_divided_as_they_are(
    expr: Callable[[], dc.Expr], expected: list[int | None]
) -> None:
    columns = {
        "u": pa.array([LARGE, 7, None], pa.uint64()),
        "i": [10, -2, 3],
        "v": pa.array([LARGE, 2, 1], pa.uint64()),
    }
    assert dc.read_arrow(pa.table(columns)).mutate(r=expr()).to_values("r") == expected


def test_a_quotient_that_does_not_fit_names_its_columns() -> None:
    table = pa.table({"u": pa.array([LARGE], pa.uint64()), "one": [1]})
    with pytest.raises(DataChainColumnError, match=rf"`u // one = {LARGE} // 1` overflows int64"):
        dc.read_arrow(table).mutate(r=C("u") // C("one")).to_values("r")


def test_random_numbers_are_divided() -> None:
    dc.read_values(i=list(range(100))).save("numbers")
    rest = dc.read_dataset("numbers").mutate(r=C("sys.rand") % 10).to_values("r")
    assert set(rest) <= set(range(10))
    assert len(set(rest)) > 1
