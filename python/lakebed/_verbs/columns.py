"""Verbs that add, replace, keep or drop columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lakebed import _columns
from lakebed._verbs.base import Base
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    SignalResolvingError,
    SignalResolvingTypeError,
)
from lakebed.expr import Column, Expr, call, to_expr
from lakebed.func.aggregate import Aggregate

if TYPE_CHECKING:
    from collections.abc import Mapping


class Columns(Base):
    """Which columns there are."""

    __slots__ = ()

    def select(self, *columns: str | Expr, **named: Any) -> Self:
        """Keep only these columns, fields of columns, or named expressions.

        A field as `file.path` stays inside of its model, of which only the kept fields
        are left.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 2], y=[3, 4])
            >>> chain.select("y", double=dc.C("x") * 2).to_list()
            [(3, 2), (4, 4)]
        """
        paths = []
        for column in columns:
            if isinstance(column, Expr) and column._label:
                named[column._label] = column
                paths.append(column._label)
            elif isinstance(column, Expr) and not isinstance(column, Column):
                msg = f"select() cannot infer a name for `{column!r}`; hint: select(name=expr)"
                raise SignalResolvingTypeError(msg)
            else:
                paths.append(_columns.path_of(column, "select"))
        paths += [name for name in named if name not in paths]
        if not paths:
            return self
        # a renamed column would be gone under its old name, a computed one is a copy
        made = {name: _copied(value) for name, value in named.items()}
        return self._with(self._mutated("select", made)._native.select(paths))

    def flatten(self, separator: str = "__") -> Self:
        """The fields of models as columns of their own, for what knows no models.

        Args:
            separator: What stands between the names of a path, as in `file__path`.

        Raises:
            DataChainColumnError: Two columns would have one name.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(id=[1], file=[dc.File(path="a.txt", size=3)])
            >>> chain.flatten().select("id", "file__path", "file__size").to_list()
            [(1, 'a.txt', 3)]
        """
        return self._with(self._native.flatten(separator))

    def select_except(self, *columns: str | Column) -> Self:
        """Leave out these columns or fields of columns."""
        if not columns:
            return self
        gone = _columns.paths_of(columns, "select_except")
        known = _columns.resolved(self._native)
        return self._with(self._native.select(_columns.without(known, gone)))

    def mutate(self, *args: Any, **columns: Any) -> Self:
        """Add columns, replace or rename them.

        Args:
            args: None; columns need names.
            columns: Expressions or constants by name. A plain column, as
                `new=C("old")`, is renamed; a field, as `path=C("file.path")`, copied. A
                field of a model, as `file__path="a"`, gets other values of its type.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 2])
            >>> chain.mutate(y=dc.C("x") + 1, kind="a").to_list()
            [(1, 2, 'a'), (2, 3, 'a')]
        """
        if args:
            msg = f"mutate takes columns by name, not `{args[0]!r}`; hint: mutate(name=...)"
            raise DataChainParamsError(msg)
        return self._mutated("mutate", columns)

    def _mutated(self, verb: str, columns: Mapping[str, Any]) -> Self:
        """The same of the verb that the user called, which errors name."""
        if not columns:
            return self
        pairs = [(name, _value(verb, name, given)._native) for name, given in columns.items()]
        try:
            return self._with(self._native.mutate(pairs))
        except SignalResolvingError as error:
            msg = f"{verb}() error: {error}"
            raise type(error)(msg, code=error.code) from None


def _value(verb: str, name: str, given: Any) -> Expr:
    if isinstance(given, Aggregate):
        hint = "hint: group_by, or .over(func.window(...))"
        msg = f"column `{name}`: `{given!r}` needs a group; {hint}"
        raise DataChainColumnError(msg)
    try:
        return to_expr(given)
    except DataChainColumnError as error:
        msg = f"column `{name}`: {verb}() value has type `{type(given).__name__}`; {error}"
        raise DataChainColumnError(msg) from error


def _copied(value: Any) -> Any:
    """A plain column as a computed one, which does not rename."""
    return call("coalesce", value) if isinstance(value, Column) else value
