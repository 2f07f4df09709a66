"""`Schema`, what `chain.schema` returns, and the front door to everything about types.

Reading annotations is `_types/annotation.py`, models `model_spec.py`, values `infer.py`,
stored types `resolve.py`, comparing them `matching.py`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lakebed._types.annotation import ACCEPTED, Spec, Vector, VectorType, spec_of
from lakebed._types.infer import infer_spec
from lakebed._types.matching import same_type
from lakebed._types.resolve import resolve_spec, type_of
from lakebed._types.type_text import type_text
from lakebed.exceptions import DataChainColumnError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakebed._native import Expr as Native
    from lakebed._native import Session

__all__ = [
    "ACCEPTED",
    "DataChainSchema",
    "Schema",
    "SignalSchema",
    "Spec",
    "Vector",
    "VectorType",
    "infer_spec",
    "resolve_spec",
    "result_type",
    "same_type",
    "spec_of",
    "type_of",
    "type_text",
]


class Schema(dict[str, Any]):
    """The columns of a chain: a dict of names to Python types that prints as a tree.

    Examples:
        >>> print(Schema([("size", {"kind": "int", "nullable": True})]))
        size: Optional[int]
    """

    def __init__(self, columns: Iterable[tuple[str, Spec]]) -> None:
        """Make the view from the specs of the columns, in order."""
        self._columns = [(name, resolve_spec(spec)) for name, spec in columns]
        super().__init__((name, type_of(spec)) for name, spec in self._columns)

    def __str__(self) -> str:
        """The tree."""
        return self.to_string()

    def flatten(self, include_hidden: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Dotted names of the leaf columns and their types."""
        return {
            ".".join(path): shown
            for path, spec, shown in self._walk(include_hidden=include_hidden)
            if spec["kind"] != "model"
        }

    def to_string(self, include_hidden: bool = True, indent: int = 2) -> str:  # noqa: FBT001, FBT002
        """The columns as an indented tree, one line a field."""
        lines = []
        for path, spec, shown in self._walk(include_hidden=include_hidden):
            margin = " " * (indent * (len(path) - 1))
            lines.append(f"{margin}{path[-1]}: {type_text(shown)}")
            if spec["kind"] == "list" and spec["item"]["kind"] == "model":
                inner = Schema([("* list of", spec["item"])])
                tree = inner.to_string(include_hidden, indent)
                lines += [f"{margin}{' ' * indent}{line}" for line in tree.splitlines()]
        return "\n".join(lines)

    def _walk(self, *, include_hidden: bool) -> Iterator[tuple[tuple[str, ...], Spec, Any]]:
        """Every column and field below it: path, spec, and the type to show."""
        for name, spec in self._columns:
            yield from _below((name,), spec, type_of(spec), include_hidden=include_hidden)


DataChainSchema = Schema
"""The name in annotations of scripts of the peer."""


class SignalSchema:
    """Names and types of columns: what `chain.signals_schema` returns.

    Attributes:
        values: Names and Python types of the columns.

    Examples:
        >>> SignalSchema({"size": int, "tags": list[str]}).serialize()
        {'size': 'int', 'tags': 'list[str]'}
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take the columns of a chain, as `chain.schema`, or other names and types.

        Raises:
            SignalSchemaError: A type cannot be stored.
        """
        if not isinstance(values, Schema):
            columns = [(name, spec_of(kind, f"column `{name}`")) for name, kind in values.items()]
            values = Schema(columns)
        self.values = values

    def resolve(self, *names: str) -> SignalSchema:
        """Columns and fields of them under the names that were asked for, as `file.size`.

        Raises:
            SignalResolvingError: There is no such column or field.
        """
        from lakebed._columns import existing, path_of
        from lakebed._sys import Sys

        paths = [path_of(name, "resolve") for name in names]
        # every row has them, asked for or not
        columns = [*self.values._columns, ("sys", spec_of(Sys, "sys"))]
        found = [(path, existing(columns, path)[1]) for path in paths]
        return SignalSchema(Schema(found))

    def serialize(self) -> dict[str, str]:
        """Names and types as text; models by their stored names, as `File@v1`."""
        return {name: type_text(shown) for name, shown in self.values.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SignalSchema) and self.values == other.values

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SignalSchema({dict(self.values)})"

    def __str__(self) -> str:
        """The tree."""
        return str(self.values)


def result_type(expr: Native, schema: SignalSchema | Mapping[str, Any] | None) -> Any:
    """The type of what an expression gives for columns of these types, but for None."""
    signals = schema if isinstance(schema, SignalSchema) else SignalSchema(schema or {})
    no_rows = _planner().read_values([(name, spec, []) for name, spec in signals.values._columns])
    try:
        planned = no_rows.mutate([("result", expr)])
    except DataChainColumnError:
        # it may be one of groups
        planned = no_rows.group_by([], [("result", expr)])
    return type_of(dict(planned.schema())["result"] | {"nullable": False})


@cache
def _planner() -> Session:
    """Plans chains that are never run."""
    from lakebed._native import Session

    return Session.open(None, True, {}, None)  # noqa: FBT003


def _below(
    path: tuple[str, ...], spec: Spec, shown: Any, *, include_hidden: bool
) -> Iterator[tuple[tuple[str, ...], Spec, Any]]:
    yield path, spec, shown
    if spec["kind"] != "model":
        return
    fields = spec["cls"].model_fields
    for name, field in spec["fields"]:
        if include_hidden or name not in spec["hidden"]:
            # the class's own annotation says more than storage: Literal, Union, dict[...]
            known = fields[name].annotation if name in fields else type_of(field)
            annotation = type_of(field) if _says_less(known) else known
            yield from _below((*path, name), field, annotation, include_hidden=include_hidden)


def _says_less(annotation: Any) -> bool:
    """A class's `list[float]` was split by Pydantic from its vector metadata."""
    return get_origin(annotation) is list and get_args(annotation) == (float,)
