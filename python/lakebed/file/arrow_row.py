"""`ArrowRow`: which row of a Parquet, CSV, JSON or Arrow file something is from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from pydantic import Field

from lakebed._extras import needed
from lakebed.exceptions import DataChainParamsError, FileError, LakebedError
from lakebed.file.file import File
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        kwargs: How to read the file: `format` where its extension does not tell, `delimiter`
            of a CSV.
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
        format = str(self.kwargs.get("format") or self.file.get_file_ext()).lower()
        if format not in _FORMATS:
            msg = f"unknown format `{format}`: use {', '.join(_FORMATS)}"
            raise DataChainParamsError(msg)
        arrow = needed("pyarrow", _PACKAGE)
        with self.file._place().reader() as stream:
            try:
                found = _row(stream, _FORMATS[format], self.index, self._delimiter(format))
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

    def _delimiter(self, format: str) -> str:
        return str(self.kwargs.get("delimiter") or ("\t" if format == "tsv" else ","))


def _row(stream: IO[bytes], format: str, index: int, delimiter: str) -> Any:
    """A table of one row; None if there are not so many."""
    left = index
    for batch in _batches(stream, format, index, delimiter):
        if isinstance(batch, int):
            left -= batch
        elif left < batch.num_rows:
            table = needed("pyarrow", _PACKAGE).Table.from_batches([batch])
            return table.slice(left, 1) if left >= 0 else None
        else:
            left -= batch.num_rows
    return None


def _batches(stream: IO[bytes], format: str, index: int, delimiter: str) -> Iterator[Any]:
    """The rows in batches; a number of rows where these need not be read."""
    if format == "parquet":
        file = needed("pyarrow.parquet", _PACKAGE).ParquetFile(stream)
        before = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if before <= index < before + rows:
                yield from file.iter_batches(row_groups=[group])
                return
            before += rows
            yield rows
    elif format == "csv":
        csv = needed("pyarrow.csv", _PACKAGE)
        options = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        with csv.open_csv(stream, parse_options=options) as reader:
            yield from reader
    elif format == "json":
        yield from needed("pyarrow.json", _PACKAGE).read_json(stream).to_batches()
    else:
        reader = needed("pyarrow.ipc", _PACKAGE).open_file(stream)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
