"""Which rows `filter` keeps."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (lambda: C("size") > 3, ["dog", "fox"]),
        (lambda: 3 < C.size, ["dog", "fox"]),  # noqa: SIM300
        (lambda: C("size").is_(None), ["eel"]),
        (lambda: C("size").is_not(None), ["cat", "dog", "fox"]),
        (lambda: C("size") == None, ["eel"]),  # noqa: E711
        (lambda: C("size") != None, ["cat", "dog", "fox"]),  # noqa: E711
        (lambda: ~(C("size") > 3), ["cat"]),
        (lambda: (C("size") > 3) & C("tame"), ["dog"]),
        (lambda: (C("size") > 4) | ~C("tame"), ["dog", "eel", "fox"]),
        (lambda: C("tame").is_(other=True), ["cat", "dog"]),
        (lambda: C("name").in_(["cat", "fox"]), ["cat", "fox"]),
        (lambda: C("name").not_in(["cat", "fox"]), ["dog", "eel"]),
        (lambda: C("size").between(3, 4), ["cat", "fox"]),
        (lambda: C("name").like("%o%"), ["dog", "fox"]),
        (lambda: C("name").ilike("%O%"), ["dog", "fox"]),
        (lambda: C("name").glob("[de]??"), ["dog", "eel"]),
        (lambda: C("name").glob("[!de]*"), ["cat", "fox"]),
        (lambda: C("name").glob("o"), []),
        (lambda: C("name").glob("*o?"), ["dog", "fox"]),
        (lambda: C("name").glob("_o%"), []),
        (lambda: C("name").regexp("o[gx]"), ["dog", "fox"]),
        (lambda: C("name").startswith("c"), ["cat"]),
        (lambda: C("name").endswith("x"), ["fox"]),
        (lambda: C("name").contains("o"), ["dog", "fox"]),
        (lambda: C("size") // 2 == 2, ["dog", "fox"]),
        (lambda: C("size") % 2 == 1, ["cat", "dog"]),
        (lambda: 10 - C("size") == 5, ["dog"]),
        (lambda: -C("size") == -4, ["fox"]),
        (lambda: C("size") / 2 == 1.5, ["cat"]),
        (lambda: C("size").cast(str) == "5", ["dog"]),
        (lambda: func.or_(C("size") == 3, func.isnone("size")), ["cat", "eel"]),
        (lambda: func.and_(func.not_("tame"), C("size") == 4), ["fox"]),
    ],
)
def test_keeps_rows_for_which_it_is_true(chain: dc.DataChain, condition, names) -> None:
    assert chain.filter(condition()).to_values("name") == names


def test_all_conditions_must_hold(chain: dc.DataChain) -> None:
    assert chain.filter(C("size") > 3, C("tame")).to_values("name") == ["dog"]
    assert chain.filter().count() == 4


def test_filters_limited_rows(chain: dc.DataChain) -> None:
    assert chain.limit(1).filter(C("size") > 3).to_list() == []


def test_refuses_what_python_already_decided(chain: dc.DataChain) -> None:
    with pytest.raises(DataChainColumnError) as caught:
        chain.filter(C("size") is None)
    assert "hint: C(...) == value" in str(caught.value)


def test_expressions_have_no_truth_value() -> None:
    with pytest.raises(TypeError) as caught:
        C("a") == 1 and C("b") == 2
    assert "& | ~" in str(caught.value)


def day(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)  # noqa: DTZ001


@pytest.mark.parametrize("source", ["values", "dataset", "parquet"])
@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (lambda: C("ns") < day(9999, 1, 1), [1, 2]),
        (lambda: C("ns") > day(1, 1, 1), [1, 2]),
        (lambda: C("ns") == day(2020, 1, 1), [2]),
        (lambda: C("ns") != day(9999, 1, 1), [1, 2]),
        (lambda: C("ns").in_([day(9999, 1, 1), day(2020, 1, 1)]), [2]),
        (lambda: C("ns").not_in([day(9999, 1, 1), day(2020, 1, 1)]), [1]),
        (lambda: C("ns").between(day(1, 1, 1), day(9999, 1, 1)), [1, 2]),
        (lambda: C("ns") >= dt.date(2020, 1, 1), [2]),
        (lambda: C("s") > C("ns"), [1]),
        (lambda: C("s") == C("ns"), [2]),
        (lambda: C("day") == day(2020, 1, 1), [2]),
        (lambda: C("day") < day(2020, 1, 1), [1]),
        (lambda: C("day") <= C("ns"), [1, 2]),
        (lambda: C("clock") > dt.time(2), [1]),
        (lambda: C("clock") == dt.time(2), [2]),
        (lambda: C("clock") < C("fine"), [2]),
        (lambda: C("berlin") == C("ns"), [2]),
        (lambda: C("berlin") == C("s"), [2]),
        (lambda: C("berlin") <= C("day"), [2]),
        (lambda: C("berlin") == day(2020, 1, 1), [2]),
        (lambda: C("berlin") == "2020-01-01 00:00:00", [2]),
        (lambda: C("berlin") == "2020-01-01T01:00:00+01:00", [2]),
        (lambda: C("berlin").in_(["2020-01-01 00:00:00"]), [2]),
    ],
)
def test_compares_points_in_time_of_any_unit(source: str, condition, ids, tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": [1, 2, 3],
            "ns": pa.array([day(1970, 1, 1), day(2020, 1, 1), None], pa.timestamp("ns")),
            "s": pa.array([day(9999, 1, 1), day(2020, 1, 1), None], pa.timestamp("s")),
            "berlin": pa.array(
                [day(2021, 7, 1), day(2020, 1, 1), None], pa.timestamp("us", "Europe/Berlin")
            ),
            "day": pa.array([dt.date(1, 1, 1), dt.date(2020, 1, 1), None]),
            "clock": pa.array([dt.time(3), dt.time(2), None], pa.time32("ms")),
            "fine": pa.array([dt.time(3), dt.time(2, 0, 0, 1), None], pa.time64("ns")),
        }
    )
    if source == "parquet":
        pq.write_table(table, tmp_path / "t.parquet")
        chain = dc.read_parquet(tmp_path / "t.parquet")
    else:
        chain = dc.read_arrow(table)
        chain = chain.save("moments") if source == "dataset" else chain
    assert chain.filter(condition()).to_values("id") == ids


HUGE = 2**62


@pytest.mark.parametrize(
    ("first", "then", "names"),
    [
        (lambda: C("x") < 5, lambda: C("x") * 4 > 4, ["b"]),
        (lambda: C("x") < 5, lambda: C("x") + HUGE > HUGE + 1, ["b"]),
        (lambda: C("s") != "no", lambda: C("s").cast(int) > 0, ["a", "b", "d"]),
        (lambda: C("s").regexp("[0-9]"), lambda: C("s").cast(int) > 1, ["b", "d"]),
        (lambda: C("x").is_not(None), lambda: C("x") - 1 > 0, ["b", "c"]),
        (lambda: C("x") != HUGE, lambda: (C("x") * 4).cast(str) == "8", ["b"]),
    ],
)
@pytest.mark.parametrize("source", ["values", "dataset", "parquet", "many"])
def test_a_filter_sees_only_rows_that_those_before_it_keep(
    tmp_path: Path, source: str, first, then, names
) -> None:
    columns = {"name": ["a", "b", "c", "d"], "x": [1, 2, HUGE, None], "s": ["1", "2", "no", "7"]}
    rows = pa.table(columns)
    if source == "many":
        rows = pa.concat_tables([rows] * 50).combine_chunks()
    chain = dc.read_arrow(rows)
    if source == "dataset":
        chain = chain.save("rows")
    elif source == "parquet":
        pq.write_table(rows, tmp_path / "rows.parquet")
        chain = dc.read_parquet(tmp_path / "rows.parquet")
    expected = sorted(names * (50 if source == "many" else 1))
    for made in (
        chain.filter(first()).filter(then()),
        chain.filter(first(), then()),
        chain.filter(first() & then()),
        chain.filter(first()).order_by("name").filter(then()),
        chain.filter(first()).mutate(more=1).filter(then()),
    ):
        assert sorted(made.to_values("name")) == expected


def test_a_filter_on_a_computed_column_sees_the_same_rows() -> None:
    chain = dc.read_values(s=["1", "b", "3"]).filter(C("s") != "b")
    made = chain.mutate(n=C("s").cast(int)).filter(C("n") > 1)
    assert made.to_list() == [("3", 3)]


def test_a_row_that_is_kept_still_fails() -> None:
    chain = dc.read_values(x=[1, HUGE]).filter(C("x") > 0).filter(C("x") * 4 > 4)
    with pytest.raises(DataChainColumnError, match="overflows"):
        chain.count()
