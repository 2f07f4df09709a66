"""`to_database`: rows into tables of SQLite, PostgreSQL and DuckDB, all or none."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import defaultdict
from contextlib import closing
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, NotSupportedError, SignalResolvingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers import Database


class Color(Enum):
    RED = "r"


class Owner(dc.DataModel):
    name: str
    age: int | None = None


class Table:
    """A database, the ways to it, and what is in it."""

    def __init__(self, connection: Any, url: str | None = None) -> None:
        self.connection = connection
        self.url = url

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.url is None:
            return [tuple(row) for row in self.connection.execute(query).fetchall()]
        engine = sa.create_engine(self.url)
        try:
            with engine.begin() as connection:
                found = connection.execute(sa.text(query))
                return [tuple(row) for row in found] if found.returns_rows else []
        finally:
            engine.dispose()

    def tables(self) -> list[str]:
        if self.url is None:
            names = "select table_name from information_schema.tables"
            if isinstance(self.connection, sqlite3.Connection):
                names = "select name from sqlite_master where type = 'table'"
            return [name for (name,) in self.rows(names)]
        engine = sa.create_engine(self.url)
        try:
            return list(sa.inspect(engine).get_table_names())
        finally:
            engine.dispose()


def _postgres(request: pytest.FixtureRequest) -> str:
    pytest.importorskip("psycopg2")
    database: Database = request.getfixturevalue("postgres")
    return database.uri.replace("postgres://", "postgresql+psycopg2://")


@pytest.fixture(params=["sqlite3", "sqlite", "duckdb", "postgres"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    match request.param:
        case "sqlite3":
            with closing(sqlite3.connect(":memory:")) as connection:
                yield Table(connection)
        case "duckdb":
            with duckdb.connect() as connection:
                yield Table(connection)
        case "sqlite":
            url = f"sqlite:///{tmp_path / 'x.db'}"
            yield Table(url, url)
        case _:
            url = _postgres(request)
            yield Table(url, url)


@pytest.fixture
def pets() -> dc.DataChain:
    return dc.read_values(id=[1, 2, 3], name=["cat", None, "eel"])


def test_a_table_is_made_and_rows_are_appended(table: Table, pets: dc.DataChain) -> None:
    assert pets.to_database("pets", table.connection) == 3
    assert pets.limit(1).to_database("pets", table.connection) == 1
    assert table.rows("select * from pets order by id") == [
        (1, "cat"),
        (1, "cat"),
        (2, None),
        (3, "eel"),
    ]


def test_the_count_is_of_all_batches(table: Table) -> None:
    chain = dc.read_values(id=list(range(5003)))
    assert chain.to_database("many", table.connection, batch_size=2500) == 5003
    assert table.rows("select count(*), sum(id) from many") == [(5003, 5003 * 5002 // 2)]


def test_no_rows_make_an_empty_table(table: Table, pets: dc.DataChain) -> None:
    assert pets.limit(0).to_database("pets", table.connection) == 0
    assert table.rows("select * from pets") == []


def test_fields_of_models_are_columns(table: Table) -> None:
    chain = dc.read_values(id=[1, 2], owner=[Owner(name="ann", age=3), None])
    chain.settings(sys=True).to_database("pets", table.connection)
    found = table.rows("select id, owner__name, owner__age from pets order by id")
    assert found == [(1, "ann", 3), (2, None, None)]


def test_names_of_another_kind_are_quoted(table: Table, pets: dc.DataChain) -> None:
    mapping = {"id": 'the "id"', "name": "Select"}
    pets.to_database("my table", table.connection, column_mapping=mapping)
    assert table.rows('select "the ""id""" from "my table" where "Select" = \'eel\'') == [(3,)]


def _with_key(table: Table) -> None:
    table.rows("create table pets (id integer primary key, name text)")
    table.rows("insert into pets values (1, 'old'), (9, 'nine')")
    if isinstance(table.connection, sqlite3.Connection):
        table.connection.commit()


def test_conflicts_are_an_error_that_leaves_the_table_as_it_was(
    table: Table, pets: dc.DataChain
) -> None:
    _with_key(table)
    with pytest.raises((sa.exc.IntegrityError, duckdb.ConstraintException)):
        pets.order_by("id", descending=True).to_database("pets", table.connection, batch_size=1)
    assert table.rows("select * from pets order by id") == [(1, "old"), (9, "nine")]


@pytest.mark.parametrize("keys", [None, ["id"]])
def test_conflicts_can_be_ignored(table: Table, pets: dc.DataChain, keys: Any) -> None:
    _with_key(table)
    ignoring: dict[str, Any] = {"on_conflict": "ignore", "conflict_columns": keys}
    assert pets.to_database("pets", table.connection, **ignoring) == 2
    found = table.rows("select * from pets order by id")
    assert found == [(1, "old"), (2, None), (3, "eel"), (9, "nine")]


def test_conflicts_can_update_and_the_last_row_wins(table: Table) -> None:
    _with_key(table)
    chain = dc.read_values(pet=[1, 2, 1], owner=[Owner(name=name) for name in "abc"])
    mapping = {"pet": "id", "owner.name": "name", "owner.age": None}
    updating: dict[str, Any] = {"on_conflict": "update", "conflict_columns": ["pet"]}
    chain.to_database("pets", table.connection, column_mapping=mapping, **updating)
    found = table.rows("select * from pets order by id")
    assert found == [(1, "c"), (2, "b"), (9, "nine")]


def test_a_table_that_is_made_has_the_constraint(table: Table, pets: dc.DataChain) -> None:
    updating: dict[str, Any] = {"on_conflict": "update", "conflict_columns": ["id"]}
    pets.to_database("new_pets", table.connection, **updating)
    renamed = pets.filter(dc.C("id") > 1).mutate(name="new")
    renamed.to_database("new_pets", table.connection, **updating)
    found = table.rows("select id, name from new_pets order by id")
    assert found == [(1, "cat"), (2, "new"), (3, "new")]


def test_a_table_that_was_made_is_gone_after_a_failure(table: Table) -> None:
    def broken(id: int) -> str:
        if id > 2:
            raise ValueError("three is too much")
        return "x"

    chain = dc.read_values(id=[1, 2, 3]).map(broken=broken)
    with pytest.raises(ValueError, match="three is too much"):
        chain.to_database("broken", table.connection, batch_size=1)
    assert "broken" not in table.tables()


def test_every_type_is_read_back(table: Table) -> None:
    now = dt.datetime(2024, 2, 3, 4, 5, 6, 7, tzinfo=dt.timezone(dt.timedelta(hours=3)))
    row: dict[str, Any] = {
        "i": 2**62,
        "f": 0.1,
        "s": "ä",
        "b": True,
        "raw": b"\0\xff",
        "at": now,
        "day": now.date(),
        "clock": dt.time(1, 2, 3, 4),
        "price": Decimal("1234567.12345678"),
        "key": UUID(int=7),
        "color": Color.RED,
        "numbers": [1.5, 2.0],
        "owners": [Owner(name="ann")],
        "more": {"a": [1, None]},
    }
    types = {"owners": list[Owner], "numbers": list[float], "color": Color, "more": dict}
    types |= {name: type(value) for name, value in row.items() if name not in types}
    optional = {name: kind | None for name, kind in types.items()}
    chain = dc.read_records([row, dict.fromkeys(row)], schema=optional)
    chain.to_database("types", table.connection)
    back = dc.read_database("select * from types", table.connection, output=optional)
    assert sorted(back.to_list(), key=str) == sorted(chain.to_list(), key=str)


def test_a_defaultdict_leaves_out_what_it_does_not_have(table: Table) -> None:
    mapping: defaultdict[str, str | None] = defaultdict(lambda: None)
    mapping["a"] = "only"
    dc.read_values(a=[1], b=[2]).to_database("few", table.connection, column_mapping=mapping)
    assert table.rows("select * from few") == [(1,)]
    assert list(mapping) == ["a"]


def test_a_connection_in_a_transaction_stays_in_it(tmp_path: Path, pets: dc.DataChain) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.connect() as connection:
        connection.execute(sa.text("create table other (x integer)"))
        connection.execute(sa.text("insert into other values (1)"))
        assert pets.to_database("pets", connection) == 3
        connection.rollback()
        assert not sa.inspect(connection).has_table("pets")
        connection.rollback()
        pets.to_database("pets", connection)
        assert not connection.in_transaction()
    with Session(engine) as session:
        assert pets.to_database("pets", session) == 3
        assert session.execute(sa.text("select count(*) from pets")).scalar() == 6
        pets.to_database("pets", session)
        session.rollback()
        assert session.execute(sa.text("select count(*) from pets")).scalar() == 6
    engine.dispose()


def test_a_table_in_a_schema(postgres: Database, pets: dc.DataChain) -> None:
    pytest.importorskip("psycopg2")
    postgres.sql("create schema zoo")
    assert pets.to_database("zoo.pets", postgres.uri) == 3
    assert postgres.sql("select count(*) from zoo.pets") == "3"


def test_postgres_has_to_know_the_columns_that_conflict(
    postgres: Database, pets: dc.DataChain
) -> None:
    pytest.importorskip("psycopg2")
    with pytest.raises(DataChainParamsError, match="conflict_columns parameter is required"):
        pets.to_database("pets", postgres.uri, on_conflict="update")
    assert postgres.sql("select count(*) from pg_tables where tablename = 'pets'") == "0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_conflict": "replace"}, "on_conflict must be 'ignore' or 'update', not `'replace'`"),
        ({"conflict_columns": ["id"]}, "conflict_columns= is for on_conflict='ignore' or 'update'"),
        ({"conflict_columns": "id"}, "conflict_columns is a list of names, not `'id'`"),
        ({"batch_size": 0}, "batch_size is at least 1, not `0`"),
        ({"column_mapping": {"id": None, "name": None}}, "leaves no column to write"),
        ({"column_mapping": {"id": "name"}}, "`id` and `name` are both `name`"),
        ({"column_mapping": {"nmae": "x"}}, "unknown column `nmae`"),
        ({"on_conflict": "ignore", "conflict_columns": ["x"]}, "unknown column `x`"),
    ],
)
def test_wrong_options_are_refused(
    pets: dc.DataChain, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((DataChainParamsError, SignalResolvingError)) as refused:
        pets.to_database("pets", "sqlite://", **options)
    assert message in str(refused.value)


def test_two_keys_of_one_column_collide() -> None:
    chain = dc.read_values(owner=[Owner(name="a")])
    with pytest.raises(ValueError, match="Column mapping collision"):
        chain.to_database("t", "sqlite://", column_mapping={"owner.name": "a", "owner__name": "b"})


def test_what_is_no_connection_is_refused(pets: dc.DataChain) -> None:
    with pytest.raises(TypeError, match="unsupported connection type `int`"):
        pets.to_database("pets", 3)
    with pytest.raises(DataChainParamsError, match="`nowhere` is no database URL"):
        pets.to_database("pets", "nowhere")


def test_databases_whose_conflicts_are_not_known_are_refused(pets: dc.DataChain) -> None:
    class Other:
        class dialect:  # noqa: N801
            name = "mysql"

    from lakebed._database.write import Order, _check_dialect

    options: dict[str, Any] = {"on_conflict": "ignore", "conflict_columns": None, "batch_size": 1}
    order = Order.of(pets._native, "pets", None, **options)
    with pytest.raises(NotSupportedError, match="not for `mysql`"):
        _check_dialect(Other.dialect.name, order)
