"""`read_database`: the rows that a query of a database gives."""

from __future__ import annotations

from itertools import chain as chained
from types import NoneType
from typing import TYPE_CHECKING, Any

from lakebed._database.result import Result, arrow_of, is_of_driver, result_of
from lakebed._database.values import fitted, plain
from lakebed._schema import Spec, infer_spec, spec_of
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError
from lakebed.read._arguments import listed
from lakebed.read._parts import PART_BYTES, exactly_nullable, joined
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lakebed._native import Chain

_ARROW_ROWS = 10_000


def read_database(
    query: Any,
    connection: Any,
    params: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    output: Mapping[str, Any] | None = None,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,
    infer_schema_length: int | None = 100,
) -> DataChain:
    """The rows that a query gives, as they are now: the query runs in this call, once.

    Rows are fetched some at a time, with a cursor of the server where there is one. What is
    more than 64 MiB is kept below the root until the session ends. A column has None in its
    type if there is a NULL in it.

    Args:
        query: SQL, or a statement made with SQLAlchemy.
        connection: A URL as `postgresql://user@host/name`; an engine, connection or ORM
            session of SQLAlchemy; or an open connection of sqlite3, DuckDB, ADBC or another
            driver. What you opened stays open. DuckDB and ADBC give their rows as Arrow.
        params: Values of the query's parameters: a dict for `:name`, or what the driver takes.
        output: Types by column name. Text becomes dates or JSON where a type asks for it, as
            SQLite has no such types. Other columns get the type of their first values.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        infer_schema_length: How many rows tell the types; None for all, which are then held in
            memory. Arrow has types of its own.

    Raises:
        TypeError: The connection is none of these.
        DataChainParamsError: The query gives no columns, one name twice, or a value that is
            not of its column's type.

    Examples:
        >>> import sqlite3
        >>> import lakebed as dc
        >>> connection = sqlite3.connect(":memory:")
        >>> _ = connection.execute("create table pets as select 1 as id, 'cat' as name")
        >>> dc.read_database("select * from pets where id = :id", connection, {"id": 1}).to_list()
        [(1, 'cat')]
    """
    if infer_schema_length is not None and (
        not isinstance(infer_schema_length, int) or infer_schema_length < 1
    ):
        msg = f"infer_schema_length is a number of rows, not `{infer_schema_length!r}`"
        raise DataChainParamsError(msg)
    held = Session.get(session, in_memory=in_memory)
    if isinstance(query, str) and not output and is_of_driver(connection):
        with arrow_of(query, connection, params, _ARROW_ROWS) as reader:
            if reader is not None:
                return chain_of(joined(_arrow_parts(reader, held), held), held, settings)
    with result_of(query, connection, params) as result:
        parts = _Columns(result, dict(output or {}), infer_schema_length).parts(held)
        return chain_of(joined(parts, held), held, settings)


class _Columns:
    """The rows of a result as typed columns, in parts that fit into memory."""

    def __init__(self, result: Result, output: dict[str, Any], sample: int | None) -> None:
        self._names = result.names
        if unknown := output.keys() - set(self._names):
            msg = f"output= is for the columns {listed(unknown)}, but there are "
            raise DataChainParamsError(msg + listed(self._names))
        self._given = {name: spec_of(kind, f"column `{name}`") for name, kind in output.items()}
        self._sample = sample
        self._result = result

    def parts(self, session: Session) -> Iterator[Chain]:
        """One chain for about as many bytes as a part should have; at least one."""
        fetches = iter(self._result)
        first: list[Sequence[Any]] = []
        size = 0
        needed = self._sample if len(self._given) < len(self._names) else 0
        while needed is None or len(first) < needed:
            rows = next(fetches, None)
            if rows is None:
                break
            first += rows
            size += self._result.bytes
        specs = self._specs(first[:needed])
        rows, start = first, 0
        for more in chained(fetches, [None]):
            if more is None or size >= PART_BYTES:
                yield self._part(session, rows, specs, start)
                rows, start, size = [], start + len(rows), 0
            if more is not None:
                rows += more
                size += self._result.bytes

    def _specs(self, rows: Sequence[Sequence[Any]]) -> list[Spec]:
        specs = []
        for place, name in enumerate(self._names):
            spec = self._given.get(name)
            if spec is None:
                values = plain([row[place] for row in rows])
                spec = infer_spec(values, f"column `{name}`", sample=True)
            specs.append(spec)
        return specs

    def _part(
        self, session: Session, rows: list[Sequence[Any]], specs: list[Spec], start: int
    ) -> Chain:
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in specs]
        typed = []
        for name, spec, given in zip(self._names, specs, columns, strict=True):
            values = plain(given)
            if name in self._given:
                typed.append((name, spec, fitted(values, spec)))
            else:
                typed.append(
                    (name, spec | {"nullable": NoneType in set(map(type, values))}, values)
                )
        try:
            return session._native.read_values(typed)
        except DataChainParamsError as error:
            raise self._refusal(error, start) from error

    def _refusal(self, error: DataChainParamsError, start: int) -> DataChainParamsError:
        """The error, and where its number of a row and its type come from."""
        text = str(error)
        if start:
            text += f"; rows are counted from row {start} of the result"
        if len(self._given) < len(self._names) and self._sample is not None:
            text += (
                f"; hint: the first {self._sample} rows tell the types: "
                "give output= or infer_schema_length=None"
            )
        return type(error)(text, code=error.code)


def _arrow_parts(reader: Any, session: Session) -> Iterator[Chain]:
    """The batches of an Arrow reader as chains."""
    import pyarrow as pa

    batches: list[Any] = []
    size = 0
    for batch in chained(reader, [None]):
        if batch is None or size >= PART_BYTES:
            table = pa.Table.from_batches(batches, reader.schema)
            yield session._native.read_arrow(exactly_nullable(table))
            batches, size = [], 0
        if batch is not None:
            batches.append(batch)
            size += batch.nbytes
