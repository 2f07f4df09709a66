"""Rows of a chain as Python values, Arrow, pandas or Polars."""

from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from lakebed._columns import Path, leaf_specs, leaves, resolved, values_at
from lakebed._progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

    from lakebed._native import Chain, StreamFailure

_NESTED = 2
"""Header levels from which on pandas gets a MultiIndex."""


def rows(native: Chain, paths: Sequence[str] = ()) -> Iterator[tuple[Any, ...]]:
    """Rows as tuples of typed objects: all columns, or those at the paths."""
    columns = resolved(native)
    specs, order = [spec for _, spec in columns], None
    if paths:
        native, specs, order = values_at(native, paths)
        order = None if order == list(range(len(specs))) else order
    with progress() as report:
        for batch in native.rows(specs, report):
            if order is None:
                yield from batch
            else:
                yield from (tuple(row[index] for index in order) for row in batch)


def records(native: Chain) -> list[dict[str, Any]]:
    """Rows as dicts of leaf values, keyed by names such as `file__path`."""
    names, found = leaf_rows(native, "__")
    return [dict(zip(names, row, strict=True)) for row in found]


def leaf_rows(
    native: Chain, separator: str, *, hidden: bool = True
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """The names of the leaf columns, and rows of their values."""
    found = list(leaves(resolved(native), hidden=hidden))
    names = [separator.join(path) for path in found]
    return names, rows(native, [".".join(path) for path in found])


def chunks(found: Iterator[tuple[Any, ...]], size: int) -> Iterator[list[list[Any]]]:
    """So many rows at a time, as columns."""
    while chunk := list(islice(found, size)):
        yield [list(column) for column in zip(*chunk, strict=True)]


def arrow(native: Chain) -> pa.Table:
    """All rows as an Arrow table, read without copying, but for views of text in lists."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise _missing("pyarrow", "lakebed[arrow]") from error
    table = _read(native, pa.table)
    for at, field in enumerate(table.schema):
        # pandas has no way to read them there
        if pa.types.is_nested(field.type) and "_view" in str(field.type):
            plain = field.with_type(_without_views(pa, field.type))
            table = table.set_column(at, plain, table.column(at).cast(plain.type))
    return table


def _without_views(pa: Any, kind: pa.DataType) -> pa.DataType:
    """The type with texts and bytes in the place of views of them."""

    def plain(field: pa.Field) -> pa.Field:
        return field.with_type(_without_views(pa, field.type))

    types = pa.types
    if types.is_struct(kind):
        return pa.struct([plain(kind.field(at)) for at in range(kind.num_fields)])
    if types.is_map(kind):
        return pa.map_(plain(kind.key_field), plain(kind.item_field))
    if types.is_fixed_size_list(kind):
        return pa.list_(plain(kind.value_field), kind.list_size)
    if types.is_large_list(kind):
        return pa.large_list(plain(kind.value_field))
    if types.is_list(kind):
        return pa.list_(plain(kind.value_field))
    views = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return views.get(kind, kind)


def pandas(
    native: Chain, *, flatten: bool, include_hidden: bool, as_object: bool = False
) -> pd.DataFrame:
    """All rows as a frame with one column for each leaf field."""
    try:
        import pandas as pd
    except ImportError as error:
        raise _missing("pandas", "lakebed[pandas]") from error
    if as_object:
        return _objects(pd, native, flatten=flatten, include_hidden=include_hidden)
    table = arrow(native)
    import pyarrow as pa

    found = list(leaf_specs(resolved(native), hidden=include_hidden))
    flat = _flat(table)
    chosen = [flat[path] for path, _ in found]
    frame = pa.table(chosen, names=[str(i) for i in range(len(found))]).to_pandas()
    for index, (_, spec) in enumerate(found):
        # only these go through Python, and most hold nothing: `File.location`
        if spec["kind"] == "json" and chosen[index].null_count < len(frame):
            decoded = [None if t is None else json.loads(t) for t in chosen[index].to_pylist()]
            frame[str(index)] = pd.Series(decoded, dtype=object)
    frame.columns = _headers(pd, [path for path, _ in found], flatten=flatten)
    return frame


def _objects(pd: Any, native: Chain, *, flatten: bool, include_hidden: bool) -> pd.DataFrame:
    """The values as they are; pandas would make others of some when given whole rows."""
    paths = list(leaves(resolved(native), hidden=include_hidden))
    found = list(rows(native, [".".join(path) for path in paths]))
    columns = {
        index: pd.Series([row[index] for row in found], dtype=object) for index in range(len(paths))
    }
    frame: pd.DataFrame = pd.DataFrame(columns, index=range(len(found)))
    frame.columns = _headers(pd, paths, flatten=flatten)
    return frame


def polars(native: Chain) -> Any:
    """All rows as a Polars frame; models become structs."""
    try:
        import polars as pl
    except ImportError as error:
        raise _missing("polars", "polars") from error
    return _read(native, pl.DataFrame)


def lazy_polars(native: Chain) -> Any:
    """The rows as a lazy Polars frame that reads what its query needs."""
    try:
        import polars as pl
        import pyarrow as pa
        from polars.io.plugins import register_io_source
    except ImportError as error:
        raise _missing("polars and pyarrow", "polars pyarrow") from error

    def read(
        columns: list[str] | None, predicate: Any, rows: int | None, _batch_rows: int | None
    ) -> Iterator[Any]:
        wanted = native if columns is None else native.select(columns)
        if rows is not None and predicate is None:
            wanted = wanted.limit(rows)
        with stream(wanted) as found:
            for batch in pa.RecordBatchReader.from_stream(found):
                frame = pl.DataFrame(batch)
                yield frame if predicate is None else frame.filter(predicate)

    schema = _read(native.limit(0), pl.DataFrame).schema
    return register_io_source(read, schema=schema)


class _Stream:
    """The rows as an Arrow stream that knows what it failed with."""

    def __init__(self, native: Chain) -> None:
        self._native = native
        self._failures: list[StreamFailure] = []

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        stream, failure = self._native.arrow_stream(requested_schema)
        self._failures.append(failure)
        return stream

    def check(self) -> None:
        """Raise what the query failed with, if it did."""
        for failure in self._failures:
            failure.check()


@contextmanager
def stream(native: Chain) -> Iterator[Any]:
    """The rows for a library that reads Arrow; what fails is the query's own error."""
    rows = _Stream(native)
    try:
        yield rows
    except Exception:
        # the libraries know a text only
        rows.check()
        raise


def _read(native: Chain, read: Callable[[Any], Any]) -> Any:
    """What a library makes of the rows."""
    with stream(native) as rows:
        return read(rows)


def _flat(table: pa.Table) -> dict[Path, pa.ChunkedArray]:
    """Every leaf by its path; a field of a missing struct is missing."""
    found: dict[Path, pa.ChunkedArray] = {}

    def add(path: Path, column: pa.ChunkedArray) -> None:
        kind = column.type
        # a struct stays whole where it is no model, but `found` has its parts too
        found[path] = column
        if hasattr(kind, "fields") and str(kind).startswith("struct<"):
            parts = column.flatten() if column.num_chunks else ()
            for index in range(kind.num_fields):
                field = kind.field(index)
                part = parts[index] if parts else _empty(field.type)
                add((*path, field.name), part)

    for name, column in zip(table.column_names, table.columns, strict=True):
        add((name,), column)
    return found


def _empty(kind: Any) -> pa.ChunkedArray:
    import pyarrow as pa

    return pa.chunked_array([], type=kind)


def _headers(pd: Any, paths: list[Path], *, flatten: bool) -> Any:
    depth = max(map(len, paths), default=1)
    if flatten or depth < _NESTED:
        return [".".join(path) for path in paths]
    return pd.MultiIndex.from_tuples([path + ("",) * (depth - len(path)) for path in paths])


def _missing(module: str, package: str) -> ImportError:
    return ImportError(f"this needs {module}; hint: pip install '{package}'")
