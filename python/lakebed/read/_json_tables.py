"""`json_table`: rows of files with an object on each line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lakebed._native import Expr
from lakebed._schema import spec_of
from lakebed.exceptions import DatasetPrepareError
from lakebed.file import ArrowRow
from lakebed.read._tables import SOURCE, Column, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed._native import Chain
    from lakebed.file import File
    from lakebed.session import Session

_OBJECT, _ROW = "jsonl", "lakebed_row"


def json_table(
    session: Session, files: Sequence[File], nrows: int | None, *, source: bool
) -> Chain:
    """The fields of the objects as columns, types as all files have them.

    Raises:
        DatasetPrepareError: Lines are no objects.
    """
    paths = [_literally(file.get_uri()) for file in files]
    read = session._native.read_json

    def table(some: list[str]) -> Chain:
        asked = ((some, True), "jsonl", None, nrows, (_OBJECT, (paths, "ModelJsonl")))
        return read(asked, {})

    if not source:
        return _flat(table(paths), [])
    tables = [_numbered(table([path]), file) for path, file in zip(paths, files, strict=True)]
    while len(tables) > 1:
        # in pairs, so that no chain is as deep as there are files
        pairs = [tables[at : at + 2] for at in range(0, len(tables), 2)]
        tables = [pair[0].union(pair[1]) if len(pair) > 1 else pair[0] for pair in pairs]
    return tables[0]


def _literally(uri: str) -> str:
    """A path that names this file, whatever characters are in it."""
    return re.sub(r"([*?\[{])", r"[\1]", uri)


def _numbered(table: Chain, file: File) -> Chain:
    """The rows of one file, with the column that says so."""
    spec = spec_of(ArrowRow)
    row = ArrowRow(file=file, index=0, kwargs={"format": "json"})
    held = table.with_sys(shown=True).mutate([(_ROW, Expr.literal(row, spec))])
    parts = parts_of(spec, spec, [_ROW])
    parts = [["sys", "id"] if part == [_ROW, "index"] else part for part in parts]
    return _flat(held, [(SOURCE, spec, parts)]).with_sys(shown=False)


def _flat(table: Chain, columns: list[Column]) -> Chain:
    found: dict[str, Any] = dict(table.schema())[_OBJECT]
    if found["kind"] != "model":
        msg = f"the files have no objects on their lines, but `{found['kind']}`"
        raise DatasetPrepareError(msg)
    fields: list[Column] = [(name, None, [[_OBJECT, name]]) for name, _ in found["fields"]]
    return table.shaped([*columns, *fields])
