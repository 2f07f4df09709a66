"""Options of exports under the names of pyarrow and of Python's `csv`, as the engine takes them."""

from __future__ import annotations

import csv as python_csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed import _columns
from lakebed._types.signal_schema import KEY, signal_text
from lakebed.exceptions import DataChainParamsError, NotSupportedError

if TYPE_CHECKING:
    from lakebed._types.annotation import Spec

_ALWAYS: dict[str, tuple[Any, ...]] = {
    "allow_truncated_timestamps": (True, False),
    "coerce_timestamps": (None, "us"),
    "column_encoding": (None,),
    "encryption_properties": (None,),
    "engine": (None, "auto", "pyarrow"),
    "flavor": (None,),
    "sorting_columns": (None,),
    "store_decimal_as_integer": (False,),
    "store_schema": (True,),
    "use_byte_stream_split": (False,),
    "use_compliant_nested_type": (True,),
    "use_deprecated_int96_timestamps": (None, False),
    "version": ("2.4", "2.6"),
    "write_page_checksum": (False,),
    "write_page_index": (True, False),
    "writer_engine_version": (None, "V1", "V2"),
}
"""Options of pyarrow with the values that change nothing here."""

_NUMBERS = {
    "data_page_size": "page_bytes",
    "dictionary_pagesize_limit": "dictionary_bytes",
    "write_batch_size": "batch_rows",
}
_FLAGS = {"use_dictionary": "dictionary", "write_statistics": "statistics"}
_BY_COLUMN = {"compression": "compression", "compression_level": "level"}
_OTHERS = {"overwrite_or_ignore": "stay", "delete_matching": "go", "error": "refused"}
_NAME = "part-{i}.parquet"
_PAGES = ("1.0", "2.0")


def csv(delimiter: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What `csv.writer` makes of the options; it also says what is wrong with them."""
    dialect = python_csv.writer(io.StringIO(), delimiter=delimiter, **options).dialect
    return {
        "delimiter": dialect.delimiter,
        "quote": dialect.quotechar,
        "quoting": dialect.quoting,
        "escape": dialect.escapechar,
        "doubled": bool(dialect.doublequote),
        "line_end": dialect.lineterminator,
    }


def parquet(
    columns: Sequence[tuple[str, Spec]],
    partitions: Sequence[str],
    group_rows: int,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Options of `pyarrow.parquet`, and what stands in the footer.

    Raises:
        NotSupportedError: An option is unknown, or its value cannot be honoured.
        DataChainParamsError: An option has a value that it does not have.
    """
    left = dict(options)
    rows = left.pop("row_group_size", None)
    name, others = _NAME, "stay"
    if partitions:
        name = left.pop("basename_template", _NAME)
        others = _others(left.pop("existing_data_behavior", "overwrite_or_ignore"))
        if "{i}" not in name or "/" in name:
            msg = f"invalid basename_template `{name}`: it is a file name with `{{i}}` in it"
            raise DataChainParamsError(msg)
    found = []
    for option, value in left.items():
        found += _pairs(option, value, columns)
    return {
        "group_rows": group_rows if rows is None else rows,
        "options": found,
        "metadata": [(KEY, signal_text(columns))],
        "partition_by": [_dotted(columns, one) for one in partitions],
        "file_name": name,
        "others": others,
    }


def _others(given: object) -> str:
    if isinstance(given, str) and given in _OTHERS:
        return _OTHERS[given]
    msg = f"unknown existing_data_behavior `{given}`: use {', '.join(_OTHERS)}"
    raise DataChainParamsError(msg)


def _dotted(columns: Sequence[tuple[str, Spec]], given: str) -> str:
    return ".".join(_columns.existing(columns, given)[0])


def _pairs(option: str, value: Any, columns: Sequence[tuple[str, Spec]]) -> list[tuple[str, str]]:
    """One option, for all columns or for each that is named."""
    if option in _ALWAYS:
        if value in _ALWAYS[option]:
            return []
        msg = f"to_parquet(): {option}={value!r} is not supported; hint: leave it out"
        raise NotSupportedError(msg)
    if option in _NUMBERS:
        return [] if value is None else [(_NUMBERS[option], str(value))]
    if option == "data_page_version":
        if value not in _PAGES:
            msg = f"unknown data_page_version `{value}`: use {' or '.join(_PAGES)}"
            raise DataChainParamsError(msg)
        return [("page_version", value)]
    if option in _FLAGS:
        return _flags(_FLAGS[option], value, columns)
    if option in _BY_COLUMN:
        name = _BY_COLUMN[option]
        if isinstance(value, Mapping):
            return [(f"{name}:{_dotted(columns, c)}", _codec(v)) for c, v in value.items()]
        return [] if value is None and name == "level" else [(name, _codec(value))]
    msg = f"to_parquet(): option `{option}` is not supported; hint: leave it out"
    raise NotSupportedError(msg)


def _flags(name: str, value: Any, columns: Sequence[tuple[str, Spec]]) -> list[tuple[str, str]]:
    if isinstance(value, bool):
        return [(name, str(value).lower())]
    chosen = [(f"{name}:{_dotted(columns, column)}", "true") for column in value]
    return [(name, "false"), *chosen]


def _codec(value: Any) -> str:
    return "none" if value is None else str(value)
