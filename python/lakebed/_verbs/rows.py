"""Verbs that keep, drop or sort rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from lakebed._coerce import whole
from lakebed._columns import path_of
from lakebed._verbs.columns import Columns
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    SignalResolvingTypeError,
)
from lakebed.expr import Column, Expr, sort_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCORE = "score of the row"


class Rows(Columns):
    """Which rows there are, and in which order."""

    __slots__ = ()

    def filter(self, *conditions: Expr) -> Self:
        """Keep the rows for which every condition is true; missing is not true.

        Examples:
            >>> import lakebed as dc
            >>> dc.read_values(x=[1, None, 3]).filter(dc.C("x") > 1).to_values("x")
            [3]
        """
        for condition in conditions:
            if not isinstance(condition, Expr):
                msg = (
                    f"filter takes expressions, not `{condition!r}`; hint: C(...) == value, "
                    "C(...).is_(None), & instead of `and`"
                )
                raise DataChainColumnError(msg)
        if not conditions:
            return self
        return self._with(self._native.filter([c._native for c in conditions]))

    def order_by(self, *keys: str | Expr, descending: bool = False) -> Self:
        """Sort by columns or expressions; missing values come last.

        Args:
            keys: Names or expressions; `.asc()`, `.desc()` and `.nulls_first()` decide for one key.
            descending: Largest first, for all keys that do not say otherwise.
        """
        if not keys:
            msg = "order_by takes at least one column"
            raise DataChainParamsError(msg)
        pairs = sort_keys(keys, "order_by", descending=descending)
        return self._with(self._native.order_by(pairs))

    def limit(self, n: int) -> Self:
        """Keep the first `n` rows."""
        return self._with(self._native.limit(whole("limit", n)))

    def offset(self, n: int) -> Self:
        """Leave out the first `n` rows."""
        return self._with(self._native.offset(whole("offset", n)))

    def distinct(self, *cols: str | Expr, **named: Any) -> Self:
        """Keep the first of the rows that have the same values in these columns.

        Missing values are the same; a model stands for all of its fields.

        Args:
            cols: Names, fields as `file.path`, or expressions that have a label.
            named: Expressions by name, which are added as columns, as `mutate` does.

        Examples:
            >>> import lakebed as dc
            >>> dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3]).distinct("kind").to_list()
            [('a', 1), ('b', 2)]
        """
        keys = []
        for col in cols:
            if isinstance(col, Expr) and not isinstance(col, Column):
                if not col._label:
                    msg = f"distinct() cannot infer a name for `{col!r}`; hint: distinct(name=expr)"
                    raise DataChainParamsError(msg)
                named[col._label] = col
            else:
                keys.append(path_of(col, "distinct"))
        keys += [name for name in named if name not in keys]
        if not keys:
            msg = "distinct() takes at least one column; hint: distinct(*chain.schema) for all"
            raise SignalResolvingTypeError(msg)
        chain = self._mutated("distinct", named)
        return chain._with(chain._native.distinct([Column(key)._native for key in keys]))

    def similarity_search(
        self,
        column: str | Column,
        query: Sequence[float],
        *,
        k: int | None = 10,
        metric: Literal["cosine", "euclidean", "l2"] = "cosine",
        score_column: str | None = None,
    ) -> Self:
        """The rows whose vectors are nearest to one, the nearest first.

        Rows without a vector come last.

        Args:
            column: The column of vectors.
            query: The vector to compare with.
            k: How many rows; None for all.
            metric: The distance: "cosine", or "euclidean", which is also called "l2".
            score_column: Add the distance as a column of this name.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(v=[[1.0, 0.0], [0.0, 1.0]], name=["x", "y"])
            >>> chain.similarity_search("v", [0.1, 2.0], k=1).to_values("name")
            ['y']
        """
        from lakebed.func import vector

        metrics = {
            "cosine": vector.cosine_distance,
            "euclidean": vector.euclidean_distance,
            "l2": vector.euclidean_distance,
        }
        if metric not in metrics:
            msg = f"metric is one of {', '.join(metrics)}, not `{metric}`"
            raise DataChainParamsError(msg)
        name = score_column or _SCORE
        distance = metrics[metric](path_of(column, "similarity_search"), query)
        chain = self.mutate(**{name: distance}).order_by(name)
        if k is not None:
            chain = chain.limit(whole("k", k))
        return chain if score_column else chain.select_except(name)
