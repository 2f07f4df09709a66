"""`read_csv`: rows of CSV files."""

from __future__ import annotations

import datetime as dt
import re
import types as kinds
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Union, get_args, get_origin

from lakebed._client_config import options_of
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError, DatasetPrepareError, NotSupportedError
from lakebed.read._arguments import PathLike, paths_of, refuse
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lakebed._native import Chain
    from lakebed.read._tables import Shape

Files = list[str] | list[tuple[str, str]]

_ARROW = (
    {
        "bool": "Boolean",
        "boolean": "Boolean",
        "str": "Utf8",
        "utf8": "Utf8",
        "string": "Utf8",
        "large_string": "LargeUtf8",
        "large_utf8": "LargeUtf8",
        "binary": "Binary",
        "bytes": "Binary",
        "int": "Int64",
        "float": "Float64",
        "double": "Float64",
        "halffloat": "Float16",
        "date": "Date32",
        "date32": "Date32",
        "date32[day]": "Date32",
        "date64": "Date64",
        "date64[ms]": "Date64",
        "datetime": 'Timestamp(Microsecond, Some("UTC"))',
        "time": "Time64(Microsecond)",
    }
    | {
        f"{sign}int{bits}": f"{sign.upper()}Int{bits}"
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    }
    | {f"float{bits}": f"Float{bits}" for bits in (16, 32, 64)}
)
"""Names that PyArrow and Python have for types, and those of the engine."""

_PYTHON: dict[Any, str] = {
    bool: "bool",
    str: "str",
    bytes: "binary",
    int: "int",
    float: "float",
    dt.date: "date",
    dt.datetime: "datetime",
    dt.time: "time",
    Decimal: "decimal128(38, 9)",
}

_UNITS = {"s": "Second", "ms": "Millisecond", "us": "Microsecond", "ns": "Nanosecond"}

_PARSE_OPTIONS = {
    "delimiter",
    "quote_char",
    "double_quote",
    "escape_char",
    "newlines_in_values",
    "ignore_empty_lines",
    "invalid_row_handler",
}


class InvalidRow(NamedTuple):
    """A row with another number of values than there are columns.

    Attributes:
        expected_columns: How many columns there are.
        actual_columns: How many values the row has.
        number: Is None: rows are read side by side.
        text: The row.
    """

    expected_columns: int
    actual_columns: int
    number: int | None
    text: str


def read_csv(  # noqa: PLR0917  the peer's order
    path: PathLike | Sequence[PathLike],
    delimiter: str | None = None,
    header: bool = True,  # noqa: FBT001, FBT002
    output: Any = None,
    column: str = "",
    model_name: str = "",
    source: bool = True,  # noqa: FBT001, FBT002
    nrows: int | None = None,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    column_types: Mapping[str, Any] | None = None,
    parse_options: Mapping[str, Any] | None = None,
    *,
    in_memory: bool = False,
    anon: bool | None = None,
    update: bool = False,  # noqa: ARG001
    client_config: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    r"""The rows of CSV files, also of those that are packed with gzip.

    Types are what some values have in common: int, float, bool, date, datetime, else str. Looked at
    are the first 20,480 rows of the first file (8 MiB at most), eight places in the rest of it that
    have no quotes, and the first 2,560 rows of up to 15 other files. A later value of another type
    is an error that names its file, row and column. Empty values and `NA`, `N/A`, `NULL`, `null`,
    `NaN`, `None`, `#N/A` and the like are None, in quotes too. Names of columns become identifiers:
    `First Name` is `first_name`. All files have the same columns, in any order.

    Args:
        path: Files or folders, on this machine or in buckets; globs as in `read_storage`. Of a
            folder, files called `*.csv` or `*.tsv`, packed or not.
        delimiter: Between values. By default a comma; a tab in `*.tsv`; another of tab, `;` and `|`
            if it divides the first rows evenly where commas do not divide them at all.
        header: Whether the first row has the names; without one, `output` has them.
        output: Names of the columns; or types by name, as a dict or model. If all of its names
            are the columns' own, only these are read.
        column: One column to nest all others in.
        model_name: The name of its model.
        source: Add the column `source`, an `ArrowRow` that says which row of which file it is.
        nrows: At most so many rows of each file.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        column_types: Types of some columns by their names in the file: as PyArrow names them or
            has them, or of Python.
        parse_options: As PyArrow's `ParseOptions`: `delimiter`, `quote_char` (None or False for
            none), `double_quote`, `escape_char`, `ignore_empty_lines`, and `invalid_row_handler`,
            a function that is given a row with too many or too few values and returns "skip"
            or "error". Newlines in quotes are always part of values.
        in_memory: Use a session in memory.
        anon: As for `read_storage`.
        update: Files are looked up at each call, so both values do the same.
        client_config: As for `read_storage`.
        others: Other options of the peer, refused with a reason.

    Raises:
        DatasetPrepareError: There is no header and no `output`, or `output` has another number of
            names than there are columns.
        CorruptDataError: A file is empty, or no UTF-8 text.

    Examples:
        >>> import lakebed as dc
        >>> pets = getfixture("tmp_path") / "pets.csv"
        >>> _ = pets.write_text("name,age\ncat,3\ndog,5\n")
        >>> chain = dc.read_csv(pets)
        >>> chain.filter(dc.C("age") > 4).to_list("name", "source.index")
        [('dog', 1)]
    """
    from lakebed.read._tables import Shape

    refuse("read_csv", **others)
    files: Files = paths_of(path)
    held = Session.get(session, in_memory=in_memory)
    how = csv_options(delimiter, parse_options, header=header, nrows=nrows, source=source)
    how["types"] = [(name, arrow_name(kind)) for name, kind in (column_types or {}).items()]
    options = options_of(client_config, anon=anon)
    native = csv_table(held, files, how, Shape(output, column, model_name), options)
    return chain_of(native, held, settings)


def csv_options(
    delimiter: str | None,
    parse_options: Mapping[str, Any] | None,
    *,
    header: bool,
    nrows: int | None,
    source: bool,
) -> dict[str, Any]:
    """How files are read, as the engine takes it."""
    given = dict(parse_options or {})
    if unknown := set(given) - _PARSE_OPTIONS:
        known = ", ".join(sorted(_PARSE_OPTIONS))
        msg = f"unknown parse option `{min(unknown)}`: there are {known}"
        raise DataChainParamsError(msg)
    if nrows is not None and (isinstance(nrows, bool) or not isinstance(nrows, int) or nrows < 0):
        msg = f"nrows is a number of rows, not `{nrows!r}`"
        raise DataChainParamsError(msg)
    return {
        "delimiter": _byte("delimiter", delimiter or given.get("delimiter")),
        "quote_char": _byte("quote_char", given.get("quote_char", '"')),
        "double_quote": bool(given.get("double_quote", True)),
        "escape_char": _byte("escape_char", given.get("escape_char")),
        "ignore_empty_lines": bool(given.get("ignore_empty_lines", True)),
        "leaves": _leaves(given.get("invalid_row_handler")),
        "header": bool(header),
        "names": None,
        "types": [],
        "rows": nrows,
        "source": bool(source),
    }


def csv_table(
    session: Session, files: Files, how: dict[str, Any], shape: Shape, options: dict[str, str]
) -> Chain:
    """The rows of files as they are asked for; each type is known to the reader."""
    from lakebed.read._tables import normalized

    names, types = shape.names(), shape.types()
    if not how["header"] and names is None:
        msg = "without a header, output= has the names of the columns"
        raise DatasetPrepareError(msg)
    if names is not None and (types is None or not how["header"]):
        how |= {"names": normalized(names) if types is None else names}
    read = session._native.read_csv
    native = read(files, how, options)
    if types is not None:
        columns = [name for name, _ in native.schema()][1 if how["source"] else 0 :]
        given = dict(how["types"])
        for name, at in shape.places(columns).items():
            given.setdefault(columns[at], arrow_name(types[name]))
        native = read(files, how | {"types": list(given.items())}, options)
    return shape.applied(native)


def arrow_name(kind: Any) -> str:
    """A type of PyArrow or Python, as the engine names it.

    Raises:
        NotSupportedError: No value in a CSV file is of such a type.
    """
    plain = _without_none(kind)
    name = _PYTHON.get(plain) if isinstance(plain, type) else str(plain)
    if name in _ARROW:
        return _ARROW[name]
    if found := re.fullmatch(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]", name or ""):
        zone = f'Some("{found[2]}")' if found[2] else "None"
        return f"Timestamp({_UNITS[found[1]]}, {zone})"
    if found := re.fullmatch(r"time(32|64)\[(s|ms|us|ns)\]", name or ""):
        return f"Time{found[1]}({_UNITS[found[2]]})"
    if found := re.fullmatch(r"decimal(?:128)?\((\d+), (-?\d+)\)", name or ""):
        return f"Decimal128({found[1]}, {found[2]})"
    msg = f"values of CSV files cannot be `{kind!r}`; hint: read text, and map it"
    raise NotSupportedError(msg)


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, kinds.UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        return members[0] if len(members) == 1 else kind
    return kind


def _byte(name: str, given: Any) -> int | None:
    """A character of one byte."""
    if given is None or given is False:
        return None
    if not isinstance(given, str) or len(given) != 1 or not given.isascii() or given in "\r\n":
        msg = f"{name} is one ASCII character, not `{given!r}`"
        raise DataChainParamsError(msg)
    return ord(given)


def _leaves(handler: Callable[[InvalidRow], str] | None) -> Callable[[int, int, str], bool] | None:
    """What says of a row whether it is left out."""
    if handler is None:
        return None
    if not callable(handler):
        msg = f"invalid_row_handler is a function of a row, not `{handler!r}`"
        raise DataChainParamsError(msg)

    def leaves(expected: int, actual: int, text: str) -> bool:
        answer = handler(InvalidRow(expected, actual, None, text))
        if answer not in {"skip", "error"}:
            msg = f'invalid_row_handler returns "skip" or "error", not `{answer!r}`'
            raise DataChainParamsError(msg)
        return answer == "skip"

    return leaves
