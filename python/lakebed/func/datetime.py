"""Functions of dates and times. A missing one gives a missing result.

Datetimes are points in time and shown in UTC. `C("t") + timedelta(hours=1)` is an hour later,
and the difference of two datetimes a `timedelta`. Text names columns.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, get_args

from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Expr, call, to_column

__all__ = [
    "add",
    "date_diff",
    "day",
    "day_of_year",
    "from_unix",
    "hour",
    "microsecond",
    "minute",
    "month",
    "quarter",
    "second",
    "strftime",
    "to_timestamp",
    "truncate",
    "unix",
    "week",
    "weekday",
    "year",
]

Unit = Literal["year", "quarter", "month", "week", "day", "hour", "minute", "second"]

_MICROSECONDS = {
    "week": 604_800_000_000,
    "day": 86_400_000_000,
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1_000,
    "microsecond": 1,
}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}


def year(col: Any) -> Expr:
    """The year.

    Examples:
        >>> import datetime as dt
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[dt.date(2024, 2, 29), None])
        >>> rows.mutate(y=dc.func.datetime.year("t")).to_values("y")
        [2024, None]
    """
    return _part("year", col)


def quarter(col: Any) -> Expr:
    """The quarter of the year, from 1 to 4.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.quarter("t")).to_values("y")
        [2]
    """
    return _part("quarter", col)


def month(col: Any) -> Expr:
    """The month, from 1 to 12.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.month("t")).to_values("y")
        [5]
    """
    return _part("month", col)


def week(col: Any) -> Expr:
    """The week of the year after ISO 8601, from 1 to 53.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.week("t")).to_values("y")
        [19]
    """
    return _part("week", col)


def day(col: Any) -> Expr:
    """The day of the month, from 1 to 31.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.day("t")).to_values("y")
        [6]
    """
    return _part("day", col)


def day_of_year(col: Any) -> Expr:
    """The day of the year, from 1 to 366.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.day_of_year("t")).to_values("y")
        [127]
    """
    return _part("doy", col)


def weekday(col: Any) -> Expr:
    """The day of the week, from 0 for Monday to 6 for Sunday, as in Python.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.weekday("t")).to_values("y")
        [0]
    """
    return _part("isodow", col) - 1


def hour(col: Any) -> Expr:
    """The hour, from 0 to 23; 0 of a date.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.hour("t")).to_values("y")
        [7]
    """
    return _part("hour", _moment(col))


def minute(col: Any) -> Expr:
    """The minute, from 0 to 59; 0 of a date.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.minute("t")).to_values("y")
        [8]
    """
    return _part("minute", _moment(col))


def second(col: Any) -> Expr:
    """The second, from 0 to 59, without its fraction; 0 of a date.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.second("t")).to_values("y")
        [9]
    """
    return _part("second", _moment(col))


def microsecond(col: Any) -> Expr:
    """The microseconds of the second, from 0 to 999999; 0 of a date.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.microsecond("t")).to_values("y")
        [0]
    """
    return _part("microsecond", _moment(col)) % 1_000_000


def truncate(col: Any, unit: Unit) -> Expr:
    """The beginning of the unit of time that it is in, as a datetime; weeks begin on Mondays.

    Examples:
        >>> import datetime as dt
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[dt.datetime(2024, 5, 17, 8, 30, tzinfo=dt.timezone.utc)])
        >>> rows.mutate(t=dc.func.datetime.truncate("t", "month")).to_values("t")
        [datetime.datetime(2024, 5, 1, 0, 0, tzinfo=datetime.timezone.utc)]
    """
    if unit not in get_args(Unit):
        raise DataChainParamsError(_unknown("truncate", unit, get_args(Unit)))
    if unit in _MONTHS:
        return call("truncate_to_months", _moment(col), _MONTHS[unit])
    return call("truncate_to_units", _moment(col), _MICROSECONDS[unit])


def date_diff(start: Any, end: Any, unit: str = "day") -> Expr:
    """How many whole units of time pass from one to the other; negative if `end` is earlier.

    Args:
        start: The one.
        end: The other.
        unit: From `year` to `microsecond`. A month has passed on the same day of another
            month at the same time, or on its last day.

    Examples:
        >>> import datetime as dt
        >>> import lakebed as dc
        >>> rows = dc.read_values(a=[dt.date(2024, 1, 31)], b=[dt.date(2024, 2, 29)])
        >>> rows.mutate(
        ...     days=dc.func.datetime.date_diff("a", "b"),
        ...     months=dc.func.datetime.date_diff("a", "b", "month"),
        ... ).to_list("days", "months")
        [(29, 1)]
    """
    start, end = to_column(start), to_column(end)
    if unit in _MONTHS:
        return call("months_between", start, end, _MONTHS[unit])
    if unit not in _MICROSECONDS:
        raise DataChainParamsError(_unknown("date_diff", unit, [*_MONTHS, *_MICROSECONDS]))
    return call("units_between", start, end, _MICROSECONDS[unit])


def add(
    col: Any,
    *,
    years: int | Expr = 0,
    months: int | Expr = 0,
    weeks: float = 0,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
) -> Expr:
    """A later point in time, or with negative numbers an earlier one, as a datetime.

    Years and months come first: a month after January 31st is the last day of February.

    Examples:
        >>> import datetime as dt
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[dt.datetime(2024, 1, 31, tzinfo=dt.timezone.utc)])
        >>> rows.mutate(t=dc.func.datetime.add("t", months=1, days=1)).to_values("t")
        [datetime.datetime(2024, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)]
    """
    later = _moment(col)
    total = years * 12 + months
    if isinstance(total, Expr) or total:
        later = call("add_months", later, total)
    rest = dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return later + rest if rest else later


def to_timestamp(col: Any, format: str | None = None) -> Expr:
    """Text as a datetime; text that is none is an error.

    Args:
        col: The text.
        format: How it is written, as for `datetime.strptime`; None: as in ISO 8601. Without
            a time zone it is in UTC.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["17.05.2024 08:30"])
        >>> rows.mutate(t=dc.func.datetime.to_timestamp("s", "%d.%m.%Y %H:%M")).to_values("t")
        [datetime.datetime(2024, 5, 17, 8, 30, tzinfo=datetime.timezone.utc)]
    """
    text = to_column(col)
    if format is None:
        return text.cast(dt.datetime)
    read = format.replace(".%f", "%.f").replace("%f", "%6f")
    return call("parse_time", text, read)


def strftime(col: Any, format: str) -> Expr:
    """The date or datetime as text, written as by `datetime.strftime`.

    Examples:
        >>> import datetime as dt
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[dt.date(2024, 5, 17)])
        >>> rows.mutate(s=dc.func.datetime.strftime("t", "%d.%m.%Y")).to_values("s")
        ['17.05.2024']
    """
    return call("format_time", _moment(col), format.replace("%f", "%6f"))


def from_unix(col: Any) -> Expr:
    """Seconds since 1970 as a datetime; fractions are read to the microsecond.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=[1.5]).mutate(t=dc.func.datetime.from_unix("s")).to_values("t")
        [datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=datetime.timezone.utc)]
    """
    microseconds = call("round", to_column(col).cast(float) * 1e6).cast(int)
    return call("to_timestamp_micros", microseconds).cast(dt.datetime)


def unix(col: Any) -> Expr:
    """The seconds since 1970, with their fraction.

    Examples:
        >>> from datetime import datetime
        >>> import lakebed as dc
        >>> rows = dc.read_values(t=[datetime(2024, 5, 6, 7, 8, 9)])
        >>> rows.mutate(y=dc.func.datetime.unix("t")).to_values("y")
        [1714979289.0]
    """
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return date_diff(epoch, col, "microsecond") / 1e6


def _moment(col: Any) -> Expr:
    """A date as the datetime at which it begins."""
    return to_column(col).cast(dt.datetime)


def _part(part: str, col: Any) -> Expr:
    return call("date_part", part, to_column(col)).cast(int)


def _unknown(function: str, unit: object, known: Any) -> str:
    return f"{function} takes one of `{'`, `'.join(known)}`, not `{unit}`"
