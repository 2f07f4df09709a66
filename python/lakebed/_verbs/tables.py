"""The verb that reads tables in the files of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lakebed._verbs.base import Base
from lakebed.exceptions import DataChainParamsError, DatasetPrepareError, NotSupportedError

if TYPE_CHECKING:
    from lakebed._native import Chain
    from lakebed.file import File
    from lakebed.read._tables import Shape

_FORMATS = {
    "csv": "csv",
    "tsv": "csv",
    "parquet": "parquet",
    "pq": "parquet",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
}

_OPTIONS = {
    "csv": {"delimiter", "header", "column_types", "parse_options"},
    "parquet": {"partitioning"},
    "json": set(),
}


class Tables(Base):
    """What is in files."""

    __slots__ = ()

    def parse_tabular(
        self,
        output: Any = None,
        column: str = "",
        model_name: str = "",
        source: bool = True,  # noqa: FBT001, FBT002
        nrows: int | None = None,
        **kwargs: Any,
    ) -> Self:
        r"""The rows of the tables in the files of the column `file`, instead of the files.

        Which files there are is looked up here; they are read when the chain runs.

        Args:
            output: Names of the columns; or types by name, as a dict or model. If all of its
                names are the columns' own, only these are read.
            column: One column to nest all others in.
            model_name: The name of its model.
            source: Add the column `source`, an `ArrowRow` that says which row of which file it
                is.
            nrows: At most so many rows of each file; not of Parquet.
            kwargs: `format`: `csv`, `tsv`, `parquet`, or `json` and `jsonl` for one object a
                line; by default what the files' names end with. And what `read_csv`
                (`delimiter`, `header`, `column_types`, `parse_options`) or `read_parquet`
                (`partitioning`) takes.

        Raises:
            DatasetPrepareError: There is no column `file`, no file in it, or no one format.

        Examples:
            >>> import lakebed as dc
            >>> pets = getfixture("tmp_path") / "pets.csv"
            >>> _ = pets.write_text("name,age\ncat,3\ndog,5\n")
            >>> chain = dc.read_storage(pets).parse_tabular(source=False)
            >>> chain.to_list("name", "age")
            [('cat', 3), ('dog', 5)]
        """
        from lakebed.read._tables import Shape

        files = self._tables()
        format = _format(files, kwargs.pop("format", None))
        if unknown := set(kwargs) - _OPTIONS[format]:
            known = ", ".join(sorted(_OPTIONS[format]))
            msg = (
                f"unknown option `{min(unknown)}` of parse_tabular: for {format} there are {known}"
            )
            raise DataChainParamsError(msg)
        if nrows and format == "parquet":
            msg = "nrows is for CSV and JSON; hint: limit()"
            raise DatasetPrepareError(msg)
        named = [(file.source, file.path) for file in files]
        shape = Shape(output, column, model_name)
        if format == "json":
            from lakebed.read._json_tables import json_table

            native = json_table(self._session, files, nrows or None, source=source)
            return self._with(shape.applied(native))
        if format == "parquet":
            return self._with(self._parquet(named, shape, source=source, **kwargs))
        if all(file.path.lower().endswith((".tsv", ".tsv.gz")) for file in files):
            kwargs.setdefault("delimiter", "\t")
        return self._with(self._csv(named, shape, source=source, nrows=nrows, **kwargs))

    def _tables(self) -> list[File]:
        from lakebed.file import File

        schema = self.schema
        kind = schema.get("file")
        if not (isinstance(kind, type) and issubclass(kind, File)):
            msg = f"no files to parse: the chain has no column `file` of files, but {list(schema)}"
            raise DatasetPrepareError(msg)
        spec = dict(self._native.select(["file"]).schema())["file"]
        from lakebed._schema import resolve_spec

        rows = self._native.select(["file"]).rows([resolve_spec(spec)], None)
        files: list[File] = [file for page in rows for (file,) in page]
        if not files:
            msg = "no files to parse: the chain has no rows"
            raise DatasetPrepareError(msg)
        inside = next((file for file in files if file.location), None)
        if inside:
            msg = f"tables inside of other files are not supported: `{inside.get_uri()}`"
            raise NotSupportedError(msg)
        return files

    def _parquet(
        self,
        files: list[tuple[str, str]],
        shape: Shape,
        *,
        source: bool,
        partitioning: Any = "hive",
    ) -> Chain:
        from lakebed.read.parquet import has_folders

        folders = has_folders(partitioning)
        read = self._session._native.read_parquet
        native, notes = read(files, folders, bool(source), {})
        return shape.applied(native, notes)

    def _csv(
        self,
        files: list[tuple[str, str]],
        shape: Shape,
        *,
        source: bool,
        nrows: int | None,
        delimiter: str | None = None,
        header: bool = True,
        column_types: Any = None,
        parse_options: Any = None,
    ) -> Chain:
        from lakebed.read.csv import arrow_name, csv_options, csv_table

        how = csv_options(delimiter, parse_options, header=header, nrows=nrows, source=source)
        how["types"] = [(name, arrow_name(kind)) for name, kind in (column_types or {}).items()]
        return csv_table(self._session, files, how, shape, {})


def _format(files: list[File], given: Any) -> str:
    """The format of all the files."""
    if given is not None:
        if given not in _FORMATS:
            msg = f"unknown format `{given!r}`: there are {', '.join(_FORMATS)}"
            raise NotSupportedError(msg)
        return _FORMATS[given]
    found = {}
    for file in files:
        name = file.path.lower().removesuffix(".gz")
        found[name.rpartition(".")[2]] = file.path
    formats = {_FORMATS.get(ending, "") for ending in found}
    if len(formats) > 1 or "" in formats:
        other = next((path for ending, path in found.items() if ending not in _FORMATS), None)
        why = f"`{other}` tells none" if other else f"there are {', '.join(sorted(formats))}"
        msg = f"the files have no one format: {why}; hint: filter(), or format="
        raise DatasetPrepareError(msg)
    return formats.pop()
