"""Verbs that compute rows and give them to Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from lakebed import _columns, _export
from lakebed._coerce import whole
from lakebed._datafusion import check_release
from lakebed._progress import progress
from lakebed._verbs.base import Base
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from lakebed.expr import Column

T = TypeVar("T")


class Results(Base):
    """The rows as Python values, frames and text."""

    __slots__ = ()

    def count(self) -> int:
        """The number of rows."""
        with progress() as report:
            return self._native.count(report)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self.to_iter()

    def to_iter(self, *cols: str | Column) -> Iterator[tuple[Any, ...]]:
        """Rows as tuples, read while iterating: of all columns or the given ones.

        A field as `file.path` gives its value.
        """
        return _export.rows(self._native, _columns.paths_of(cols, "to_iter"))

    def collect(self, *cols: str | Column) -> Iterator[Any]:
        """Rows as `to_iter` gives them, but of one column its values, not tuples of one.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 2], y=["a", "b"])
            >>> list(chain.collect("x")), list(chain.collect())
            ([1, 2], [(1, 'a'), (2, 'b')])
        """
        found = _export.rows(self._native, _columns.paths_of(cols, "collect"))
        return (row[0] for row in found) if len(cols) == 1 else found

    def to_list(self, *cols: str | Column) -> list[tuple[Any, ...]]:
        """All rows as tuples; takes what `to_iter` takes."""
        return list(_export.rows(self._native, _columns.paths_of(cols, "to_list")))

    def to_values(self, col: str | Column) -> list[Any]:
        """All values of one column or field."""
        paths = _columns.paths_of([col], "to_values")
        return [value for (value,) in _export.rows(self._native, paths)]

    @overload
    def results(
        self, *, row_factory: None = None, include_hidden: bool = True
    ) -> list[tuple[Any, ...]]: ...

    @overload
    def results(
        self, *, row_factory: Callable[[list[str], tuple[Any, ...]], T], include_hidden: bool = True
    ) -> list[T]: ...

    def results(
        self,
        *,
        row_factory: Callable[[list[str], tuple[Any, ...]], Any] | None = None,
        include_hidden: bool = True,
    ) -> list[Any]:
        """All rows as tuples of leaf values, fields of models one by one.

        Args:
            row_factory: Makes a row of the names, such as `file__path`, and the values.
            include_hidden: Also the fields that models hide.

        Examples:
            >>> import lakebed as dc
            >>> dc.read_values(x=[1, 2]).results(row_factory=lambda names, row: (names, row))
            [(['x'], (1,)), (['x'], (2,))]
        """
        names, rows = _export.leaf_rows(self._native, "__", hidden=include_hidden)
        return list(rows) if row_factory is None else [row_factory(names, row) for row in rows]

    def to_columnar_data_with_names(
        self, chunk_size: int = 100_000
    ) -> tuple[list[str], Iterator[list[list[Any]]]]:
        """Names of the leaf columns, such as `file.path`, and their values, some rows at a time.

        Args:
            chunk_size: How many rows at a time, at most.

        Examples:
            >>> import lakebed as dc
            >>> names, chunks = dc.read_values(x=[1, 2, 3]).to_columnar_data_with_names(2)
            >>> names, list(chunks)
            (['x'], [[[1, 2]], [[3]]])
        """
        if whole("chunk_size", chunk_size) == 0:
            msg = "invalid chunk_size `0`: a chunk has at least one row"
            raise DataChainParamsError(msg)
        names, rows = _export.leaf_rows(self._native, ".")
        return names, _export.chunks(rows, chunk_size)

    def to_records(self) -> list[dict[str, Any]]:
        """All rows as flat dicts, with keys such as `file__path`."""
        return _export.records(self._native)

    def to_arrow(self) -> pa.Table:
        """All rows as a PyArrow table; models are structs."""
        return _export.arrow(self._native)

    def to_pandas(
        self,
        flatten: bool = False,  # noqa: FBT001, FBT002
        include_hidden: bool = True,  # noqa: FBT001, FBT002
        as_object: bool = False,  # noqa: FBT001, FBT002
    ) -> pd.DataFrame:
        """All rows as a pandas frame with one column for each leaf field.

        Args:
            flatten: Dotted names instead of several header levels.
            include_hidden: Also the fields that models hide.
            as_object: Values as Python has them, None for missing ones, instead of types of
                pandas.
        """
        return _export.pandas(
            self._native, flatten=flatten, include_hidden=include_hidden, as_object=as_object
        )

    @overload
    def to_polars(self, *, lazy: Literal[False] = False) -> pl.DataFrame: ...

    @overload
    def to_polars(self, *, lazy: bool) -> pl.DataFrame | pl.LazyFrame: ...

    def to_polars(self, *, lazy: bool = False) -> pl.DataFrame | pl.LazyFrame:
        """All rows as a Polars frame; models are structs.

        Args:
            lazy: A `LazyFrame`, which reads the rows when it is collected: only the columns
                that its query names, and no more rows than it wants. Its filters are Polars'
                own work, batch by batch.
        """
        frame: pl.DataFrame | pl.LazyFrame = (
            _export.lazy_polars(self._native) if lazy else _export.polars(self._native)
        )
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as an Arrow stream, for every library that takes one."""
        return self._native.__arrow_c_stream__(requested_schema)

    def __datafusion_table_provider__(self, session: object = None) -> object:
        """The rows as a table for `SessionContext.register_table` of the package `datafusion`.

        Its columns, filters and limits become steps of the chain. Fields of models are read
        alone after `flatten()`: only whole columns can be asked for from there.

        Args:
            session: Whose table it is to be; not needed.

        Raises:
            NotSupportedError: The package is of another major version than the engine's
                DataFusion.
        """
        check_release()
        return self._native.datafusion_table()

    def show(
        self,
        limit: int = 20,
        flatten: bool = False,  # noqa: FBT001, FBT002
        transpose: bool = False,  # noqa: FBT001, FBT002
        truncate: bool = True,  # noqa: FBT001, FBT002
        include_hidden: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Print the first rows as a table.

        Args:
            limit: How many rows; 0 for all.
            flatten: One header line of dotted names instead of one for each level.
            transpose: Columns as lines.
            truncate: Cut long values and many rows.
            include_hidden: Also the fields that models hide.
        """
        from lakebed._show import render

        native = self._native.limit(limit) if whole("limit", limit) else self._native
        text = render(
            _columns.resolved(native),
            list(_export.rows(native)),
            flatten=flatten,
            transpose=transpose,
            truncate=truncate,
            include_hidden=include_hidden,
            limit_note=limit or None,
        )
        print(text)  # noqa: T201  what it is for
