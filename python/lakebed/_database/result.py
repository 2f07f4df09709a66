"""The rows of a query: columns of Python values, or batches of Arrow where a driver has them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from lakebed._database.connect import connected, module_of, unsupported
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_FIRST_ROWS = 16
"""Rows of the first fetch; later ones are as large as these say."""

_MOST_ROWS = 1000
"""Rows of one fetch."""

_FETCH_BYTES = 16 << 20
"""Bytes that a fetch should have at most, by the rows before."""

_CELL_BYTES = 16

_SIZED = frozenset((str, bytes, memoryview))


class Result:
    """What a running query gives.

    Attributes:
        names: The columns.
        bytes: About the size of what was fetched last.
    """

    def __init__(self, names: Sequence[str], fetch: Callable[[int], Sequence[Any]]) -> None:
        """Keep how to fetch so many rows."""
        self.names = list(names)
        self.bytes = 0
        self._fetch = fetch
        self._rows = _FIRST_ROWS

    def __iter__(self) -> Iterator[Sequence[Sequence[Any]]]:
        """The rows that are left, some at a time."""
        while rows := self._fetch(self._rows):
            self.bytes = _size(rows)
            fitting = _FETCH_BYTES * len(rows) // max(self.bytes, 1)
            self._rows = min(max(fitting, 1), 4 * self._rows, _MOST_ROWS)
            yield rows


@contextmanager
def result_of(query: Any, connection: Any, params: Any) -> Iterator[Result]:
    """Run a query.

    Args:
        query: SQL, or what SQLAlchemy makes of Python.
        connection: See `connected`; SQL runs on connections of any driver.
        params: Values for the query, as the connection takes them.
    """
    if isinstance(query, str) and is_of_driver(connection):
        with _cursor(query, connection, params) as cursor:
            # some drivers know the columns once there are rows
            first = cursor.fetchmany(_FIRST_ROWS)
            names = [column[0] for column in cursor.description or ()]
            waiting = [first]
            yield Result(
                _checked(names, query),
                lambda rows: waiting.pop() if waiting else cursor.fetchmany(rows),
            )
        return
    with connected(connection) as conn:
        import sqlalchemy as sa

        statement = sa.text(query) if isinstance(query, str) else query
        if not (params is None or isinstance(params, Mapping)):
            msg = f"params is a dict of the query's parameters, not `{params!r}`"
            raise DataChainParamsError(msg)
        # on the server's side, as far as the driver can
        options = {"stream_results": True}
        with closing(conn.execute(statement, params, execution_options=options)) as result:
            names = list(result.keys()) if result.returns_rows else []
            yield Result(_checked(names, statement), result.fetchmany)


@contextmanager
def arrow_of(query: str, connection: Any, params: Any, rows: int) -> Iterator[Any | None]:
    """The result as a reader of PyArrow; None where the driver has none."""
    if module_of(connection) == "duckdb":
        given = {} if params is None else {"params": params}
        found = connection.sql(query, **given)
        # it makes a reader of a result that it has not computed yet
        if found is None:
            raise _no_rows(query)
        read = getattr(found, "to_arrow_reader", None) or found.fetch_arrow_reader
        yield _with_names_checked(read(rows), query)
    elif hasattr(connection, "adbc_get_info"):
        with _cursor(query, connection, params) as cursor:
            yield _with_names_checked(cursor.fetch_record_batch(), query)
    else:
        yield None


def _with_names_checked(reader: Any, query: str) -> Any:
    _checked(reader.schema.names, query)
    return reader


def is_of_driver(connection: Any) -> bool:
    """Whether it is a connection of a driver (PEP 249), not one of SQLAlchemy."""
    if isinstance(connection, str) or module_of(connection) == "sqlalchemy":
        return False
    if not hasattr(connection, "cursor"):
        raise unsupported(connection)
    return True


@contextmanager
def _cursor(query: str, connection: Any, params: Any) -> Iterator[Any]:
    given = () if params is None else (params,)
    library = module_of(connection)
    if library == "duckdb":
        # a cursor of it would be another connection, without its temporary tables
        yield connection.execute(query, *given)
        return
    on_server = library in ("psycopg", "psycopg2") and not connection.autocommit
    name = {"name": f"lakebed_{uuid.uuid4().hex[:12]}"} if on_server else {}
    with closing(connection.cursor(**name)) as cursor:
        cursor.execute(query, *given)
        yield cursor


def _checked(names: list[str], query: object) -> list[str]:
    if not names:
        raise _no_rows(query)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        msg = f"the query gives two columns `{twice}`; hint: name one of them with AS"
        raise DataChainParamsError(msg)
    return names


def _no_rows(query: object) -> DataChainParamsError:
    return DataChainParamsError(f"the query gives no rows: `{query}`")


def _size(rows: Sequence[Sequence[Any]]) -> int:
    """About how many bytes the rows have."""
    total = _CELL_BYTES * len(rows) * len(rows[0])
    for column in zip(*rows, strict=True):
        # without a slow loop over what has one size
        if not _SIZED.isdisjoint(map(type, column)):
            total += sum(len(value) for value in column if type(value) in _SIZED)
    return total
