"""Checks of coordinates, and how they become whole pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from lakebed.exceptions import DataChainParamsError


def numbers(values: Any, what: str, count: int | None = None) -> list[float]:
    """The values as a list of numbers.

    Raises:
        TypeError: They are nothing that has items.
        DataChainParamsError: They are not as many as they should be, or no numbers.
    """
    items = listed(values, what)
    if count is not None and len(items) != count:
        msg = f"{what} takes {count} numbers, not {len(items)}"
        raise DataChainParamsError(msg)
    for item in items:
        if not isinstance(item, Real):
            msg = f"{what} takes numbers, not `{item!r}`"
            raise DataChainParamsError(msg)
    return items


def pixels(values: Sequence[float]) -> list[int]:
    """The nearest whole numbers; halves go to the even one."""
    return [round(value) for value in values]


def rows(
    points: Any, what: str, names: Sequence[str], count: int | None = None
) -> list[list[float]]:
    """One list of numbers for each name, all of one length: of x, of y, ….

    Raises:
        TypeError: A list is nothing that has items.
        DataChainParamsError: Their number or a length is wrong, or there are no numbers.
    """
    given = [listed(row, f"`{name}` of {what}") for name, row in _named(points, what, names)]
    length = len(given[0]) if count is None else count
    return [
        numbers(row, f"`{name}` of {what}", length) for name, row in zip(names, given, strict=True)
    ]


def values_of(given: Any, what: str, names: Sequence[str]) -> list[Any]:
    """The values of a dict that has just these keys."""
    if not isinstance(given, Mapping):
        msg = f"{what} takes a dict, not `{given!r}`"
        raise TypeError(msg)
    if set(given) != set(names):
        expected, found = (", ".join(map(str, keys)) for keys in (names, given))
        msg = f"{what} takes the keys {expected}, not {found or 'none'}"
        raise DataChainParamsError(msg)
    return [given[name] for name in names]


def listed(values: Any, what: str) -> list[Any]:
    """The items of a list, tuple or array."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        msg = f"{what} takes a list, not `{values!r}`"
        raise TypeError(msg)
    return list(values)


def _named(points: Any, what: str, names: Sequence[str]) -> list[tuple[str, Any]]:
    given = listed(points, what)
    if len(given) != len(names):
        msg = f"{what} takes {len(names)} lists ({', '.join(names)}), not {len(given)}"
        raise DataChainParamsError(msg)
    return list(zip(names, given, strict=True))
