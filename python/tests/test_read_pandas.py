"""Data frames of pandas and Polars as chains."""

from __future__ import annotations

import datetime as dt
import math
import sys
from decimal import Decimal

import pandas as pd
import polars as pl
import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, DatasetPrepareError, ValuesToTupleError

UTC = dt.UTC


class Box(BaseModel):
    width: int


def test_columns_without_the_index() -> None:
    df = pd.DataFrame({"Name": ["a", "b"], "size": [1, 2]}, index=[7, 9])
    chain = dc.read_pandas(df)
    assert chain.schema == {"name": str | None, "size": int | None}
    assert chain.to_list() == [("a", 1), ("b", 2)]
    assert chain.to_pandas().equals(pd.DataFrame({"name": ["a", "b"], "size": [1, 2]}))


def test_levels_are_joined() -> None:
    levels = pd.MultiIndex.from_tuples([("A", "cat"), ("B", 1)])
    chain = dc.read_pandas(pd.DataFrame([[1, 2]], columns=levels))
    assert chain.to_records() == [{"a_cat": 1, "b_1": 2}]


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (["First Name"], "`First Name` of `pets` is no name"),
        ([""], "is no name"),
        ([0], "`0` of `pets` is no name"),
        (["a", "A"], "two columns of `pets` are called `a`"),
    ],
)
def test_names(names: list[object], part: str) -> None:
    df = pd.DataFrame([[1] * len(names)], columns=names)
    with pytest.raises(DatasetPrepareError, match=part):
        dc.read_pandas(df, "pets")


def test_what_is_missing() -> None:
    df = pd.DataFrame(
        {
            "f": [math.nan, math.inf],
            "t": ["a", math.nan],
            "o": pd.Series([None, "b"], dtype=object),
            "n": pd.array([1, None], dtype="Int64"),
            "b": pd.array([None, True], dtype="boolean"),
            "s": pd.array(["x", None], dtype="string"),
            "d": pd.to_datetime(["2024-01-31", None]),
            "c": pd.Categorical(["u", None]),
        }
    )
    first, second = dc.read_pandas(df).to_list()
    assert math.isnan(first[0])
    assert second[0] == math.inf
    assert first[1:6] == ("a", None, 1, None, "x")
    assert second[1:6] == (None, "b", None, True, None)
    assert first[6].date() == dt.date(2024, 1, 31)
    assert (second[6], first[7], second[7]) == (None, "u", None)


def test_objects_have_the_types_of_values() -> None:
    df = pd.DataFrame(
        {
            "box": [Box(width=1), Box(width=2)],
            "dict": [{"a": 1}, None],
            "list": [[1, 2], []],
            "mixed": [1, "x"],
            "money": [Decimal("1.5"), Decimal(2)],
            "float": pd.Series([0.5, math.nan], dtype=object),
        }
    )
    chain = dc.read_pandas(df)
    assert chain.schema["box"] == Box
    assert chain.to_list("box.width", "dict", "list", "mixed", "money") == [
        (1, {"a": 1}, [1, 2], 1, Decimal("1.5")),
        (2, None, [], "x", Decimal(2)),
    ]
    assert math.isnan(chain.to_values("float")[1])
    with pytest.raises(ValuesToTupleError, match="column `x`"):
        dc.read_pandas(pd.DataFrame({"x": [b"x", "x"]}))


def test_points_in_time_with_zones() -> None:
    at = dt.datetime(2024, 1, 31, 12, tzinfo=UTC)
    df = pd.DataFrame(
        {
            "zone": pd.Series([at]).dt.tz_convert("Europe/Berlin"),
            "took": [pd.Timedelta(seconds=90)],
            "sparse": pd.arrays.SparseArray([1]),
        }
    )
    (row,) = dc.read_pandas(df).to_list()
    assert row == (at, dt.timedelta(seconds=90), 1)


def test_refuses_what_no_column_can_have() -> None:
    with pytest.raises(DatasetPrepareError, match="period"):
        dc.read_pandas(pd.DataFrame({"p": pd.period_range("2024", periods=1, freq="M")}))
    with pytest.raises(DataChainParamsError, match="DataFrame"):
        dc.read_pandas([1])
    with pytest.raises(DataChainParamsError, match="no columns"):
        dc.read_pandas(pd.DataFrame())


def test_nested_in_one_column() -> None:
    df = pd.DataFrame({"x": [1, 2], "o": [{"a": 1}, {"a": 2}]})
    chain = dc.read_pandas(df, column="row").filter(dc.C("row.x") > 1)
    assert chain.to_list("row.x", "row.o") == [(2, {"a": 2})]
    assert list(chain.save("rows").schema) == ["row"]


def test_rows_beside_each_other_stay_so() -> None:
    count = 300_000
    df = pd.DataFrame({"n": range(count), "t": pd.Series(map(str, range(count)), dtype=object)})
    chain = dc.read_pandas(df)
    assert chain.count() == count
    assert chain.filter(dc.C("n") % 50_000 == 7).to_list() == [
        (n, str(n)) for n in range(7, count, 50_000)
    ]


def test_polars() -> None:
    df = pl.DataFrame(
        {
            "Name": ["a", None],
            "at": [{"x": 1}, {"x": 2}],
            "kind": pl.Series(["u", "v"], dtype=pl.Categorical),
            "box": pl.Series([Box(width=1), Box(width=2)], dtype=pl.Object),
        }
    )
    chain = dc.read_polars(df)
    assert chain.to_list("Name", "at.x", "kind", "box.width") == [
        ("a", 1, "u", 1),
        (None, 2, "v", 2),
    ]
    assert dc.read_polars(df.lazy().select("Name"), column="row").to_values("row.Name") == [
        "a",
        None,
    ]
    assert dc.read_polars(df.select("box")).to_values("box.width") == [1, 2]
    with pytest.raises(DataChainParamsError, match=r"polars\.DataFrame"):
        dc.read_polars(pd.DataFrame({"x": [1]}))


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    df = pd.DataFrame(
        {
            "i": [1, 2],
            "f": [0.5, math.nan],
            "n": pd.array([1, None], dtype="Int64"),
            "t": pd.Series(["a", None], dtype=object),
            "d": pd.to_datetime(["2024-01-31", None]),
            "c": pd.Categorical(["u", None]),
        }
    )
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    first, second = dc.read_pandas(df).to_list()
    assert first[:4] == (1, 0.5, 1, "a")
    assert first[4].date() == dt.date(2024, 1, 31)
    assert math.isnan(second[1])
    assert (second[0], *second[2:], first[5]) == (2, None, None, None, None, "u")
