"""Dates, times and durations: what is calculated, read and written."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, DataChainParamsError

UTC = dt.UTC
when = func.datetime


@pytest.fixture
def rows() -> dc.DataChain:
    return dc.read_values(
        day=[dt.date(2024, 1, 31), None, dt.date(1, 3, 1)],
        t=[dt.datetime(2024, 2, 29, 23, 30, tzinfo=UTC), None, dt.datetime(1969, 1, 1, tzinfo=UTC)],
        n=[1, 2, None],
    )


@pytest.mark.parametrize(
    ("expr", "first", "last"),
    [
        (lambda: C("day") + dt.timedelta(days=1), dt.date(2024, 2, 1), dt.date(1, 3, 2)),
        (lambda: C("day") - dt.timedelta(hours=1), dt.date(2024, 1, 30), dt.date(1, 2, 28)),
        (
            lambda: C("t") + dt.timedelta(hours=1),
            dt.datetime(2024, 3, 1, 0, 30, tzinfo=UTC),
            dt.datetime(1969, 1, 1, 1, tzinfo=UTC),
        ),
        (
            lambda: C("t") - dt.datetime(1969, 1, 1, tzinfo=UTC),
            dt.timedelta(days=20147, seconds=84600),
            dt.timedelta(0),
        ),
        (
            lambda: when.add("day", months=1),
            dt.datetime(2024, 2, 29, tzinfo=UTC),
            dt.datetime(1, 4, 1, tzinfo=UTC),
        ),
        (
            lambda: when.add("t", years=1, days=-1, minutes=30),
            dt.datetime(2025, 2, 28, tzinfo=UTC),
            dt.datetime(1969, 12, 31, 0, 30, tzinfo=UTC),
        ),
        (lambda: when.add("t", months=C("n")), dt.datetime(2024, 3, 29, 23, 30, tzinfo=UTC), None),
        (lambda: when.weekday("day"), dt.date(2024, 1, 31).weekday(), dt.date(1, 3, 1).weekday()),
        (lambda: when.unix("t"), 1709249400.0, -31536000.0),
        (lambda: when.from_unix("n"), dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), None),
        (lambda: when.strftime("t", "%H:%M %d.%m.%Y"), "23:30 29.02.2024", "00:00 01.01.1969"),
    ],
)
def test_each(rows: dc.DataChain, expr: Any, first: Any, last: Any) -> None:
    made = rows.mutate(new=expr()).to_values("new")
    assert (made[0], made[2]) == (first, last)
    saved = rows.mutate(new=expr()).save("dates").to_values("new")
    assert saved == made


@pytest.mark.parametrize(
    ("text", "format", "read"),
    [
        ("2024-05-17", None, dt.datetime(2024, 5, 17, tzinfo=UTC)),
        ("2024-05-17T10:00:00+02:00", None, dt.datetime(2024, 5, 17, 8, tzinfo=UTC)),
        ("17.05.2024", "%d.%m.%Y", dt.datetime(2024, 5, 17, tzinfo=UTC)),
        ("9999-12-31 23:59", "%Y-%m-%d %H:%M", dt.datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
        (
            "2024-05-17 01:02:03.25",
            "%Y-%m-%d %H:%M:%S.%f",
            dt.datetime(2024, 5, 17, 1, 2, 3, 250_000, tzinfo=UTC),
        ),
    ],
)
def test_text_is_read(text: str, format: str | None, read: dt.datetime) -> None:
    rows = dc.read_values(s=[text, None])
    assert rows.mutate(t=when.to_timestamp("s", format)).to_values("t") == [read, None]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda rows: rows.mutate(x=when.year("n")), "`date_part` does not take str, int64"),
        (lambda rows: rows.mutate(x=when.date_diff("n", "t")), "needs dates or datetimes"),
        (lambda rows: rows.mutate(x=C("day") + 1.5), "`+` does not take date, float64"),
        (lambda _: when.truncate("t", "eon"), "truncate takes one of `year`"),
        (lambda _: when.date_diff("t", "t", "eon"), "date_diff takes one of `year`"),
    ],
)
def test_refuses(rows: dc.DataChain, use: Any, message: str) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        use(rows)
    assert message in str(caught.value)
    assert "coercion" not in str(caught.value)


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (lambda: when.to_timestamp("s", "%d.%m.%Y"), "`nope` cannot be converted to datetime"),
        (lambda: when.strftime(dt.date(2024, 1, 1), "%Q%"), "`%Q%` is no format of times"),
        (lambda: when.add(dt.date(2024, 1, 1), months=10**15), "months later is no datetime"),
        (lambda: func.string.split("s", C("empty")), "a separator of `split` is empty"),
        (lambda: func.string.regexp_replace("s", "(", ""), "`(` is no regular expression"),
    ],
)
def test_values_that_do_not_fit(expr: Any, message: str) -> None:
    with pytest.raises(DataChainColumnError) as caught:
        dc.read_values(s=["nope"], empty=[""]).mutate(x=expr()).to_list()
    assert message in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.none() | st.datetimes(), min_size=1, max_size=4))
def test_text_is_what_python_writes(moments: list[dt.datetime | None]) -> None:
    """In UTC, as what has no zone is taken for."""
    rows = dc.read_values(t=moments, output={"t": dt.datetime | None})
    made = rows.mutate(s=C("t").cast(str)).mutate(back=func.cast("s", dt.datetime))
    assert made.to_values("s") == [None if at is None else str(at) for at in moments]
    assert made.to_values("back") == [at and at.replace(tzinfo=UTC) for at in moments]
