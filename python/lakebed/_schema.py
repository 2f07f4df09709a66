"""`Schema`, what `chain.schema` returns, and the front door to everything about types.

Reading annotations is `_types/annotation.py`, models `model_spec.py`, values `infer.py`,
stored types `resolve.py`, comparing them `matching.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lakebed._types.annotation import ACCEPTED, Spec, Vector, VectorType, spec_of
from lakebed._types.infer import infer_spec
from lakebed._types.matching import same_type
from lakebed._types.resolve import resolve_spec, type_of
from lakebed._types.type_text import type_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "ACCEPTED",
    "DataChainSchema",
    "Schema",
    "Signals",
    "Spec",
    "Vector",
    "VectorType",
    "infer_spec",
    "resolve_spec",
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


@dataclass(frozen=True)
class Signals:
    """What `chain.signals_schema` returns.

    Attributes:
        values: Names and Python types of the columns.
    """

    values: Schema

    def resolve(self, *names: str) -> Signals:
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
        return Signals(Schema(found))

    def serialize(self) -> dict[str, str]:
        """Names and types as text; models by their stored names, as `File@v1`."""
        return {name: type_text(shown) for name, shown in self.values.items()}

    def __str__(self) -> str:
        """The tree."""
        return str(self.values)


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
