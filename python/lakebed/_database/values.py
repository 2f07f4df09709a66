"""Values of databases as values of columns: what a driver gives where `output=` says a type."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakebed._schema import Spec

_WHOLE_BITS = (0, 1)


def plain(values: Sequence[Any]) -> Sequence[Any]:
    """The values without the drivers' own types for bytes."""
    if memoryview not in set(map(type, values)):
        return values
    return [bytes(value) if isinstance(value, memoryview) else value for value in values]


def fitted(values: Sequence[Any], spec: Spec) -> Sequence[Any]:
    """The values as the type wants them, where a database stores it as another one.

    SQLite has text for dates and JSON and numbers for bools; what fits neither way is left
    for the column to refuse.
    """
    fit = _FITS.get(spec["kind"])
    if fit is None:
        return values
    return [None if value is None else fit(value, spec) for value in values]


def _parsed(value: Any, _: Spec) -> Any:
    if isinstance(value, (str, bytes)):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _datetime(value: Any, _: Spec) -> Any:
    if isinstance(value, str):
        return _iso(dt.datetime.fromisoformat, value)
    if type(value) is dt.date:
        return dt.datetime.combine(value, dt.time())
    return value


def _date(value: Any, _: Spec) -> Any:
    if isinstance(value, str):
        return _iso(dt.date.fromisoformat, value)
    midnight = isinstance(value, dt.datetime) and value.time() == dt.time()
    return value.date() if midnight else value


def _time(value: Any, _: Spec) -> Any:
    return _iso(dt.time.fromisoformat, value) if isinstance(value, str) else value


def _iso(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return text


def _decimal(value: Any, _: Spec) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value


def _int(value: Any, _: Spec) -> Any:
    whole = isinstance(value, (float, Decimal)) and value == value // 1
    return int(value) if whole else value


def _bool(value: Any, _: Spec) -> Any:
    return bool(value) if type(value) is int and value in _WHOLE_BITS else value


def _enum(value: Any, spec: Spec) -> Any:
    cls = spec["cls"]
    try:
        return value if isinstance(value, cls) else cls(value)
    except ValueError:
        return value


_FITS: dict[str, Callable[[Any, Spec], Any]] = {
    **dict.fromkeys(("json", "list", "tuple", "set", "map", "vector", "model"), _parsed),
    "datetime": _datetime,
    "date": _date,
    "time": _time,
    "decimal": _decimal,
    "int": _int,
    "bool": _bool,
    "enum": _enum,
}
