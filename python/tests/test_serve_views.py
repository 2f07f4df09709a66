"""Views as clients of PostgreSQL find them."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[dc.Server]:
    """The view `small` of `t`, and one of another project."""
    dc.read_values(id=[1, 2, 3], word=["a", "b", None]).save("t")
    dc.sql("create view small as select id, word as w from t where id < 3")
    dc.sql("create view zoo.both as select count(*) as n from small")
    with dc.serve(postgres="127.0.0.1:0", write=True) as running:
        yield running


def uri(server: dc.Server, scheme: str = "postgresql") -> str:
    return f"{scheme}://ada:{server.token}@{server.postgres}/local"


def connect(server: dc.Server) -> psycopg.Connection[Any]:
    return psycopg.connect(uri(server), autocommit=True)


def rows(server: dc.Server, text: str) -> list[tuple[Any, ...]]:
    with connect(server) as connection:
        return connection.execute(text).fetchall()


def psql(server: dc.Server, command: str) -> str:
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is not installed")
    done = subprocess.run(  # noqa: S603
        [program, "-X", "-v", "ON_ERROR_STOP=1", uri(server), "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_views_are_told_from_tables(server):
    kinds = "select relname, relkind from pg_class where relname in ('t', 'small', 'both')"
    assert sorted(rows(server, kinds)) == [("both", "v"), ("small", "v"), ("t", "r")]
    tables = (
        "select table_schema, table_name, table_type, is_insertable_into "
        "from information_schema.tables order by 2"
    )
    assert rows(server, tables) == [
        ("zoo", "both", "VIEW", "NO"),
        ("public", "small", "VIEW", "NO"),
        ("public", "t", "BASE TABLE", "YES"),
    ]
    columns = (
        "select column_name, data_type, is_updatable from information_schema.columns "
        "where table_name = 'small' order by ordinal_position"
    )
    assert rows(server, columns) == [("id", "bigint", "NO"), ("w", "text", "NO")]
    assert rows(server, "select tablename from pg_tables where schemaname = 'public'") == [("t",)]


def test_views_have_their_texts(server):
    text = "SELECT id, word AS w FROM t WHERE id < 3"
    views = "select table_name, view_definition from information_schema.views order by 1"
    assert rows(server, views) == [("both", "SELECT count(*) AS n FROM small"), ("small", text)]
    listed = "select schemaname, viewname, definition from pg_views order by 2"
    assert rows(server, listed)[1] == ("public", "small", text)
    defined = "select pg_get_viewdef(oid, true) from pg_class where relname = 'small'"
    assert rows(server, defined) == [(text,)]


def test_psql_lists_views(server):
    listed = psql(server, r"\dv")
    assert "small" in listed
    assert "both" not in listed
    assert "small" not in psql(server, r"\dt")
    assert "bigint" in psql(server, r"\d small")


def test_sqlalchemy_lists_views(server):
    engine = sqlalchemy.create_engine(uri(server, "postgresql+psycopg"))
    inspector = sqlalchemy.inspect(engine)
    assert inspector.get_table_names() == ["t"]
    assert inspector.get_view_names() == ["small"]
    assert inspector.get_view_names("zoo") == ["both"]
    assert inspector.has_table("small")
    assert [column["name"] for column in inspector.get_columns("small")] == ["id", "w"]
    assert "FROM t" in inspector.get_view_definition("small")
    engine.dispose()


def test_views_come_and_go(server):
    names = "select viewname from pg_views order by 1"
    with connect(server) as connection:
        connection.execute("create or replace view small as select 1 as one, 2 as two")
        columns = "select column_name from information_schema.columns where table_name = 'small'"
        assert connection.execute(columns).fetchall() == [("one",), ("two",)]
        connection.execute("drop view zoo.both")
        assert connection.execute(names).fetchall() == [("small",)]
        connection.execute("create view gone as select id from t")
        connection.execute("drop table t")
        assert connection.execute(names).fetchall() == [("gone",), ("small",)]


def test_a_view_is_made_once(server):
    """Also by statements that a client sends at once."""
    text = "create view twice as select 1 as one"
    with connect(server) as connection, connection.pipeline():
        connection.execute(text)
        with pytest.raises(psycopg.errors.DuplicateTable, match="the view `twice` exists"):
            connection.execute(text).fetchall()
    with connect(server) as connection:
        with pytest.raises(psycopg.errors.DuplicateTable, match="the view `twice` exists"):
            connection.execute(text)
        with pytest.raises(psycopg.errors.ActiveSqlTransaction, match="cannot be taken back"):
            connection.execute(f"{text.replace('twice', 'x')}; {text.replace('twice', 'x')}")
    assert ("x",) not in rows(server, "select viewname from pg_views")
