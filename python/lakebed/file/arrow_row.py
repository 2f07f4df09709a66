"""`ArrowRow`: which row of a Parquet, CSV, JSON or Arrow file something is from."""

from __future__ import annotations

from contextlib import contextmanager
from gzip import GzipFile
from typing import IO, TYPE_CHECKING, Any, cast

from pydantic import Field

from lakebed._extras import needed
from lakebed.exceptions import DataChainParamsError, FileError, LakebedError
from lakebed.file.file import File
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PACKAGE = "lakebed[arrow]"
_FORMATS = {
    "parquet": "parquet",
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "arrow": "ipc",
    "feather": "ipc",
    "ipc": "ipc",
}


class ArrowRow(DataModel):  # type: ignore[no-redef]  # a field has the name of a parameter
    """A row of a file with a table.

    Attributes:
        file: The file.
        index: The number of the row, from 0.
        kwargs: How to read the file: `format` where its extension does not tell; of a CSV
            `delimiter`, `quote_char`, `double_quote`, `escape_char`, `ignore_empty_lines`,
            `skip_invalid_rows`, and `column_names` in place of a `header` or where none is.
    """

    file: File
    index: int
    kwargs: dict = Field(default_factory=dict)  # type: ignore[type-arg]

    @contextmanager
    def open(self) -> Iterator[Any]:
        """A PyArrow table of this row, for the time of a `with` block.

        Raises:
            FileError: The file is damaged, or has no such row.
        """
        format = str(self.kwargs.get("format") or _extension(self.file)).lower()
        if format not in _FORMATS:
            msg = f"unknown format `{format}`: use {', '.join(_FORMATS)}"
            raise DataChainParamsError(msg)
        arrow = needed("pyarrow", _PACKAGE)
        with self.file._place().reader() as stream:
            try:
                found = _row(self._batches(stream, _FORMATS[format]), self.index)
            except LakebedError:
                raise
            except (arrow.ArrowException, OSError) as error:
                msg = f"cannot read `{self.file.get_uri()}` as {format}: {error}"
                raise FileError(msg) from error
            if found is None:
                msg = f"there is no row {self.index} in `{self.file.get_uri()}`"
                raise FileError(msg)
            yield found

    def read(self) -> dict[str, Any]:
        """The row's values by column; files with several batches are read up to the row."""
        with self.open() as table:
            row: dict[str, Any] = table.to_pylist()[0]
            return row

    def _batches(self, stream: IO[bytes], format: str) -> Iterator[Any]:
        """The rows in batches; a number of rows where these need not be read."""
        if format == "parquet":
            yield from _parquet(stream, self.index)
            return
        if self.file.path.lower().endswith(".gz"):
            stream = cast("IO[bytes]", GzipFile(fileobj=stream))
        if format == "csv":
            with _csv(stream, self.kwargs, _extension(self.file)) as reader:
                yield from reader
        elif format == "json":
            yield from needed("pyarrow.json", _PACKAGE).read_json(stream).to_batches()
        else:
            reader = needed("pyarrow.ipc", _PACKAGE).open_file(stream)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


def _extension(file: File) -> str:
    return file.path.lower().removesuffix(".gz").rpartition(".")[2]


def _row(batches: Iterator[Any], index: int) -> Any:
    """A table of one row; None if there are not so many."""
    left = index
    for batch in batches:
        if isinstance(batch, int):
            left -= batch
        elif left < batch.num_rows:
            table = needed("pyarrow", _PACKAGE).Table.from_batches([batch])
            return table.slice(left, 1) if left >= 0 else None
        else:
            left -= batch.num_rows
    return None


def _parquet(stream: IO[bytes], index: int) -> Iterator[Any]:
    file = needed("pyarrow.parquet", _PACKAGE).ParquetFile(stream)
    before = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if before <= index < before + rows:
            yield from file.iter_batches(row_groups=[group])
            return
        before += rows
        yield rows


def _csv(stream: IO[bytes], how: Mapping[str, Any], extension: str) -> Any:
    """A reader that finds the same rows as `read_csv`."""
    csv = needed("pyarrow.csv", _PACKAGE)
    names = how.get("column_names")
    skips = how.get("skip_invalid_rows")
    return csv.open_csv(
        stream,
        read_options=csv.ReadOptions(
            column_names=names, skip_rows=1 if names and how.get("header") else 0
        ),
        parse_options=csv.ParseOptions(
            delimiter=how.get("delimiter") or ("\t" if extension == "tsv" else ","),
            quote_char=how.get("quote_char", '"') or False,
            double_quote=how.get("double_quote", True),
            escape_char=how.get("escape_char") or False,
            newlines_in_values=True,
            ignore_empty_lines=how.get("ignore_empty_lines", True),
            invalid_row_handler=(lambda _: "skip") if skips else None,
        ),
        convert_options=csv.ConvertOptions(strings_can_be_null=True),
    )
