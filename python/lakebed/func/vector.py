"""Distances between vectors, and more of them.

A vector that is missing or holds a null gives a missing result.
"""

from __future__ import annotations

from typing import Any

from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Column, Expr, call, literal


def cosine_distance(left: Any, right: Any) -> Expr:
    """One minus the cosine of the angle: 0 for the same direction, 2 for the opposite.

    Args:
        left: A column by name or expression, or a vector: list, tuple or numpy array.
        right: The same.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(v=[[1.0, 0.0], [0.0, 1.0]])
        >>> rows.mutate(y=dc.func.cosine_distance("v", [1.0, 0.0])).to_values("y")
        [0.0, 1.0]
    """
    return _distance("cosine_distance", left, right)


def euclidean_distance(left: Any, right: Any) -> Expr:
    """The straight-line distance; takes what `cosine_distance` takes.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(v=[[3.0, 4.0]])
        >>> rows.mutate(y=dc.func.euclidean_distance("v", [0.0, 0.0])).to_values("y")
        [5.0]
    """
    return _distance("euclidean_distance", left, right)


l2_distance = euclidean_distance


def dot_product(left: Any, right: Any) -> Expr:
    """The sum of the products of their numbers; takes what `cosine_distance` takes.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(v=[[1.0, 2.0], [0.0, 1.0]])
        >>> rows.mutate(d=dc.func.array.dot_product("v", [3, 4])).to_values("d")
        [11.0, 4.0]
    """
    return _distance("dot_product", left, right)


def norm(col: Any) -> Expr:
    """The length of a vector: the root of the sum of its squares.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(v=[[3.0, 4.0]]).mutate(n=dc.func.array.norm("v")).to_values("n")
        [5.0]
    """
    return call("list_norm", _vector("norm", col))


def _distance(function: str, left: Any, right: Any) -> Expr:
    return call(function, _vector(function, left), _vector(function, right))


def _vector(function: str, value: Any) -> Expr:
    """A column, or a literal that is checked to be a vector of numbers."""
    if isinstance(value, str):
        return Column(value)
    if isinstance(value, Expr):
        return value
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1 and value.dtype.kind == "f":
        return literal(value)
    items = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(items, (list, tuple)) and items and all(map(_is_number, items)):
        return literal([float(item) for item in items])
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."  # noqa: PLR2004
    msg = (
        f"{function} takes columns and vectors of numbers (list, tuple or one-dimensional "
        f"numpy array), not `{type(value).__name__}`: `{shown}`"
    )
    raise DataChainParamsError(msg)


def _is_number(item: object) -> bool:
    return isinstance(item, (int, float)) and not isinstance(item, bool)
