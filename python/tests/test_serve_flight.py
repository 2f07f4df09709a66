"""Datasets through Arrow Flight SQL, with ADBC's driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pytest
from adbc_driver_flightsql import DatabaseOptions

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server(chain: dc.DataChain) -> Iterator[dc.Server]:
    """`pets`, and another dataset elsewhere."""
    chain.save("pets")
    dc.read_values(pet=["cat"], owner=["Ada"]).save("home.people.owners")
    with dc.serve(flight="127.0.0.1:0", statement_timeout=20) as running:
        yield running


def connect(server: dc.Server, **options: str) -> Any:
    given = options or {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {server.token}"}
    place = f"grpc://{server.flight}"
    return adbc_driver_flightsql.dbapi.connect(place, db_kwargs=given, autocommit=True)


def rows(server: dc.Server, text: str, values: Any = None) -> list[tuple[Any, ...]]:
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall()


def test_statements_give_arrow(server):
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("select name, size from pets order by name")
        table = cursor.fetch_arrow_table()
    assert table.column_names == ["name", "size"]
    assert table.to_pydict() == {"name": ["cat", "dog", "eel", "fox"], "size": [3, 5, None, 4]}
    assert rows(server, "select owner from home.people.owners") == [("Ada",)]
    assert rows(server, "select p.name from local.public.pets p where p.size = 5") == [("dog",)]


def test_parameters_are_bound(server):
    assert rows(server, "select name from pets where size = ?", (5,)) == [("dog",)]
    assert rows(server, "select name from pets where size = $1 and tame = $2", (5, True)) == [
        ("dog",)
    ]
    with connect(server) as connection, connection.cursor() as cursor:
        for size, name in ((3, "cat"), (4, "fox")):
            cursor.execute("select name from pets where size = ?", (size,))
            assert cursor.fetchall() == [(name,)]


def test_statements_that_are_kept_wait_for_their_client(server):
    """However many others come and go."""
    with connect(server) as connection, connection.cursor() as kept:
        kept.adbc_prepare("select name from pets where size = ?")
        with connection.cursor() as cursor:
            for _ in range(1100):
                cursor.execute("select 1")
                cursor.fetchall()
        kept.execute("select name from pets where size = ?", (5,))
        assert kept.fetchall() == [("dog",)]


def test_tables_and_columns_are_listed(server):
    with connect(server) as connection:
        (catalog,) = connection.adbc_get_objects(depth="all").read_all().to_pylist()
        schemas = {one["db_schema_name"]: one for one in catalog["catalog_db_schemas"]}
        assert catalog["catalog_name"] == "local"
        assert set(schemas) == {"public", "home.people"}
        (pets,) = schemas["public"]["db_schema_tables"]
        assert (pets["table_name"], pets["table_type"]) == ("pets", "TABLE")
        names = [column["column_name"] for column in pets["table_columns"]]
        assert names == ["name", "size", "tame"]
        assert connection.adbc_get_table_types() == ["TABLE", "VIEW"]
        dc.sql("create view small as select name from pets")
        (catalog,) = (
            connection.adbc_get_objects(depth="tables", table_types_filter=["VIEW"])
            .read_all()
            .to_pylist()
        )
        schemas = [one["db_schema_tables"] for one in catalog["catalog_db_schemas"]]
        assert [table["table_name"] for tables in schemas for table in tables] == ["small"]
        assert connection.adbc_get_info()["vendor_name"] == "lakebed"


def test_only_the_token_opens(server):
    for options in (
        {"username": "ada", "password": "wrong"},
        {"adbc.flight.sql.client_option.x": ""},
    ):
        with pytest.raises(adbc_driver_manager.Error):
            rows_with(server, options)
    assert rows_with(server, {"username": "ada", "password": server.token}) == [(1,)]


def rows_with(server: dc.Server, options: dict[str, str]) -> list[tuple[Any, ...]]:
    with connect(server, **options) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        return cursor.fetchall()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drop table pets", "DROP"),
        ("select nothing from pets", "unknown column `nothing`"),
        ("select 1; select 2", "several statements"),
        ("select " + "(" * 10_000, "200 parentheses"),
    ],
)
def test_errors_are_told(server, text, message):
    with pytest.raises(adbc_driver_manager.Error, match=message):
        rows(server, text)


def test_statements_end_in_time():
    dc.read_values(n=list(range(3000))).save("numbers")
    text = "select a.n from numbers a, numbers b, numbers c"
    with dc.serve(flight="127.0.0.1:0", statement_timeout=0.2) as server:
        with pytest.raises(adbc_driver_manager.Error, match="timeout"):
            rows(server, text)
        assert rows(server, "select 1") == [(1,)]
