"""`read_values` and `read_records`: Python values as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any

from lakebed._schema import Spec, infer_spec, spec_of, type_of
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError, DatasetFromValuesError, ValuesToTupleError
from lakebed.read._arguments import listed
from lakebed.read._frames import nest_of
from lakebed.session import Session

if TYPE_CHECKING:
    from pydantic import BaseModel

_MISSING: Any = object()
_INT: Spec = {"kind": "int", "nullable": False}

_IN_MEMORY = 10_000
"""More rows of an iterator are written down."""


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
        column: One column to nest all others in, as the fields of a model.
        fr_map: Values by column name, all of one length.

    Raises:
        ValuesToTupleError: Lengths differ, or values of a column share no type.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2], y=["a", None]).to_list()
        [(1, 'a'), (2, None)]
    """
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
    if not isinstance(column, str):
        msg = f"column= is the name of a column, not `{column!r}`; hint: give that one another name"
        raise ValuesToTupleError(msg)
    held = Session.get(session, in_memory=in_memory)
    return chain_of(held._native.read_values(columns, nest_of(column)), held, settings)


def read_records(
    to_insert: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None,
    schema: Mapping[str, Any] | type[BaseModel],
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
) -> DataChain:
    """Dicts as rows.

    Rows of an iterator are written down while it runs, and kept until the session ends: there
    may be more of them than fit into memory.

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
    rows = _rows(given, specs)
    held = Session.get(session, in_memory=in_memory)
    first = list(rows if isinstance(given, (list, tuple)) else islice(rows, _IN_MEMORY))
    if len(first) == _IN_MEMORY and not isinstance(given, (list, tuple)):
        return _kept(chain(first, rows), specs, held, settings)
    values = zip(*first, strict=True) if first else repeat(())
    columns = [
        (name, spec, list(cells)) for (name, spec), cells in zip(specs, values, strict=False)
    ]
    return chain_of(held._native.read_values(columns), held, settings)


def _rows(
    given: Iterable[Mapping[str, Any]], specs: list[tuple[str, Spec]]
) -> Iterator[tuple[Any, ...]]:
    """The values of each row in the order of the columns."""
    for number, record in enumerate(given):
        if not isinstance(record, Mapping):
            msg = f"row {number} is no dict: `{record!r}`"
            raise DatasetFromValuesError(msg)
        row = tuple(_cell(record, name, spec, number) for name, spec in specs)
        _check_keys(record, specs, number)
        yield row


def _kept(
    rows: Iterator[tuple[Any, ...]],
    specs: list[tuple[str, Spec]],
    held: Session,
    settings: Mapping[str, Any] | None,
) -> DataChain:
    """Rows that are written while they come, for as long as the session lasts."""

    def read_records(_: int) -> Iterator[Any]:
        yield from (cell for (cell,) in rows) if len(specs) == 1 else rows

    # an iterator gives its rows once: there is nothing to compute again
    one = chain_of(held._native.read_values([("seed", _INT, [0])]), held, {"ephemeral": True})
    output = {name: type_of(spec) for name, spec in specs}
    kept = one.gen(read_records, params=["seed"], output=output).persist()
    return chain_of(kept._native, held, settings)


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
        msg = f"output= is for the columns {listed(output)}, but there are {listed(names)}"
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
            msg = f"row {number} has the key `{key}`, which is no column: {listed(names)}"
            raise DatasetFromValuesError(msg)
