"""Columns of tables in files, under the names and types that users see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from lakebed._schema import Spec, resolve_spec, spec_of
from lakebed._types.model_spec import model_spec
from lakebed._types.resolve import rebuilt_spec
from lakebed.exceptions import DatasetPrepareError
from lakebed.models import ModelStore
from lakebed.read._arguments import listed
from lakebed.read._signals import stored_signals

if TYPE_CHECKING:
    from lakebed._native import Chain

SOURCE = "source"

_KEPT = "lakebed.schema"
"""In the notes of files that `to_parquet` wrote."""

Path = list[str]
Column = tuple[str, Spec | None, list[Path]]
"""Name, type unless it stays what it is, and the paths to what its leaves are made of."""


@dataclass(frozen=True)
class Shape:
    """What a table is to become.

    Attributes:
        output: Names, or types by name as a dict or model.
        column: One column to nest all others in.
        model_name: The name of its model.
    """

    output: Any = None
    column: str = ""
    model_name: str = ""

    def names(self) -> list[str] | None:
        """The names of the columns that `output` asks for."""
        if self.output is None or (not ModelStore.is_pydantic(self.output) and not self.output):
            return None
        if isinstance(self.output, Mapping):
            return list(self.output)
        if ModelStore.is_pydantic(self.output):
            return list(self.output.model_fields)
        if isinstance(self.output, Sequence) and not isinstance(self.output, (str, bytes)):
            return list(self.output)
        msg = f"output takes names, a dict of types or a model, not `{self.output!r}`"
        raise DatasetPrepareError(msg)

    def types(self) -> dict[str, Any] | None:
        """The types by name, if `output` has types."""
        if isinstance(self.output, Mapping):
            # values that a table lacks are None
            return {name: Optional[kind] for name, kind in self.output.items()}  # noqa: UP045
        if ModelStore.is_pydantic(self.output):
            fields = self.output.model_fields
            return {name: field.annotation for name, field in fields.items()}
        return None

    def applied(self, native: Chain, notes: Mapping[str, str] | None = None) -> Chain:
        """The table as it is asked for.

        Args:
            native: The table as it is in files, with or without the column `source`.
            notes: What is written in the files besides.
        """
        columns = native.schema()
        source = [name for name, spec in columns[:1] if _is_row(spec)]
        table = columns[len(source) :]
        signals = stored_signals(notes or {}) if self.names() is None else None
        made: list[Column]
        if notes and _KEPT in notes and self.names() is None:
            # the engine made them what they were
            made = [(name, None, [[name]]) for name, _ in table]
        elif signals:
            made = [_restored(name, kind, table) for name, kind in signals.items()]
        else:
            made = self._columns(table, taken=[SOURCE] if source else [])
        if self.column:
            made = [self._nested(made, table)]
        if source:
            # what was written as `source` before is read anew
            rest = [column for column in made if column[0] != SOURCE]
            made = [(SOURCE, None, [source]), *rest]
        names = [name for name, _, _ in made]
        if names == [name for name, _ in columns] and all(spec is None for _, spec, _ in made):
            return native
        return native.shaped(made)

    def _columns(self, table: list[tuple[str, Spec]], taken: Sequence[str]) -> list[Column]:
        places = self.places([name for name, _ in table])
        types = self.types()
        if types is None:
            names = normalized(list(places), taken)
            chosen = [table[at] for at in places.values()]
            return [
                (name, *_inside(spec, [old]))
                for name, (old, spec) in zip(names, chosen, strict=True)
            ]
        columns: list[Column] = []
        for name, at in places.items():
            stored = table[at]
            spec = spec_of(types[name], f"column `{name}`")
            same = _is_same(stored[1], spec)
            parts = [[stored[0]]] if same else parts_of(spec, stored[1], [stored[0]])
            columns.append((name, None if same else spec, parts))
        return columns

    def places(self, columns: Sequence[str]) -> dict[str, int]:
        """The columns that are asked for: their new names, and which of the table's they are.

        Names of types that are all those of columns choose among them; others name all columns, in
        order.
        """
        names = self.names()
        if names is None:
            return {name: at for at, name in enumerate(columns)}
        known = {name: at for at, name in enumerate(normalized(columns))}
        known |= {name: at for at, name in enumerate(columns)}
        if self.types() is not None and all(name in known for name in names):
            return {name: known[name] for name in names}
        if len(names) != len(columns):
            msg = (
                f"output has {len(names)} names ({listed(names)}) for {len(columns)} columns "
                f"({listed(columns)}); hint: a dict or model with some of the columns' own names"
            )
            raise DatasetPrepareError(msg)
        return {name: at for at, name in enumerate(names)}

    def _nested(self, columns: list[Column], table: list[tuple[str, Spec]]) -> Column:
        stored = dict(table)
        fields = [
            (name, spec or resolve_spec(stored[parts[0][0]])) for name, spec, parts in columns
        ]
        if ModelStore.is_pydantic(self.output):
            whole = model_spec(self.output)
        else:
            whole = rebuilt_spec(self.model_name or self.column, fields)
        parts: list[Path] = []
        for (_, own), (_, spec, paths) in zip(fields, columns, strict=True):
            parts += paths if spec else parts_of(own, own, paths[0])
        return (self.column, whole, parts)


def normalized(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Names as identifiers that are not taken: lower case, `_` for what is no letter or digit.

    Examples:
        >>> normalized(["First Name", "first-name", "2nd"])
        ['first_name', 'c0_first_name', 'c1_2nd']
    """
    made: dict[str, None] = {}
    number = 0
    for name in names:
        plain = re.sub("[^0-9a-z]+", "_", name.lower()).strip("_")
        new = plain
        while not new.isidentifier() or new in {*made, *taken} or (new != name and new in names):
            new = f"c{number}_{plain}".rstrip("_")
            number += 1
        made[new] = None
    return list(made)


def _is_row(spec: Spec) -> bool:
    return str(spec.get("name", "")).startswith("ArrowRow@")


def _is_same(stored: Spec, wanted: Spec) -> bool:
    """Whether the column is of the type already, as far as values go."""
    plain = {"int", "float", "str", "bool", "bytes", "datetime", "date", "time", "timedelta"}
    return stored["kind"] == wanted["kind"] and stored["kind"] in plain


def _inside(spec: Spec, path: Path) -> tuple[Spec | None, list[Path]]:
    """A column whose fields have names that are identifiers, as columns do."""
    plain = _plain(spec)
    return (None, [path]) if plain is spec else (plain, parts_of(plain, spec, path))


def _plain(spec: Spec) -> Spec:
    """The model with such names; itself where they are."""
    if spec["kind"] != "model" or ModelStore.candidates(spec["name"]):
        return spec
    names = normalized([name for name, _ in spec["fields"]])
    fields = [(name, _plain(below)) for name, (_, below) in zip(names, spec["fields"], strict=True)]
    if all(
        new == old and one is other
        for (new, one), (old, other) in zip(fields, spec["fields"], strict=True)
    ):
        return spec
    return rebuilt_spec(spec["name"], fields) | {"nullable": spec["nullable"]}


def parts_of(spec: Spec, stored: Spec, path: Path) -> list[Path]:
    """The paths to the leaves of a type in a column that has its fields."""
    if spec["kind"] != "model":
        return [path]
    below = dict(stored["fields"]) if stored["kind"] == "model" else {}
    known = dict(zip(normalized(list(below)), below, strict=True)) | {name: name for name in below}
    parts = [path] if spec["nullable"] else []
    for name, field in spec["fields"]:
        old = known.get(name, name)
        parts += parts_of(field, below.get(old, field), [*path, old])
    return parts


def _restored(name: str, kind: Any, table: list[tuple[str, Spec]]) -> Column:
    """A signal whose fields were written as columns with dotted names."""
    spec = spec_of(kind, f"column `{name}`")
    stored = dict(table)
    if spec["kind"] != "model" and name in stored and _is_same(stored[name], spec):
        return (name, None, [[name]])
    return (name, spec, _dotted(spec, name, stored))


def _dotted(spec: Spec, name: str, stored: Mapping[str, Spec]) -> list[Path]:
    if spec["kind"] != "model" or name in stored:
        return parts_of(spec, stored.get(name, spec), [name])
    tag = f"{name}._type_tag"
    parts: list[Path] = [[tag] if tag in stored else []] if spec["nullable"] else []
    for field, below in spec["fields"]:
        parts += _dotted(below, f"{name}.{field}", stored)
    return parts
