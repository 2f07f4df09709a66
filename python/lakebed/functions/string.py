"""Functions of text. Missing text gives a missing result."""

from __future__ import annotations

from lakebed.expr import Expr, call, to_column


def length(col: str | Expr) -> Expr:
    """The number of characters."""
    return call("character_length", to_column(col)).cast(int)


def lower(col: str | Expr) -> Expr:
    """The text in lower case."""
    return call("lower", to_column(col))


def upper(col: str | Expr) -> Expr:
    """The text in upper case."""
    return call("upper", to_column(col))


def replace(col: str | Expr, pattern: str, replacement: str) -> Expr:
    """The text with every `pattern`, taken literally, replaced."""
    return call("replace", to_column(col), pattern, replacement)


def split(col: str | Expr, sep: str) -> Expr:
    """The parts between separators, as a list."""
    return call("string_to_array", to_column(col), sep)
