"""Verbs that keep, drop or sort rows."""

from __future__ import annotations

from typing import Self

from lakebed._coerce import whole
from lakebed._verbs.base import Base
from lakebed.exceptions import DataChainColumnError, DataChainParamsError
from lakebed.expr import Expr, sort_keys


class Rows(Base):
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
