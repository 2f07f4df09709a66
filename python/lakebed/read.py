"""`read_...`: chains over files, datasets, tables and Python values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed._client_config import options_of
from lakebed._schema import Spec, infer_spec, spec_of
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import (
    DataChainParamsError,
    DatasetFromValuesError,
    NotSupportedError,
    ValuesToTupleError,
)
from lakebed.session import Session

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "read_arrow",
    "read_dataset",
    "read_parquet",
    "read_records",
    "read_storage",
    "read_values",
    "sql",
]

_PathLike = str | os.PathLike[str]
_MISSING: Any = object()


def read_storage(
    uri: _PathLike | Sequence[_PathLike],
    *,
    type: str = "binary",
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,
    recursive: bool = True,
    column: str = "file",
    update: bool = False,
    anon: bool | None = None,
    versions: bool = True,  # noqa: ARG001
    client_config: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    """The files below a path or in a bucket, one row each.

    Listing happens when the chain runs: a local folder is listed in each run, a bucket when its
    listing is older than four hours (`LAKEBED_LISTING_TTL`, in seconds). A bucket's listing also
    serves chains over what is below it. What was found is kept in `system.listings`; see
    `listings()`.

    Args:
        uri: Paths, `file://`, `s3://`, `gs://`, `az://` or `hf://` URIs of files or folders; of
            `http(s)://` only files. `*`, `**`, `?`, `[..]` and `{a,b}` choose, `~` is home.
        type: What the files are read as: `binary`, `text`, `image`, `video` or `audio`.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        recursive: Also files in folders below.
        column: The column's name.
        update: List buckets anew in each run. A bucket that is as it was makes no new version.
        anon: Ask buckets without credentials, or never so; by default credentials are used where
            there are any.
        versions: Has no effect: only the newest version of each object is listed.
        client_config: How to reach these buckets, from now on: `aws_key`, `aws_secret`,
            `aws_endpoint_url`, `token`, `account_name`, and other options of s3fs, gcsfs, adlfs.
        others: Other options of the peer, refused with a reason.
    """
    from lakebed.file import type_for

    type_for(type)
    _refuse("read_storage", **others)
    uris = _paths(uri)
    options = options_of(client_config, anon=anon)
    held = Session.get(session, in_memory=in_memory)
    native = held._native.read_storage(uris, recursive, column, type, update, options)
    return chain_of(native, held, settings)


def read_dataset(  # noqa: PLR0917  the peer's order
    name: str,
    namespace: str | None = None,
    project: str | None = None,
    version: str | int | None = None,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    """A saved dataset: its latest version unless another is asked for.

    Args:
        name: `name`, `project.name` or `namespace.project.name`, also with `@version`.
        namespace: Of a name that has none.
        project: Of a name that has none.
        version: A number as `1.2.0`, a major number as 1, or a range as `>=1,<2`.
        session: Where to read; see `Session`.
        settings: As for `chain.settings()`.
        others: Other options of the peer, refused with a reason.
    """
    _refuse("read_dataset", **others)
    if isinstance(version, bool) or not isinstance(version, (str, int, type(None))):
        msg = f"version is text or a major number, not `{version!r}`"
        raise DataChainParamsError(msg)
    if isinstance(version, int):
        version = f">={version}.0.0,<{version + 1}.0.0"
    held = Session.get(session)
    native = held._native.read_dataset(name, namespace, project, version)
    return chain_of(native, held, settings, native.dataset)


def read_parquet(  # noqa: PLR0917  the peer's order
    path: _PathLike | Sequence[_PathLike],
    partitioning: Any = "hive",
    output: Any = None,
    column: str = "",
    model_name: str = "",
    source: bool = False,  # noqa: FBT001, FBT002
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    *,
    anon: bool | None = None,
    update: bool = False,  # noqa: ARG001
    client_config: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    """The rows of Parquet files; structs become models.

    Files that differ are one table: types widen to what holds the values of all, a column or field
    that a file lacks is null. Folders called `key=value` are columns. Files and folders whose names
    start with `_` or `.` are left out unless they are named.

    Args:
        path: Files or folders; globs as in `read_storage`.
        partitioning: How folders are named; other ways than `hive` are not supported yet, nor are
            the next four.
        output: Other names or types for the columns.
        column: One column to nest all others in.
        model_name: The name of its model.
        source: Add the file that a row is from.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        anon: As for `read_storage`.
        update: Files are looked up at each call, so both values do the same.
        client_config: As for `read_storage`.
        others: Other options of the peer, refused with a reason.
    """
    _refuse(
        "read_parquet",
        partitioning=None if partitioning == "hive" else partitioning,
        output=output,
        column=column,
        model_name=model_name,
        source=source,
        **others,
    )
    paths = _paths(path)
    options = options_of(client_config, anon=anon)
    held = Session.get(session, in_memory=in_memory)
    return chain_of(held._native.read_parquet(paths, options), held, settings)


def read_values(  # noqa: PLR0917  the peer's order
    ds_name: str = "",  # noqa: ARG001
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    output: Any = None,
    column: str = "",
    **fr_map: Sequence[Any],
) -> DataChain:
    """Python values as columns.

    All values of a column tell its type. Ints among floats become floats; any other mix
    is a union, which is stored as JSON, if every value comes back from that as it was.

    Args:
        ds_name: Has no effect; the peer names intermediate results by it.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        output: Types by column name, or one type for one column; else all values tell.
        column: Not supported yet: one column to nest all others in.
        fr_map: Values by column name, all of one length.

    Raises:
        ValuesToTupleError: Lengths differ, or values of a column share no type.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2], y=["a", None]).to_list()
        [(1, 'a'), (2, None)]
    """
    _refuse("read_values", column=column)
    types = _value_types(output, list(fr_map))
    columns = []
    for name, given in fr_map.items():
        if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
            msg = f"column `{name}` takes a list of values, not `{given!r}`"
            raise ValuesToTupleError(msg)
        values = given if isinstance(given, (list, tuple)) else list(given)
        where = f"column `{name}`"
        spec = spec_of(types[name], where) if name in types else infer_spec(values, where)
        columns.append((name, spec, values))
    _check_lengths(columns)
    held = Session.get(session, in_memory=in_memory)
    return chain_of(held._native.read_values(columns), held, settings)


def read_records(
    to_insert: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None,
    schema: Mapping[str, Any] | type[BaseModel],
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
) -> DataChain:
    """Dicts as rows.

    Args:
        to_insert: One dict, several, an iterator of them, or None for no rows. A field
            of a model may also stand under a flat key, as `file__path`.
        schema: Types by column name, or a model whose fields are the columns.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.

    Raises:
        DatasetFromValuesError: A row lacks a key that has no default, or has others.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_records([{"x": 1}, {"x": 2}], schema={"x": int}).to_list()
        [(1,), (2,)]
    """
    specs = _record_specs(schema)
    given = [to_insert] if isinstance(to_insert, Mapping) else (to_insert or [])
    values: dict[str, list[Any]] = {name: [] for name, _ in specs}
    for number, record in enumerate(given):
        if not isinstance(record, Mapping):
            msg = f"row {number} is no dict: `{record!r}`"
            raise DatasetFromValuesError(msg)
        for name, spec in specs:
            values[name].append(_cell(record, name, spec, number))
        _check_keys(record, specs, number)
    held = Session.get(session, in_memory=in_memory)
    columns = [(name, spec, values[name]) for name, spec in specs]
    return chain_of(held._native.read_values(columns), held, settings)


def read_arrow(
    data: Any,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
) -> DataChain:
    """A table of any library that speaks Arrow: PyArrow, Polars, pandas, DuckDB.

    Args:
        data: An object with `__arrow_c_stream__` or `__arrow_c_array__`.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
    """
    if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
        msg = f"read_arrow takes an object that speaks Arrow, not `{type(data).__name__}`"
        raise DataChainParamsError(msg)
    held = Session.get(session, in_memory=in_memory)
    return chain_of(held._native.read_arrow(data), held, settings)


def sql(text: str, session: Session | None = None) -> DataChain:
    """The result of a SQL query over saved datasets."""
    if not isinstance(text, str):
        msg = f"sql takes text, not `{text!r}`"
        raise DataChainParamsError(msg)
    held = Session.get(session)
    return chain_of(held._native.sql(text), held)


# Arguments


_PEER_DEFAULTS = {
    "delta_on": ("file.path", "file.etag", "file.version"),
    "partitioning": "hive",
}
"""Written out, they ask for nothing."""


def _refuse(function: str, **options: Any) -> None:
    """Options that would change the result, but are not there yet."""
    for name, value in options.items():
        means_nothing = value is None or value is False or value in ("", {}, ())
        if not means_nothing and value != _PEER_DEFAULTS.get(name):
            msg = f"option `{name}` of {function} is not supported yet: `{value!r}` was given"
            raise NotSupportedError(msg)


def _paths(given: _PathLike | Sequence[_PathLike]) -> list[str]:
    listed = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    if not listed:
        msg = "no path was given"
        raise DataChainParamsError(msg)
    return [_utf8(path) for path in listed]


def _utf8(path: _PathLike) -> str:
    """The path as text; file systems also have names that are none."""
    text = os.fsdecode(path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        msg = f"the path `{os.fsencode(path)!r}` is not UTF-8; hint: rename the file or folder"
        raise NotSupportedError(msg) from error
    return text


def _value_types(output: Any, names: list[str]) -> dict[str, Any]:
    """The types that `output=` gives to columns."""
    if output is None:
        return {}
    if not isinstance(output, Mapping):
        if len(names) != 1:
            msg = f"output= is one type for {len(names)} columns; hint: a dict of types"
            raise ValuesToTupleError(msg)
        return {names[0]: output}
    if set(output) != set(names):
        msg = f"output= is for the columns {_listed(output)}, but there are {_listed(names)}"
        raise ValuesToTupleError(msg)
    return dict(output)


def _check_lengths(columns: Sequence[tuple[str, Spec, Sequence[Any]]]) -> None:
    for name, _, values in columns:
        first, _, expected = columns[0]
        if len(values) != len(expected):
            msg = (
                f"column `{name}` has {len(values)} values, but `{first}` has "
                f"{len(expected)}: all columns need one length"
            )
            raise ValuesToTupleError(msg)


def _record_specs(schema: Mapping[str, Any] | type[BaseModel]) -> list[tuple[str, Spec]]:
    if isinstance(schema, Mapping):
        return [(name, spec_of(kind, f"column `{name}`")) for name, kind in schema.items()]
    spec = spec_of(schema, "the schema")
    if spec["kind"] != "model":
        msg = f"schema= is a dict of types or a model, not `{schema!r}`"
        raise DataChainParamsError(msg)
    fields: list[tuple[str, Spec]] = spec["fields"]
    return fields


def _cell(record: Mapping[str, Any], name: str, spec: Spec, number: int) -> Any:
    """The value of one column in one row."""
    value = _value_at(record, name, spec)
    if value is _MISSING and spec["nullable"]:
        return None
    if value is _MISSING:
        msg = f"row {number} has no key `{name}`, and there is no default for it"
        raise DatasetFromValuesError(msg)
    if spec["kind"] == "model" and isinstance(value, Mapping):
        return _model(value, name, spec, number)
    return value


def _value_at(record: Mapping[str, Any], name: str, spec: Spec) -> Any:
    """The value under its own key, or of flat keys put together."""
    if name in record or spec["kind"] != "model":
        return record.get(name, _MISSING)
    parts = {}
    for field, below in spec["fields"]:
        part = _value_at(record, f"{name}__{field}", below)
        if part is not _MISSING:
            parts[field] = part
    return parts or _MISSING


def _model(value: Mapping[str, Any], name: str, spec: Spec, number: int) -> Any:
    from pydantic import ValidationError

    try:
        return spec["cls"].model_validate(dict(value))
    except ValidationError as error:
        place = error.errors()[0]
        field = ".".join(map(str, (name, *place["loc"])))
        msg = f"row {number}, `{field}`: {place['msg']}"
        raise DatasetFromValuesError(msg) from error


def _check_keys(record: Mapping[str, Any], specs: list[tuple[str, Spec]], number: int) -> None:
    """Refuse keys that are no column: they would be lost."""
    names = [name for name, _ in specs]
    models = tuple(f"{name}__" for name, spec in specs if spec["kind"] == "model")
    for key in record:
        if key not in names and not (models and str(key).startswith(models)):
            msg = f"row {number} has the key `{key}`, which is no column: {_listed(names)}"
            raise DatasetFromValuesError(msg)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
