"""`read_database`: what a query gives, with types, in bounded memory."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import lakebed as dc
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers import Database

ROWS = [(number, f"n{number}") for number in range(1, 1001)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of SQLite with a thousand rows."""
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table pets (id integer, name text)")
        connection.executemany("insert into pets values (?, ?)", ROWS)
        connection.commit()
    return path


@pytest.fixture
def sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def _value(connection: Any, query: str, **options: Any) -> tuple[Any, Any]:
    """The only value, and the type of its column."""
    chain = dc.read_database(query, connection, **options)
    return chain.to_list()[0][0], next(iter(chain.schema.values()))


@pytest.mark.parametrize("way", ["url", "engine", "connection", "session", "sqlite3"])
def test_every_kind_of_connection(path: Path, sqlite: sqlite3.Connection, way: str) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection, Session(engine) as session:
        given = {
            "url": f"sqlite:///{path}",
            "engine": engine,
            "connection": connection,
            "session": session,
            "sqlite3": sqlite,
        }[way]
        chain = dc.read_database("select * from pets where id > :least", given, {"least": 990})
        assert chain.schema == {"id": int, "name": str}
        assert chain.to_list() == ROWS[990:]
    engine.dispose()


def test_a_query_made_with_sqlalchemy(path: Path, sqlite: sqlite3.Connection) -> None:
    pets = sa.table("pets", sa.column("id"), sa.column("name"))
    query = sa.select(pets.c.name).where(pets.c.id == 7)
    for connection in (f"sqlite:///{path}", sqlite):
        assert dc.read_database(query, connection).to_list() == [("n7",)]


def test_a_connection_that_was_given_stays_open(sqlite: sqlite3.Connection) -> None:
    for _ in range(2):
        assert dc.read_database(sa.text("select 1 as x"), sqlite).to_list() == [(1,)]
    assert sqlite.execute("select 1").fetchone() == (1,)


def test_the_query_runs_once(sqlite: sqlite3.Connection) -> None:
    chain = dc.read_database("select count(*) as n from pets", sqlite)
    sqlite.execute("delete from pets")
    assert chain.to_list() == chain.to_list() == [(1000,)]


def test_none_is_in_a_type_if_it_is_in_the_column(sqlite: sqlite3.Connection) -> None:
    query = "select id, nullif(name, 'n900') as name, null as never from pets order by id"
    chain = dc.read_database(query, sqlite)
    assert chain.schema == {"id": int, "name": str | None, "never": str | None}
    assert chain.to_values("name").count(None) == 1


def test_no_rows_are_text(sqlite: sqlite3.Connection) -> None:
    chain = dc.read_database("select * from pets where id < 0", sqlite)
    assert chain.schema == {"id": str, "name": str}
    assert chain.to_list() == []


@pytest.mark.parametrize(
    ("query", "kind", "expected"),
    [
        ("select 1", float, 1.0),
        ("select 2.0", int, 2),
        ("select 1", bool, True),
        ("select 1.1", Decimal, Decimal("1.1")),
        ("select '2024-02-03'", dt.date, dt.date(2024, 2, 3)),
        ("select '01:02:03'", dt.time, dt.time(1, 2, 3)),
        (
            "select '2024-02-03 04:05:06'",
            dt.datetime,
            dt.datetime(2024, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
        ),
        ("""select '{"a": [1]}'""", dict, {"a": [1]}),
        ("select '[1, 2]'", list[int], [1, 2]),
        ("select x'00ff'", bytes, b"\x00\xff"),
        ("select null", int | None, None),
    ],
)
def test_output_says_what_sqlite_cannot(
    sqlite: sqlite3.Connection, query: str, kind: Any, expected: Any
) -> None:
    found = _value(sqlite, f"{query} as x", output={"x": kind})
    assert found == (expected, kind)


def test_types_beyond_the_first_rows(sqlite: sqlite3.Connection) -> None:
    query = "select case when id < 500 then id else 'text' end as x from pets order by id"
    with pytest.raises(DataChainParamsError) as refused:
        dc.read_database(query, sqlite)
    assert "expected int, got str `'text'`" in str(refused.value)
    assert "infer_schema_length=None" in str(refused.value)
    assert dc.read_database(query, sqlite, infer_schema_length=None).schema == {"x": int | str}
    floats = "select case when id < 500 then id else 0.5 end as x from pets"
    assert dc.read_database(floats, sqlite, infer_schema_length=None).schema == {"x": float}


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_large_results_come_in_parts_and_are_one_chain(
    sqlite: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("lakebed.read.database.PART_BYTES", rows * 40)
    query = "select id, nullif(name, 'n900') as name from pets order by id"
    session = dc.Session.get()
    chain = dc.read_database(query, sqlite)
    assert chain.schema == {"id": int, "name": str | None}
    assert chain.to_values("id") == [number for number, _ in ROWS]
    kept = [row for row in session._native.versions(False) if session.name in str(row)]  # noqa: FBT003
    assert len(kept) <= 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select 1 as x, 2 as x", "two columns `x`; hint: name one of them with AS"),
        ("create table other (x integer)", "the query gives no rows"),
    ],
)
def test_queries_without_columns_are_refused(
    sqlite: sqlite3.Connection, query: str, message: str
) -> None:
    with pytest.raises(DataChainParamsError) as refused:
        dc.read_database(query, sqlite)
    assert message in str(refused.value)


def test_wrong_arguments_are_refused(sqlite: sqlite3.Connection) -> None:
    with pytest.raises(TypeError, match="unsupported connection type `object`"):
        dc.read_database("select 1", object())
    with pytest.raises(DataChainParamsError, match="output= is for the columns `y`"):
        dc.read_database("select 1 as x", sqlite, output={"y": int})
    with pytest.raises(DataChainParamsError, match="infer_schema_length is a number of rows"):
        dc.read_database("select 1 as x", sqlite, infer_schema_length=0)
    with pytest.raises(DataChainParamsError, match="params is a dict"):
        dc.read_database(sa.text("select 1"), sqlite, [1])


def test_postgres_gives_its_own_types(postgres: Database) -> None:
    pytest.importorskip("psycopg2")
    expected = [
        ("now() at time zone 'utc' > '2020-01-01'", True),
        ("1.50::numeric", Decimal("1.5")),
        ("date '2024-02-03'", dt.date(2024, 2, 3)),
        ("'2024-02-03 04:05:06+02'::timestamptz", dt.datetime(2024, 2, 3, 2, 5, 6, tzinfo=dt.UTC)),
        ("interval '1 day 2 seconds'", dt.timedelta(days=1, seconds=2)),
        ("'\\x00ff'::bytea", b"\x00\xff"),
        ("""'{"a": [1]}'::jsonb""", {"a": [1]}),
        ("array[1, 2]", [1, 2]),
    ]
    for sql, value in expected:
        assert _value(postgres.uri, f"select {sql} as x")[0] == value, sql


def test_a_connection_of_psycopg2_reads_with_a_cursor_of_the_server(postgres: Database) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    query = "select n from generate_series(1, %(last)s) as n"
    with closing(psycopg2.connect(postgres.uri)) as connection:
        chain = dc.read_database(query, connection, {"last": 3000})
        assert chain.to_values("n") == list(range(1, 3001))


def test_duckdb_gives_arrow() -> None:
    with duckdb.connect() as connection:
        connection.execute("create temp table t as select range as n from range(3000)")
        chain = dc.read_database(
            "select n, [n] as l from t where n < $most", connection, {"most": 5}
        )
        assert chain.to_list() == [(number, [number]) for number in range(5)]
        assert chain.schema["n"] is int
        one = dc.read_database("select n from t where n = ?", connection, [7], output={"n": float})
        assert one.to_list() == [(7.0,)]
