"""Datasets through PostgreSQL's protocol, with the clients that people use."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import psycopg
import pytest
import sqlalchemy

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "select a.n from numbers a, numbers b, numbers c"
"""Has rows for minutes."""

BUSY = "select count(*) from numbers a, numbers b, numbers c where a.n + b.n + c.n < 0 and c.n < 50"
"""Is busy for seconds without any row."""


@pytest.fixture
def server(chain: dc.DataChain) -> Iterator[dc.Server]:
    """Two versions of `pets`, their owners in another project, and 3,000 numbers."""
    chain.save("pets")
    chain.filter(dc.C("size") > 3).save("pets")
    owners = dc.read_values(pet=["cat", "dog"], owner=["Ada", "Ben"])
    owners.save("home.people.owners")
    dc.read_values(n=list(range(3000))).save("numbers")
    with dc.serve(postgres="127.0.0.1:0", token="open sesame".replace(" ", "-")) as running:
        yield running


def uri(server: dc.Server, scheme: str = "postgresql", user: str = "ada") -> str:
    return f"{scheme}://{user}:{server.token}@{server.postgres}/local"


def connect(server: dc.Server, **options: Any) -> psycopg.Connection[Any]:
    return psycopg.connect(uri(server), autocommit=True, **options)


def rows(server: dc.Server, text: str, values: Any = None) -> list[tuple[Any, ...]]:
    with connect(server) as connection:
        return connection.execute(text, values).fetchall()


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


def test_psql_lists_tables_and_columns(server):
    listed = psql(server, r"\dt")
    assert "pets" in listed
    assert "numbers" in listed
    described = psql(server, r"\d pets")
    for column, kind in (("name", "text"), ("size", "bigint"), ("tame", "boolean")):
        line = next(line for line in described.splitlines() if line.split("|")[0].strip() == column)
        assert kind in line


def test_psql_joins_and_reads_versions(server):
    joined = psql(
        server,
        "select p.name, o.owner from public.pets p join home.people.owners o on p.name = o.pet",
    )
    assert "dog  | Ben" in joined
    assert "(1 row)" in joined
    assert "4" in psql(server, 'select count(*) from "pets@1.0.0"')


def test_values_come_with_their_types(server):
    assert rows(server, "select name, size, tame from pets order by name") == [
        ("dog", 5, True),
        ("fox", 4, False),
    ]
    found = rows(server, "select null, 1.5::decimal(5,2), [1, 2], date '2026-01-02', 2.5::float")
    assert found[0][1:3] == (Decimal("1.50"), [1, 2])
    assert str(found[0][3]) == "2026-01-02"
    assert rows(server, "select [[1], [2, 3]] as lists, n from numbers where n = 7") == [
        ("[[1],[2,3]]", 7)
    ]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("source", ["", " from numbers limit 1"])
def test_points_in_time_are_those_of_clients(server, binary, source):
    text = "select timestamptz '2024-01-01 12:00:00+02' as t, now() as now, timestamp '2024-01-01'"
    with connect(server) as connection:
        at, now, clock = connection.cursor(binary=binary).execute(text + source).fetchone()
        assert at == dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)
        assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
        assert clock == dt.datetime(2024, 1, 1)  # noqa: DTZ001
        same = "select %s = timestamptz '2024-01-01 12:00:00+02'" + source
        assert connection.execute(same, (at,)).fetchone() == (True,)
    assert "2024-01-01 10:00:00.000000+00" in psql(server, text + source)


def test_values_without_a_table_are_those_of_tables(server):
    text = "select 2.5::double precision::int, 2 ^ 3, printf('%d', 5), [date '2024-01-01']::varchar"
    assert rows(server, text) == [(2, 8.0, "5", "[2024-01-01]")]
    assert rows(server, text) == rows(server, f"{text} from numbers where n = 1")


def test_a_connection_has_a_number(server):
    with connect(server) as connection:
        (pid,) = connection.execute("select pg_backend_pid()").fetchone()
        assert pid == connection.info.backend_pid
        counted = connection.execute("select count(*) from numbers where n < pg_backend_pid()")
        assert counted.fetchone()[0] > 0


@pytest.mark.parametrize("binary", [False, True])
def test_parameters_are_typed(server, binary):
    with connect(server) as connection:
        cursor = connection.cursor(binary=binary)
        found = cursor.execute(
            "select name from pets where size = %s and name = %s and tame = %s", (5, "dog", True)
        )
        assert found.fetchall() == [("dog",)]
        assert cursor.execute("select n from numbers limit %s", (2,)).fetchall() == [(0,), (1,)]
        assert cursor.execute("select %s::int + 1", (41,)).fetchone() == (42,)
        text = "select name from pets where name = %s"
        assert cursor.execute(text, ("'; drop",)).fetchall() == []
        assert cursor.execute("select name from pets where size = %s", (None,)).fetchall() == []


def test_prepared_statements_are_used_again(server):
    with connect(server, prepare_threshold=0) as connection:
        for n in range(20):
            found = connection.execute("select n from numbers where n = %s", (n,))
            assert found.fetchall() == [(n,)]


def test_sqlalchemy_and_pandas(server):
    engine = sqlalchemy.create_engine(uri(server, "postgresql+psycopg"))
    frame = pd.read_sql("select name, size from pets order by name", engine)
    assert frame.to_dict("list") == {"name": ["dog", "fox"], "size": [5, 4]}
    table = sqlalchemy.table("pets", sqlalchemy.column("name"), sqlalchemy.column("size"))
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.select(table.c.name).where(table.c.size == 5))
        assert found.all() == [("dog",)]
        assert connection.execute(sqlalchemy.text("select 1")).scalar() == 1
    engine.dispose()


def test_sqlalchemy_reads_what_it_was_told_nothing_of(server):
    engine = sqlalchemy.create_engine(uri(server, "postgresql+psycopg"))
    table = sqlalchemy.Table("pets", sqlalchemy.MetaData(), autoload_with=engine)
    assert [(c.name, str(c.type), c.primary_key) for c in table.columns] == [
        ("name", "TEXT", False),
        ("size", "BIGINT", False),
        ("tame", "BOOLEAN", False),
    ]
    other = sqlalchemy.Table(
        "owners", sqlalchemy.MetaData(), schema="home.people", autoload_with=engine
    )
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.select(table).order_by(table.c.name))
        assert found.all() == [("dog", 5, True), ("fox", 4, False)]
        assert connection.execute(sqlalchemy.select(other.c.owner)).all() == [("Ada",), ("Ben",)]
    frame = pd.read_sql_table("pets", engine, columns=["size", "name"])
    assert frame.sort_values("size").to_dict("list") == {"size": [4, 5], "name": ["fox", "dog"]}
    whole = sqlalchemy.MetaData()
    whole.reflect(engine)
    assert set(whole.tables) == {"numbers", "pets"}
    engine.dispose()


def test_sqlalchemy_inspects_tables(server):
    engine = sqlalchemy.create_engine(uri(server, "postgresql+psycopg"))
    inspector = sqlalchemy.inspect(engine)
    assert sorted(inspector.get_table_names()) == ["numbers", "pets"]
    assert inspector.get_table_names("home.people") == ["owners"]
    assert {"public", "home.people"} <= set(inspector.get_schema_names())
    assert inspector.default_schema_name == "public"
    assert inspector.has_table("pets")
    assert not inspector.has_table("owners")
    assert inspector.has_table("owners", "home.people")
    assert [column["name"] for column in inspector.get_columns("pets")] == ["name", "size", "tame"]
    assert inspector.get_pk_constraint("pets")["constrained_columns"] == []
    assert inspector.get_foreign_keys("pets") == []
    assert inspector.get_indexes("pets") == []
    assert inspector.get_unique_constraints("pets") == []
    assert inspector.get_check_constraints("pets") == []
    assert inspector.get_table_comment("pets") == {"text": None}
    assert inspector.get_table_options("pets") == {}
    assert inspector.get_view_names() == []
    assert inspector.get_materialized_view_names() == []
    assert inspector.get_temp_table_names() == []
    assert inspector.get_sequence_names() == []
    assert inspector.get_enums() == []
    assert set(inspector.get_multi_columns()) == {(None, "numbers"), (None, "pets")}
    with pytest.raises(sqlalchemy.exc.NoSuchTableError):
        inspector.get_columns("petz")
    engine.dispose()


def test_columns_have_the_names_of_sql(server):
    types = {
        "tiny": "1::tinyint",
        "whole": "1::int",
        "big": "1::bigint",
        "part": "1.5::real",
        "double": "1.5::double",
        "price": "1.5::decimal(9, 2)",
        "word": "'a'",
        "flag": "true",
        "day": "date '2026-01-02'",
        "moment": "timestamp '2026-01-02 03:04:05'",
        "list": "[1, 2]",
        "bytes": "arrow_cast('a', 'Binary')",
    }
    kinds = ", ".join(f"{value} as {name}" for name, value in types.items())
    dc.sql(f"create table kinds as select {kinds}")
    asked = (
        "select column_name, ordinal_position, data_type, udt_name, numeric_precision, "
        "numeric_scale from information_schema.columns where table_name = 'kinds' "
        "and table_schema = 'public' order by ordinal_position"
    )
    found = rows(server, asked)
    assert [one[:4] for one in found] == [
        ("tiny", 1, "smallint", "int2"),
        ("whole", 2, "integer", "int4"),
        ("big", 3, "bigint", "int8"),
        ("part", 4, "real", "float4"),
        ("double", 5, "double precision", "float8"),
        ("price", 6, "numeric", "numeric"),
        ("word", 7, "text", "text"),
        ("flag", 8, "boolean", "bool"),
        ("day", 9, "date", "date"),
        ("moment", 10, "timestamp without time zone", "timestamp"),
        ("list", 11, "ARRAY", "_int8"),
        ("bytes", 12, "bytea", "bytea"),
    ]
    assert found[5][4:] == (9, 2)
    assert found[2][4:] == (64, 0)


def test_information_schema_has_the_datasets(server):
    tables = "select table_schema, table_name, table_type from information_schema.tables order by 2"
    assert rows(server, tables) == [
        ("public", "numbers", "BASE TABLE"),
        ("home.people", "owners", "BASE TABLE"),
        ("public", "pets", "BASE TABLE"),
    ]
    schemata = "select schema_name from information_schema.schemata order by schema_name"
    assert [name for (name,) in rows(server, schemata)] == [
        "home.people",
        "information_schema",
        "pg_catalog",
        "public",
    ]
    assert rows(server, "select * from information_schema.table_constraints") == []
    joined = (
        "select t.table_name, count(*) from information_schema.tables t "
        "join information_schema.columns c using (table_schema, table_name) group by 1 order by 1"
    )
    assert rows(server, joined) == [("numbers", 1), ("owners", 2), ("pets", 3)]


@pytest.mark.parametrize(
    ("asked", "name", "expected"),
    [
        ("current_user", "current_user", "ada"),
        ("session_user", "session_user", "ada"),
        ("user", "user", "ada"),
        ("current_role", "current_role", "ada"),
        ("current_catalog", "current_catalog", "local"),
        ("current_database()", "current_database", "local"),
        ("current_schema", "current_schema", "public"),
        ("current_schema()", "current_schema", "public"),
        ("pg_catalog.current_schema()", "current_schema", "public"),
        ("upper(current_user) as me", "me", "ADA"),
    ],
)
def test_clients_learn_who_they_are(server, asked, name, expected):
    with connect(server) as connection:
        for text in ("select ASKED", "select ASKED from pets limit 1"):
            found = connection.execute(text.replace("ASKED", asked))
            assert found.description is not None
            assert (found.description[0].name, found.fetchall()) == (name, [(expected,)])
        version = connection.execute("select version() from pets limit 1").fetchall()[0][0]
        assert version.startswith("PostgreSQL ")
        assert connection.execute("select version()").fetchall() == [(version,)]


def test_versions_are_read_by_schema_too(server):
    for table in ("pets", "public.pets", "local.public.pets"):
        text = "select count(*) from TABLE for version as of '1.0.0'"
        assert rows(server, text.replace("TABLE", table)) == [(4,)]
    joined = (
        "select old.name from public.pets for version as of '1.0.0' as old "
        "left join public.pets on old.name = public.pets.name "
        "where public.pets.name is null order by 1"
    )
    assert rows(server, joined) == [("cat",), ("eel",)]


def test_a_column_may_be_called_public(server):
    dc.sql("create table t as select named_struct('a', named_struct('b', 1)) as public")
    assert rows(server, "select public.a.b from t") == [(1,)]
    assert rows(server, "select public.a.b from public.t") == [(1,)]
    assert rows(server, "select public.t.public.a.b from public.t") == [(1,)]
    assert rows(server, "select public.pets.* from public.pets where public.pets.size = 5") == [
        ("dog", 5, True)
    ]


CATALOG_QUERIES = """
SELECT version();
SELECT current_database(), current_schema(), session_user;
SELECT pg_catalog.pg_is_in_recovery();
SELECT db.oid, db.datname FROM pg_catalog.pg_database db
WHERE datallowconn AND NOT datistemplate OR db.datname = 'local' ORDER BY db.datname;
SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0
ORDER BY nspname;
SELECT c.oid, c.relname, c.relkind FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'v') ORDER BY c.relname;
SELECT c.relname, a.attname, a.attnum, a.atttypid FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON a.attrelid = c.oid WHERE a.attnum > 0 AND NOT a.attisdropped;
SELECT t.oid, t.typname FROM pg_catalog.pg_type t WHERE t.typname = 'int4';
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg/_%' ESCAPE '/' ORDER BY nspname;
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class
JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace
WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p'])
AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid)
AND pg_catalog.pg_namespace.nspname != 'pg_catalog';
SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'public';
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'pets';
SHOW TRANSACTION ISOLATION LEVEL;
SHOW standard_conforming_strings;
SELECT 1
"""
"""What DBeaver, Superset and SQLAlchemy ask before anybody does."""


@pytest.mark.parametrize("text", CATALOG_QUERIES.split(";"))
def test_tools_find_what_they_look_for(server, text):
    assert rows(server, text)


def test_settings_and_transactions(server):
    with psycopg.connect(uri(server)) as connection:
        assert connection.execute("select count(*) from pets").fetchone() == (2,)
        connection.commit()
        connection.execute("set application_name to 'tests'")
        assert connection.execute("show application_name").fetchone() == ("tests",)
        connection.rollback()
        with pytest.raises(psycopg.errors.UndefinedObject, match="unknown setting `sizes`"):
            connection.execute("set sizes to 1")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("drop table pets", "ReadOnlySqlTransaction", "`DROP` is not taken"),
        ("insert into pets values (1)", "ReadOnlySqlTransaction", "`INSERT` is not taken"),
        ("copy pets to '/tmp/x'", "ReadOnlySqlTransaction", "`COPY` is not taken"),
        (
            "create external table x stored as csv location '/etc'",
            "ReadOnlySqlTransaction",
            "CREATE",
        ),
        ("with x as (select 1) insert into pets select * from x", "Error", "INSERT"),
        ("select nothing from pets", "UndefinedColumn", "unknown column `nothing`"),
        ("select * from petz", "UndefinedTable", "petz"),
        ("select 1 +", "SyntaxError", "invalid SQL"),
        ("select * from pets, pg_catalog.pg_class", "FeatureNotSupported", "one statement"),
        ("select 1 " + "+ 1" * 10_000, "StatementTooComplex", "5000 words"),
        ("select " + "(" * 10_000 + "1" + ")" * 10_000, "StatementTooComplex", "200 parentheses"),
        ("select '" + "x" * (1 << 20) + "'", "ProgramLimitExceeded", "1048576"),
    ],
)
def test_errors_are_told_and_the_connection_goes_on(server, text, error, message):
    with connect(server) as connection:
        for _ in range(2):
            with pytest.raises(getattr(psycopg.errors, error, psycopg.Error), match=message):
                connection.execute(text)
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_wrong_password_is_refused(server):
    with pytest.raises(psycopg.OperationalError, match="assword"):
        psycopg.connect(uri(server).replace(server.token, "wrong-password"))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(uri(server).replace(f":{server.token}", ""))


def test_a_client_stops_its_statement(server):
    with connect(server) as connection:
        stop = threading.Timer(0.2, connection.cancel_safe)
        stop.start()
        with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
            connection.execute(LONG)
        stop.join()
        assert connection.execute("select 1").fetchone() == (1,)


def test_statements_end_in_time(server):
    with connect(server) as connection:
        connection.execute("set statement_timeout = '100ms'")
        for text in (LONG, BUSY):
            with pytest.raises(psycopg.errors.QueryCanceled, match="timeout"):
                connection.execute(text)
        connection.execute("reset statement_timeout")
        assert connection.execute("select 1").fetchone() == (1,)


def _join_threads() -> int:
    """How many threads of this process work at joins."""
    names = Path("/proc/self/task").glob("*/comm")
    return sum(name.read_text().strip() == "lakebed-join" for name in names)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at threads")
def test_long_joins_hold_up_nobody(server):
    """Nor do they go on when they are stopped."""
    dc.read_values(n=list(range(200_000))).save("many")
    text = "select count(*) from many a join many b on a.n + b.n < 0"
    with (
        ThreadPoolExecutor(4) as threads,
        closing(connect(server)) as bystander,
        ExitStack() as stack,
    ):
        busy = [stack.enter_context(closing(connect(server))) for _ in range(4)]
        running = [threads.submit(one.execute, text) for one in busy]
        while not _join_threads():
            assert not any(one.done() for one in running)
        assert bystander.execute("select count(*) from pets").fetchone() == (2,)
        assert bystander.execute("select max(n) from many").fetchone() == (199_999,)
        for one in busy:
            one.cancel_safe()
        for one in running:
            with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
                one.result()
        # would not end
        while _join_threads():
            assert bystander.execute("select 1").fetchone() == (1,)


def test_rows_come_as_they_are_asked_for(server):
    """The first rows are there long before the last, and a client may stop in between."""
    with connect(server) as connection:
        found = connection.cursor().stream(LONG)
        assert len([next(found) for _ in range(3)]) == 3
        connection.cancel_safe()
        with pytest.raises(psycopg.errors.QueryCanceled):
            list(found)
        assert connection.execute("select 1").fetchone() == (1,)


def test_fifty_clients_at_once(server):
    def client(number: int) -> int:
        with connect(server) as connection:
            for _ in range(10):
                text = "select n from numbers where n = %s"
                assert connection.execute(text, (number,)).fetchall() == [(number,)]
        return number

    with ThreadPoolExecutor(50) as clients:
        assert list(clients.map(client, range(50))) == list(range(50))


def test_one_client_too_many_is_told_so(chain):
    chain.save("pets")
    with (
        dc.serve(postgres="127.0.0.1:0", max_connections=1, max_rows=3) as server,
        connect(server) as first,
    ):
        with pytest.raises(psycopg.OperationalError, match="too many clients: this server takes 1"):
            connect(server)
        assert first.execute("select name from pets limit 3").rowcount == 3
        with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="more than 3 rows"):
            first.execute("select name from pets")


def test_new_datasets_are_seen(server):
    with connect(server) as connection:
        text = "select table_name from information_schema.tables where table_name = 'fresh'"
        assert connection.execute(text).fetchall() == []
        dc.read_values(x=[1]).save("fresh")
        assert connection.execute(text).fetchall() == [("fresh",)]
        assert connection.execute("select x from fresh").fetchall() == [(1,)]


def test_the_end_of_a_server_ends_what_runs(server):
    with closing(connect(server)) as busy, closing(connect(server)) as idle:
        end = threading.Timer(0.2, server.stop)
        end.start()
        with pytest.raises(psycopg.Error):
            busy.execute(LONG)
        end.join()
        with pytest.raises(psycopg.OperationalError):
            idle.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        connect(server)
