"""Verbs that make one row of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lakebed import _export
from lakebed._coerce import key_expr
from lakebed._columns import find
from lakebed._udf.partition import free_names
from lakebed._verbs.base import Base
from lakebed.exceptions import DataChainColumnError, DataChainParamsError
from lakebed.expr import Column, Expr, call
from lakebed.func import aggregate as of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed._schema import Schema
    from lakebed.func.aggregate import Aggregate


class Groups(Base):
    """Groups of rows and their aggregates."""

    __slots__ = ()

    def group_by(
        self,
        *args: Any,
        partition_by: str | Expr | Sequence[str | Expr] | None = None,
        **aggregates: Expr,
    ) -> Self:
        """One row for each group, with its keys and aggregates.

        Args:
            args: Aggregates, or expressions over aggregates, that have a label.
            partition_by: What rows of a group have in common; None: one group.
                Expressions are named by `.label()`, else `gr_0`, `gr_1` and so on.
            aggregates: `func.count()`, `func.sum("x") / func.count()` and the like, by name.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3])
            >>> groups = chain.group_by(total=dc.func.sum("x"), partition_by="kind")
            >>> groups.order_by("kind").to_list()
            [('a', 4), ('b', 2)]
        """
        for aggregate in args:
            if not isinstance(aggregate, Expr):
                msg = f"group_by takes aggregates by name, not `{aggregate!r}`"
                raise DataChainParamsError(msg)
            if not aggregate._label:
                hint = "hint: group_by(name=expr)"
                msg = f"group_by() cannot infer a name for `{aggregate!r}`; {hint}"
                raise DataChainParamsError(msg)
            aggregates[aggregate._label] = aggregate
        keys = _group_keys(partition_by, self.schema)
        made = [_aggregate(name, value) for name, value in aggregates.items()]
        if not made:
            msg = "group_by takes at least one aggregate; hint: group_by(n=func.count())"
            raise DataChainParamsError(msg)
        for name, _ in keys:
            if name in aggregates:
                msg = f"key `{name}` of group_by conflicts with aggregation `{name}`: label the key"
                raise DataChainColumnError(msg)
        return self._with(self._native.group_by([(n, k._native) for n, k in keys], made))

    def sum(self, col: str | Expr) -> Any:
        """The sum of a column; None without values."""
        return self._total(of.sum(col))

    def avg(self, col: str | Expr) -> Any:
        """The mean of a column; None without values."""
        return self._total(of.avg(col))

    def min(self, col: str | Expr) -> Any:
        """The smallest value of a column; None without values."""
        return self._total(of.min(col))

    def max(self, col: str | Expr) -> Any:
        """The largest value of a column; None without values."""
        return self._total(of.max(col))

    def _total(self, aggregate: Aggregate) -> Any:
        [(value,)] = _export.rows(self.group_by(total=aggregate)._native)
        return value


def _group_keys(
    given: str | Expr | Sequence[str | Expr] | None, columns: Schema
) -> list[tuple[str, Expr]]:
    """Keys and their names, unnamed expressions counted."""
    one = isinstance(given, (str, Expr))
    listed: Any = [given] if one else [] if given is None else list(given)  # type: ignore[arg-type]
    unnamed, stored = free_names(columns), dict(columns._columns)
    keys = []
    for key in listed:
        expr = key_expr(key, "partition_by")
        name = expr._label
        if isinstance(expr, Column) and find(stored, expr._path):
            name = name or expr._path
        elif isinstance(expr, Column):
            # what is inside of a list or dict is no column that is kept as it is
            expr = call("coalesce", expr)
        keys.append((name or next(unnamed), expr))
    return keys


def _aggregate(name: str, value: Any) -> tuple[str, Any]:
    if not isinstance(value, Expr):
        msg = f"`{name}` of group_by takes an aggregate such as func.count(), not `{value!r}`"
        raise DataChainColumnError(msg)
    return name, value._native
