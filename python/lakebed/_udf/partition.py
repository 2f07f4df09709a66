"""`partition_by` of `agg`: which rows belong to one group."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from lakebed._columns import existing, leaves
from lakebed._native import Expr as NativeExpr
from lakebed.exceptions import SignalResolvingTypeError
from lakebed.expr import Column, Expr
from lakebed.func.aggregate import Aggregate

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from lakebed._schema import Spec


class Partition:
    """The keys of groups.

    Attributes:
        keys: Names and expressions for the engine: leaves of models, for models.
        computed: Names of the keys that are expressions.
        paths: What `keep=True` keeps.
    """

    def __init__(self, columns: Mapping[str, Spec], given: Any) -> None:
        self.keys: list[tuple[str, NativeExpr]] = []
        self.computed: list[str] = []
        self.paths: list[str] = []
        unnamed = free_names(columns)
        for key in _listed(given):
            if isinstance(key, str):
                self._add_path(columns, key)
            elif isinstance(key, Column) and key._label is None:
                self._add_path(columns, key._path)
            elif isinstance(key, Expr) and not isinstance(key, Aggregate):
                name = key._label or next(unnamed)
                self.keys.append((name, key._native))
                self.computed.append(name)
                self.paths.append(name)
            else:
                msg = f"partition_by takes names and expressions, not `{key!r}`"
                raise SignalResolvingTypeError(msg)

    def _add_path(self, columns: Mapping[str, Spec], name: str) -> None:
        where = f" in partition_by (cannot resolve signal name '{name}': is not found)"
        steps, spec = existing(columns, name, where)
        path = ".".join(steps)
        self.paths.append(path)
        below = leaves(spec["fields"]) if spec["kind"] == "model" else [()]
        for leaf in (".".join((path, *names)) for names in below):
            self.keys.append((leaf, NativeExpr.column(leaf)))


def free_names(columns: Container[str]) -> Iterator[str]:
    """Names for keys that have none: `gr_0`, `gr_1` and so on, without those of columns."""
    return (name for name in map("gr_{}".format, itertools.count()) if name not in columns)


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]
