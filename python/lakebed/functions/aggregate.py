"""Functions over the rows of a group, for `group_by`. Missing values are skipped."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lakebed.expr import Expr, to_column


@dataclass(frozen=True)
class Aggregate:
    """One value for a group of rows.

    Attributes:
        function: `count`, `sum`, `avg`, `min` or `max`.
        argument: What it is of; None counts rows.
        name: What the column is called unless `group_by` names it.
    """

    function: str
    argument: Expr | None = None
    name: str | None = None

    def label(self, name: str) -> Aggregate:
        """The same under a name."""
        return replace(self, name=name)

    def __repr__(self) -> str:
        return f"{self.function}({'*' if self.argument is None else self.argument})"


def count(col: str | Expr | None = None) -> Aggregate:
    """The number of rows, or of values of a column that are not missing."""
    return Aggregate("count", None if col is None else to_column(col))


def sum(col: str | Expr) -> Aggregate:
    """The sum; missing for a group without values."""
    return Aggregate("sum", to_column(col))


def avg(col: str | Expr) -> Aggregate:
    """The mean; missing for a group without values."""
    return Aggregate("avg", to_column(col))


def min(col: str | Expr) -> Aggregate:
    """The smallest value; missing for a group without values."""
    return Aggregate("min", to_column(col))


def max(col: str | Expr) -> Aggregate:
    """The largest value; missing for a group without values."""
    return Aggregate("max", to_column(col))
