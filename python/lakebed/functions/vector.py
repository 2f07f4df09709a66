"""Distances between vectors. A missing vector gives a missing distance."""

from __future__ import annotations

from typing import Any

from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Column, Expr, call, literal


def cosine_distance(left: Any, right: Any) -> Expr:
    """One minus the cosine of the angle: 0 for the same direction, 2 for the opposite.

    Args:
        left: A column by name or expression, or a vector: list, tuple or numpy array.
        right: The same.
    """
    return _distance("cosine_distance", left, right)


def euclidean_distance(left: Any, right: Any) -> Expr:
    """The straight-line distance; takes what `cosine_distance` takes."""
    return _distance("euclidean_distance", left, right)


l2_distance = euclidean_distance


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
