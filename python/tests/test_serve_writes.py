"""Servers that are started to write: what clients make, change, remove and take back."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import pandas as pd
import psycopg
import pytest
import sqlalchemy
from adbc_driver_flightsql import DatabaseOptions

import lakebed as dc
from lakebed.exceptions import DatasetNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[dc.Server]:
    """Three rows in `t`."""
    dc.read_values(id=[1, 2, 3], word=["a", "b", None], x=[0.5, 1.5, None]).save("t")
    with dc.serve(postgres="127.0.0.1:0", flight="127.0.0.1:0", write=True) as running:
        yield running


def uri(server: dc.Server, scheme: str = "postgresql") -> str:
    return f"{scheme}://ada:{server.token}@{server.postgres}/local"


def connect(server: dc.Server, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    return psycopg.connect(uri(server), autocommit=autocommit)


def ids(text: str = "select id from t order by id") -> list[Any]:
    return [one for (one,) in dc.sql(text).to_list()]


MERGE = """
merge into t using (values (3), (4)) as s(id) on t.id = s.id
when matched then delete when not matched then insert (id) values (s.id)
"""


@pytest.mark.parametrize(
    ("text", "tag", "expected"),
    [
        ("insert into t values (4, 'd', 1), (5, null, 2)", "INSERT 0 2", [1, 2, 3, 4, 5]),
        ("insert into public.t (id) select 7", "INSERT 0 1", [1, 2, 3, 7]),
        ("update t set id = id + 10 where id > 1", "UPDATE 2", [1, 12, 13]),
        ("update local.public.t set id = 9 where id > 5", "UPDATE 0", [1, 2, 3]),
        ("delete from t where word is null", "DELETE 1", [1, 2]),
        (
            MERGE,
            "MERGE 2",
            [1, 2, 4],
        ),
    ],
)
def test_statements_say_how_many_rows(server, text, tag, expected):
    with connect(server) as connection:
        assert connection.execute(text).statusmessage == tag
        found = connection.execute("select id from public.t order by id").fetchall()
    assert [one for (one,) in found] == expected
    assert ids() == expected


def test_datasets_are_made_and_removed(server):
    with connect(server) as connection:
        made = connection.execute("create table public.big as select id from t where id > 1")
        assert made.statusmessage == "SELECT 2"
        again = connection.execute("create table if not exists big as select 1 as id")
        assert again.statusmessage == "CREATE TABLE AS"
        with pytest.raises(psycopg.Error, match="`big` exists"):
            connection.execute("create table big as select 1 as id")
        assert dc.read_dataset("big").to_values("id") == [2, 3]
        assert connection.execute("drop table public.big").statusmessage == "DROP TABLE"
        with pytest.raises(psycopg.errors.UndefinedTable, match="big"):
            connection.execute("drop table big")
    job = dc.sql("select distinct job from lakebed.versions where name = 'big'").to_list()
    assert len(job) == 1


@pytest.mark.parametrize("binary", [False, True])
def test_values_fit_their_columns(server, binary):
    with connect(server) as connection:
        cursor = connection.cursor(binary=binary)
        cursor.execute("insert into t values (%s, %s, %s)", (4, "it's", 7))
        assert cursor.rowcount == 1
        cursor.execute("insert into t (x, id) values (%s, %s)", (None, 5))
        cursor.execute("update t set word = %s, x = x + %s where id = %s", ("new", 1.0, 1))
        assert cursor.rowcount == 1
        cursor.execute("delete from t where id = %s and word = %s", (2, "b"))
        assert cursor.rowcount == 1
        cursor.executemany("insert into t (id) values (%s)", [(6,), (7,)])
        assert cursor.rowcount == 2
    assert dc.sql("select id, word, x from t order by id").to_list() == [
        (1, "new", 1.5),
        (3, None, None),
        (4, "it's", 7.0),
        (5, None, None),
        (6, None, None),
        (7, None, None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("copy t to '/tmp/x.csv'", "`COPY` is not taken"),
        ("create table x as select * from '/etc/passwd'", "/etc/passwd"),
        ("create external table x stored as csv location '/etc'", "EXTERNAL|external|`CREATE`"),
        ("insert into t values (1, 'a', 'b')", "x"),
        ("insert into nothing values (1)", "nothing"),
        ("alter table t add column y int", "`ALTER` is not taken"),
        ("truncate t", "`TRUNCATE` is not taken"),
    ],
)
def test_what_is_refused_changes_nothing(server, text, message):
    with connect(server) as connection, pytest.raises(psycopg.Error, match=message):
        connection.execute(text)
    assert dc.read_dataset("t").version == "1.0.0"


def test_a_transaction_is_kept_or_taken_back(server):
    with connect(server, autocommit=False) as connection:
        connection.execute("insert into t (id) values (4)")
        connection.execute("insert into t (id) values (5)")
        connection.commit()
        connection.execute("delete from t where id < 5")
        assert connection.execute("select count(*) from t").fetchone() == (1,)
        connection.execute("create table made as select 1 as one")
        connection.rollback()
    assert ids() == [1, 2, 3, 4, 5]
    with pytest.raises(dc.LakebedError, match="made"):
        dc.sql("select * from made").to_list()


def test_a_failure_takes_its_transaction_back(server):
    with connect(server, autocommit=False) as connection:
        connection.execute("insert into t (id) values (4)")
        with pytest.raises(psycopg.Error, match="nothing"):
            connection.execute("select nothing from t")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("insert into t (id) values (5)")
        connection.commit()
    assert ids() == [1, 2, 3]


def test_a_client_that_leaves_takes_its_transaction_back(server):
    with closing(connect(server, autocommit=False)) as connection:
        connection.execute("insert into t (id) values (4)")
    server.stop()
    assert ids() == [1, 2, 3]


def fails(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction():
        connection.execute("insert into t (id) values (5)")
        connection.execute("select nothing from t")


def test_savepoints(server):
    with connect(server) as connection, connection.transaction():
        connection.execute("insert into t (id) values (4)")
        with pytest.raises(psycopg.Error, match="nothing"):
            fails(connection)
        connection.execute("insert into t (id) values (6)")
    assert ids() == [1, 2, 3, 4, 6]


def test_a_text_of_several_statements_is_one_transaction(server):
    with connect(server) as connection:
        connection.execute("insert into t (id) values (4); insert into t (id) values (5)")
        with pytest.raises(psycopg.Error, match="nothing"):
            connection.execute("insert into t (id) values (6); select nothing from t")
        with pytest.raises(psycopg.Error, match="cannot be taken back"):
            connection.execute("insert into t (id) values (7); drop table t")
    assert ids() == [1, 2, 3, 4, 5]


def test_drop_is_no_part_of_a_transaction(server):
    with (
        connect(server, autocommit=False) as connection,
        pytest.raises(psycopg.errors.ActiveSqlTransaction, match="autocommit"),
    ):
        connection.execute("drop table t")
    assert ids() == [1, 2, 3]


def test_what_others_have_built_on_is_not_taken_back(server):
    with closing(connect(server, autocommit=False)) as connection:
        connection.execute("insert into t (id) values (4)")
        dc.sql("insert into t (id) values (5)")
        with pytest.raises(psycopg.Error, match=r"`t@1\.0\.1` stays"):
            connection.rollback()
    assert ids() == [1, 2, 3, 4, 5]


def test_clients_are_told_whether_they_may_write(server):
    with connect(server) as connection:
        assert connection.execute("show transaction_read_only").fetchone() == ("off",)
        assert connection.execute("select pg_is_in_recovery()").fetchone() == (False,)
        connection.execute("set default_transaction_read_only to on")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from t")
    assert ids() == [1, 2, 3]
    target = f"{uri(server)}?target_session_attrs=read-write"
    psycopg.connect(target).close()
    with dc.serve(postgres="127.0.0.1:0") as other:
        with connect(other) as connection:
            assert connection.execute("show transaction_read_only").fetchone() == ("on",)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="DELETE"):
                connection.execute("delete from t")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"{uri(other)}?target_session_attrs=read-write")


def test_sqlalchemy_and_pandas_write(server):
    engine = sqlalchemy.create_engine(uri(server, "postgresql+psycopg"))
    table = sqlalchemy.Table("t", sqlalchemy.MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        connection.execute(table.insert().values(id=4, word="d", x=1.0))
        changed = connection.execute(table.update().where(table.c.id == 1).values(word="z"))
        assert changed.rowcount == 1
    with engine.connect() as connection:
        connection.execute(table.delete())
        connection.rollback()
    pd.DataFrame({"id": [5, 6], "word": ["e", "f"], "x": [0.0, 0.0]}).to_sql(
        "t", engine, if_exists="append", index=False
    )
    engine.dispose()
    assert ids() == [1, 2, 3, 4, 5, 6]
    assert dc.sql("select word from t where id = 1").to_list() == [("z",)]


def adbc(server: dc.Server) -> Any:
    given = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {server.token}"}
    place = f"grpc://{server.flight}"
    return adbc_driver_flightsql.dbapi.connect(place, db_kwargs=given, autocommit=True)


def test_flight_writes(server):
    with adbc(server) as connection, connection.cursor() as cursor:
        cursor.execute("insert into t (id) values (4), (5)")
        assert cursor.fetchall() == [(2,)]
        cursor.execute("update public.t set word = ? where id = ?", ("new", 1))
        assert cursor.fetchall() == [(1,)]
        cursor.executemany("insert into t (id, word) values (?, ?)", [(6, "f"), (7, None)])
        cursor.execute("create table made as select id from t")
        cursor.execute("select count(*) from made")
        assert cursor.fetchall() == [(7,)]
        cursor.adbc_statement.set_sql_query("delete from t where id > 5")
        assert cursor.adbc_statement.execute_update() == 2
        for text, message in (
            ("copy t to '/tmp/x.csv'", "COPY"),
            ("insert into t values (1)", "the table has 3"),
        ):
            with pytest.raises(adbc_driver_manager.Error, match=message):
                cursor.execute(text)
    assert ids() == [1, 2, 3, 4, 5]
    assert dc.sql("select word from t where id = 1").to_list() == [("new",)]


def test_flight_only_reads_unless_told(chain):
    chain.save("pets")
    with (
        dc.serve(flight="127.0.0.1:0") as server,
        adbc(server) as connection,
        connection.cursor() as cursor,
    ):
        with pytest.raises(adbc_driver_manager.Error, match="DELETE"):
            cursor.execute("delete from pets")
        cursor.adbc_statement.set_sql_query("delete from pets")
        with pytest.raises(adbc_driver_manager.Error, match="DELETE"):
            cursor.adbc_statement.execute_update()
    assert dc.read_dataset("pets").version == "1.0.0"


def test_views_are_made_outside_of_transactions(server):
    with connect(server) as connection:
        assert (
            connection.execute("create view v as select word from t").statusmessage == "CREATE VIEW"
        )
        assert dc.sql("select * from v").to_values("word")
        connection.execute("begin")
        with pytest.raises(psycopg.Error, match="a view cannot be taken back"):
            connection.execute("create or replace view v as select 1 as one")
        connection.execute("rollback")
        assert dc.sql("select * from v").schema.keys() == {"word"}
        assert connection.execute("drop view v").statusmessage == "DROP VIEW"


@pytest.mark.parametrize(
    "texts",
    [
        ("begin read only",),
        ("begin transaction read only",),
        ("begin isolation level serializable, read only, deferrable",),
        ("start transaction read only",),
        ("begin", "set transaction read only"),
        ("begin", "set transaction isolation level read committed, read only"),
        ("begin", "set transaction_read_only = on"),
        ("begin", "set local transaction_read_only to 'true'"),
        ("set session characteristics as transaction read only",),
        ("set session characteristics as transaction read only", "begin"),
        ("set default_transaction_read_only = on",),
        ("set default_transaction_read_only = 'yes'", "begin"),
        ("set session default_transaction_read_only to t", "begin isolation level serializable"),
    ],
)
def test_transactions_that_only_read_write_nothing(server, texts):
    with connect(server) as connection:
        for text in texts:
            connection.execute(text)
        assert connection.execute("select count(*) from t").fetchone() == (3,)
        assert connection.execute("show transaction_read_only").fetchone() == ("on",)
        for text in ("delete from t", "create view v as select 1 as one", "drop table t"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="only reads"):
                connection.execute(text)
    assert ids() == [1, 2, 3]


@pytest.mark.parametrize(
    "texts",
    [
        ("begin read only", "rollback"),
        ("begin read only", "commit", "begin"),
        ("begin read only", "set transaction read write"),
        ("begin", "set transaction read only", "reset transaction_read_only"),
        ("set transaction read only",),
        ("set default_transaction_read_only = on", "begin read write"),
        ("set default_transaction_read_only = on", "reset default_transaction_read_only"),
        ("set default_transaction_read_only = of",),
        ("begin", "set default_transaction_read_only = on"),
        ("set session characteristics as transaction isolation level serializable",),
    ],
)
def test_other_transactions_write(server, texts):
    with connect(server) as connection:
        for text in texts:
            connection.execute(text)
        assert connection.execute("show transaction_read_only").fetchone() == ("off",)
        assert connection.execute("delete from t where id = 1").statusmessage == "DELETE 1"
        connection.execute("commit")
    assert ids() == [2, 3]


def test_drivers_say_that_they_only_read(server):
    with closing(connect(server, autocommit=False)) as connection:
        connection.read_only = True
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from t")
        connection.rollback()
        connection.read_only = False
        connection.execute("delete from t where id = 1")
        connection.commit()
    engine = sqlalchemy.create_engine(
        uri(server, "postgresql+psycopg"), execution_options={"postgresql_readonly": True}
    )
    with engine.connect() as connection, pytest.raises(sqlalchemy.exc.DBAPIError, match="reads"):
        connection.exec_driver_sql("delete from t")
    engine.dispose()
    assert ids() == [2, 3]


def test_settings_of_transactions_are_checked(server):
    with connect(server) as connection:
        for text, message in (
            ("set default_transaction_read_only = maybe", "it is `on` or `off`"),
            ("set transaction_read_only = 7", "it is `on` or `off`"),
            ("commit and chain", "AND CHAIN"),
        ):
            with pytest.raises(psycopg.Error, match=message):
                connection.execute(text)


def test_a_transaction_has_ended_when_its_rollback_failed(server):
    with closing(connect(server, autocommit=False)) as connection:
        for end in (connection.rollback, lambda: connection.execute("rollback", prepare=True)):
            connection.execute("insert into t (id) values (4)")
            dc.sql("insert into t (id) values (5)")
            with pytest.raises(psycopg.Error, match="stays"):
                end()
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        connection.execute("delete from t where id > 3")
        connection.commit()
    assert ids() == [1, 2, 3]


def test_a_text_that_begins_a_transaction_and_fails_is_in_it(server):
    with connect(server) as connection:
        with pytest.raises(psycopg.Error, match="nothing"):
            connection.execute("begin; insert into t (id) values (4); select nothing from t")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        connection.execute("rollback")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert ids() == [1, 2, 3]


def test_pandas_replaces_a_table_without_a_transaction(server):
    engine = sqlalchemy.create_engine(uri(server, "postgresql+psycopg"))
    frame = pd.DataFrame({"id": [7, 8]})
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="autocommit mode"):
        frame.to_sql("t", engine, if_exists="replace", index=False)
    assert ids() == [1, 2, 3]
    frame.to_sql(
        "t",
        engine.execution_options(isolation_level="AUTOCOMMIT"),
        if_exists="replace",
        index=False,
    )
    assert ids() == [7, 8]
    with engine.begin() as connection:
        connection.exec_driver_sql("create or replace table t as select 9 as id")
        connection.execute(sqlalchemy.text("insert into t values (:id)"), {"id": 10})
    engine.dispose()
    assert ids() == [9, 10]


@pytest.mark.parametrize("binary", [False, True])
def test_types_that_clients_say_count(server, binary):
    with connect(server) as connection:
        cursor = connection.cursor(binary=binary)
        (number, text, flag) = cursor.execute("select %s, %s::text, %s", (7, "x", True)).fetchone()
        assert (number, text, flag) == (7, "x", True)
        kinds = [column.type_code for column in cursor.description]
        assert kinds == [psycopg.adapters.types["int2"].oid, 25, psycopg.adapters.types["bool"].oid]
        assert cursor.execute("select %s + %s", (1.5, 2)).fetchone() == (3.5,)
        cursor.execute("insert into t (id, x) select %s, %s", (4, 2.5))
        cursor.execute("insert into t (id, x) values (%s + 1, %s)", (4, 3))
    assert ids() == [1, 2, 3, 4, 5]


def test_no_dataset_hides_a_view(server):
    dc.sql("create view v as select id from t")
    with pytest.raises(dc.LakebedError, match="`v`: a view is called so"):
        dc.read_values(id=[1]).save("v")
    with pytest.raises(dc.LakebedError, match="`v`: a view is called so"):
        dc.move_dataset("t", "v")
    assert dc.sql("select count(*) from v").to_list() == [(3,)]
    dc.sql("drop view v")
    dc.read_values(id=[1]).save("v")
    with connect(server) as connection:
        assert connection.execute("select id from v").fetchall() == [(1,)]


def test_tables_are_made_where_the_search_path_begins(server):
    with connect(server) as connection:
        connection.execute("set search_path = zoo, public")
        connection.execute("create table made as select id from t")
        assert connection.execute("select count(*) from made").fetchone() == (3,)
        connection.execute("create or replace table made as select 1 as id")
        connection.execute("insert into made values (2)")
    assert ids("select id from zoo.made order by id") == [1, 2]
    with pytest.raises(DatasetNotFoundError):
        ids("select id from made")
