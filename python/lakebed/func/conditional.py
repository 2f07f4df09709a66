"""Conditions and choices between values."""

from __future__ import annotations

from typing import Any

from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Expr, all_of, any_of, call, cases, to_column


def and_(*conditions: Any) -> Expr:
    """True if all conditions are.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 5])
        >>> rows.mutate(y=dc.func.and_(dc.C("x") > 0, dc.C("x") < 3)).to_values("y")
        [True, False]
    """
    return all_of(*map(to_column, _some("and_", conditions)))


def or_(*conditions: Any) -> Expr:
    """True if any condition is.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 5])
        >>> rows.mutate(y=dc.func.or_(dc.C("x") > 3, dc.C("x") == 2)).to_values("y")
        [False, True]
    """
    return any_of(*map(to_column, _some("or_", conditions)))


def not_(condition: str | Expr) -> Expr:
    """True if the condition is false.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 5]).mutate(y=dc.func.not_(dc.C("x") > 3)).to_values("y")
        [True, False]
    """
    return ~to_column(condition)


def isnone(col: str | Expr) -> Expr:
    """Whether a value is missing.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, None]).mutate(y=dc.func.isnone("x")).to_values("y")
        [False, True]
    """
    return to_column(col).is_(None)


def ifelse(condition: Expr, then: Any, otherwise: Any) -> Expr:
    """One of two values; a missing condition counts as false. Text is a value here.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 5])
        >>> rows.mutate(y=dc.func.ifelse(dc.C("x") > 3, "big", "small")).to_values("y")
        ['small', 'big']
    """
    return case((condition, then), else_=otherwise)


def case(*branches: tuple[Expr, Any], else_: Any = None) -> Expr:
    """The value of the first branch whose condition is true. Text is a value here.

    Examples:
        >>> from lakebed import C, func
        >>> size = func.case((C("width") > 999, "big"), else_="small")
    """
    for branch in _some("case", branches):
        if not isinstance(branch, tuple) or len(branch) != 2:  # noqa: PLR2004
            msg = f"case takes pairs of a condition and a value, not `{branch!r}`"
            raise DataChainParamsError(msg)
    return cases(branches, else_)


def greatest(*values: Any) -> Expr:
    """The largest of the values that are not missing.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 5]).mutate(y=dc.func.greatest("x", 3)).to_values("y")
        [3, 5]
    """
    return call("greatest", *map(to_column, _some("greatest", values)))


def least(*values: Any) -> Expr:
    """The smallest of the values that are not missing.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 5]).mutate(y=dc.func.least("x", 3)).to_values("y")
        [1, 3]
    """
    return call("least", *map(to_column, _some("least", values)))


def coalesce(*values: Any) -> Expr:
    """The first of the values that is not missing. Text names columns.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(a=[1, None], b=[2, 3])
        >>> rows.mutate(c=dc.func.coalesce("a", "b", 0)).to_values("c")
        [1, 3]
    """
    return call("coalesce", *map(to_column, _some("coalesce", values)))


def nullif(col: Any, other: Any) -> Expr:
    """The value, missing where it equals another. Text as the other is a value.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["a", "n/a"])
        >>> rows.mutate(s=dc.func.nullif("s", "n/a")).to_values("s")
        ['a', None]
    """
    return call("nullif", to_column(col), other)


def cast(col: str | Expr, type: Any) -> Expr:
    """The value as another type, such as `int` or `str`.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=["1", "2"]).mutate(y=dc.func.cast("x", int)).to_values("y")
        [1, 2]
    """
    return to_column(col).cast(type)


def _some(name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if not arguments:
        msg = f"{name} takes at least one argument"
        raise DataChainParamsError(msg)
    return arguments
