"""Verbs that write the rows into files for other programs."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lakebed import _columns
from lakebed._client_config import options_of
from lakebed._coerce import whole
from lakebed._progress import progress
from lakebed._verbs.base import Base
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed.file.file import File

    Target = str | os.PathLike[str]

ROWS = 100_000
"""Rows of a group in Parquet files."""


class Exporting(Base):
    """The rows as Parquet, CSV and JSON, on this machine or in a bucket.

    Rows are in the chain's order. A file appears whole or not at all: it replaces the one that
    was there once all rows are written, and an export that fails leaves nothing. Folders that are
    missing are made.
    """

    __slots__ = ()

    def to_parquet(
        self,
        path: Target | IO[bytes],
        partition_cols: Sequence[str] | None = None,
        chunk_size: int = ROWS,
        fs_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write a Parquet file, or folders of them.

        Fields of models are columns with dotted names, as `file.path`; what they are parts of
        stands in the footer, so that `read_parquet` gives the models back. Columns that hold
        JSON, such as dicts, are of the logical type JSON. Columns whose values come again have a
        dictionary, unless `use_dictionary` says which.

        Args:
            path: A file, or a binary file object; with `partition_cols` a folder.
            partition_cols: Columns and fields that become folders called `name=value`, the
                outermost first. Missing values are in `name=__HIVE_DEFAULT_PARTITION__`. Running
                it again replaces the files of the folders that it writes, and leaves others.
            chunk_size: Rows of a row group, at most; groups of large rows have fewer.
            fs_kwargs: Another way to connect to the bucket than the session's.
            kwargs: Options of pyarrow's `ParquetWriter`: `compression` (snappy by default),
                `compression_level`, `use_dictionary`, `write_statistics`, `row_group_size`,
                `data_page_size`, `data_page_version`, `dictionary_pagesize_limit` and
                `write_batch_size`; with `partition_cols` also `basename_template` and
                `existing_data_behavior`. Others are refused by name.

        Raises:
            DataChainParamsError: A column does not exist or cannot become folders, or an option
                has a value that it does not have.
            NotSupportedError: There is no such option here.

        Examples:
            >>> import lakebed as dc, tempfile
            >>> path = f"{tempfile.mkdtemp()}/numbers.parquet"
            >>> dc.read_values(x=[1, 2]).to_parquet(path, compression="zstd")
            >>> dc.read_parquet(path).to_values("x")
            [1, 2]
        """
        from lakebed import _export_options

        partitions = _paths_of(partition_cols)
        options = _export_options.parquet(
            _columns.resolved(self._native), partitions, whole("chunk_size", chunk_size), kwargs
        )
        if isinstance(path, (str, os.PathLike)):
            uri = os.fspath(path)
            self._write(uri if partitions else _file_at(uri), "parquet", options, fs_kwargs)
            return
        if partitions:
            msg = "`partition_cols` makes folders; give the path of one, not a file object"
            raise DataChainParamsError(msg)
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder, "rows.parquet")
            self._write(str(scratch), "parquet", options, None)
            with scratch.open("rb") as written:
                shutil.copyfileobj(written, path)

    def to_csv(
        self,
        path: Target,
        delimiter: str = ",",
        fs_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> File:
        r"""Write a CSV file and return it.

        Fields of models are columns with dotted names, as `file.path`. Missing values are empty,
        empty text is `""`. Times are in UTC, bytes are in base64; lists and dicts are JSON.

        Args:
            path: The file.
            delimiter: What stands between values.
            fs_kwargs: Another way to connect to the bucket than the session's.
            kwargs: How Python's `csv.writer` writes: `quotechar`, `quoting`, `escapechar`,
                `doublequote`, `lineterminator` (`\r\n` by default) or `dialect`.

        Raises:
            TypeError: An option is none of `csv.writer`, or has a value that it does not take.

        Examples:
            >>> import lakebed as dc, tempfile
            >>> path = f"{tempfile.mkdtemp()}/animals.csv"
            >>> written = dc.read_values(name=["cat", None], size=[3, 5]).to_csv(path)
            >>> written.read_text().splitlines()
            ['name,size', 'cat,3', ',5']
        """
        from lakebed import _export_options

        return self._file(path, "csv", _export_options.csv(delimiter, kwargs), fs_kwargs)

    def to_json(
        self,
        path: Target,
        fs_kwargs: Mapping[str, Any] | None = None,
        include_outer_list: bool = True,  # noqa: FBT001, FBT002
    ) -> File:
        r"""Write the rows as JSON objects, models as objects in them, and return the file.

        Values look as in Pydantic's JSON: times as `2024-01-02T03:04:05Z`, decimals as text, NaN
        and infinities as null. Bytes are in base64.

        Args:
            path: The file.
            fs_kwargs: Another way to connect to the bucket than the session's.
            include_outer_list: Write one list of all objects; otherwise one object a line.

        Examples:
            >>> import lakebed as dc, tempfile
            >>> path = f"{tempfile.mkdtemp()}/numbers.json"
            >>> dc.read_values(x=[1, None]).to_json(path).read_text()
            '[\n{"x":1},\n{"x":null}\n]\n'
        """
        return self._file(path, "json" if include_outer_list else "jsonl", {}, fs_kwargs)

    def to_jsonl(self, path: Target, fs_kwargs: Mapping[str, Any] | None = None) -> File:
        r"""Write the rows as JSON objects, one a line, and return the file; see `to_json`.

        Examples:
            >>> import lakebed as dc, tempfile
            >>> path = f"{tempfile.mkdtemp()}/numbers.jsonl"
            >>> dc.read_values(x=[1, 2]).to_jsonl(path).read_text()
            '{"x":1}\n{"x":2}'
        """
        return self.to_json(path, fs_kwargs, include_outer_list=False)

    def _file(
        self,
        path: Target,
        form: str,
        options: Mapping[str, Any],
        fs_kwargs: Mapping[str, Any] | None,
    ) -> File:
        from lakebed.file import _paths
        from lakebed.file._bucket import status_of
        from lakebed.file.file import File

        uri = _file_at(os.fspath(path))
        file = File.at(uri)
        found = self._write(uri, form, options, fs_kwargs)
        if found is None or not _paths.is_remote(uri):
            file._take(file._place().status())
        else:
            file._take(status_of(found))
        return file

    def _write(
        self,
        uri: str,
        form: str,
        options: Mapping[str, Any],
        fs_kwargs: Mapping[str, Any] | None,
    ) -> tuple[int, str, str, int] | None:
        storage = self._session._native.storage()
        if fs_kwargs:
            storage = storage.connected(options_of(fs_kwargs))
        with progress() as report:
            return self._native.export(storage, uri, form, dict(options), report)


def _file_at(uri: str) -> str:
    if not uri or uri.endswith("/"):
        msg = f"invalid file `{uri}`: name a file, not a folder"
        raise DataChainParamsError(msg)
    return uri


def _paths_of(given: Sequence[str] | None) -> list[str]:
    """The names of columns; one alone need not be a list."""
    if given is None:
        return []
    return _columns.paths_of([given] if isinstance(given, str) else given, "to_parquet")
