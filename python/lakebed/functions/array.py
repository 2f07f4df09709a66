"""Functions of lists. A missing list gives a missing result."""

from __future__ import annotations

from typing import Any

from lakebed.expr import Expr, call, to_column
from lakebed.functions.vector import cosine_distance, euclidean_distance, l2_distance

__all__ = ["contains", "cosine_distance", "euclidean_distance", "l2_distance", "length"]


def length(col: str | Expr) -> Expr:
    """The number of items."""
    return call("array_length", to_column(col)).cast(int)


def contains(col: str | Expr, item: Any) -> Expr:
    """Whether the list holds an item; text is a value here, not a column."""
    return call("array_has", to_column(col), item)
