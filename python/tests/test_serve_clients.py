"""What the tools of analysts send to a server, which is kept in `clients/`, one file for each.

A file is a list of statements. Before each stands `--! title => cell, cell`: its rows have these
values among them; `none` says that it has no rows, `any` that the number does not matter, and
without `=>` there is at least one. `:name` stands for a value, which comes as a parameter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest
from psycopg.types.numeric import Int8

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = Path(__file__).parent / "clients"

KINDS = {
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
    "instant": "arrow_cast('2026-01-02T03:04:05', 'Timestamp(Microsecond, Some(\"UTC\"))')",
    "list": "[1, 2]",
    "bytes": "arrow_cast('a', 'Binary')",
    "record": "named_struct('a', 1, 'b', 'x')",
}


class Question(NamedTuple):
    """A statement, and what is to be found in its rows."""

    title: str
    expected: str | None
    text: str


def questions(client: str) -> Iterator[Question]:
    for part in (CLIENTS / f"{client}.sql").read_text().split("--! ")[1:]:
        head, text = part.split("\n", 1)
        title, _, expected = head.partition(" => ")
        yield Question(title, expected or None, text.strip())


@pytest.fixture
def connection(chain: dc.DataChain) -> Iterator[psycopg.Connection[Any]]:
    """To a server with two pets, all types, numbers, and a table in another schema."""
    chain.filter(dc.C("size") > 3).save("pets")
    dc.read_values(pet=["cat", "dog"], owner=["Ada", "Ben"]).save("home.people.owners")
    dc.read_values(n=list(range(3000))).save("numbers")
    dc.sql(
        "create table kinds as select " + ", ".join(f"{it} as {name}" for name, it in KINDS.items())
    )
    with dc.serve(postgres="127.0.0.1:0") as server:
        uri = f"postgresql://ada:{server.token}@{server.postgres}/local"
        with psycopg.connect(uri, autocommit=True) as connection:
            yield connection


def values(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """What tools have learnt before they ask on. Numbers come as eight bytes from JDBC."""
    numbers = connection.execute(
        "select n.oid, c.oid from pg_class c join pg_namespace n on c.relnamespace = n.oid "
        "where n.nspname = 'public' and c.relname = 'pets'"
    ).fetchall()
    ((schema, table),) = numbers
    ((database,),) = connection.execute(
        "select oid from pg_database where datname = 'local'"
    ).fetchall()
    return {
        "schema": Int8(schema),
        "table": Int8(table),
        "database_oid": Int8(database),
        "catalog": Int8(11),
        "type": Int8(23),
        "btree": Int8(403),
        "type_name": "int4",
        "database": "local",
        "schema_name": "public",
        "name": "pets",
        "user": "ada",
        "mask": "%PET%",
    }


def problem(
    connection: psycopg.Connection[Any], question: Question, known: dict[str, Any]
) -> str | None:
    text = re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", question.text.replace("%", "%%"))
    try:
        found = connection.execute(
            text, {name: it for name, it in known.items() if f"%({name})s" in text}
        )
        rows = found.fetchall() if found.description else [()]
    except psycopg.Error as error:
        return str(error).splitlines()[0]
    if question.expected == "any":
        return None
    if question.expected == "none" or not rows:
        return None if (question.expected == "none") == (not rows) else f"{len(rows)} rows"
    cells = {cell for row in rows for value in row for cell in (str(value), *str(value).split(","))}
    missing = [cell for cell in (question.expected or "").split(", ") if cell and cell not in cells]
    return f"no {missing} in {rows[:5]}" if missing else None


@pytest.mark.parametrize("client", sorted(path.stem for path in CLIENTS.glob("*.sql")))
def test_tools_find_what_they_look_for(connection, client):
    known = values(connection)
    asked = list(questions(client))
    assert asked
    problems = {it.title: problem(connection, it, known) for it in asked}
    assert {title: it for title, it in problems.items() if it is not None} == {}


def test_names_are_looked_for_where_a_client_says(connection):
    """As SQL Lab of Superset does for the schema that is chosen, and JDBC's `setSchema`."""
    connection.execute('set search_path = "home.people"')
    assert connection.execute("show search_path").fetchone() == ('"home.people"',)
    assert connection.execute("select current_schema()").fetchone() == ("home.people",)
    owners = "select owner from owners where owners.pet = %s"
    assert connection.execute(owners, ("dog",)).fetchall() == [("Ben",)]
    # neither here nor there, so the default folder's
    assert connection.execute("select count(*) from pets").fetchone() == (2,)
    assert connection.execute(
        "select count(*) from pg_class where relname = 'pets'"
    ).fetchone() == (1,)
    connection.execute("reset search_path")
    with pytest.raises(psycopg.errors.UndefinedTable, match="owners"):
        connection.execute(owners, ("dog",))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("kind", ["Int8", "UInt8", "UInt16", "UInt32", "UInt64"])
def test_small_and_unsigned_numbers_come_whole(connection, kind, binary):
    cursor = connection.cursor(binary=binary)
    seven = f"arrow_cast(7, '{kind}')"
    assert cursor.execute(f"select {seven}, [{seven}]").fetchall() == [(7, [7])]


def test_moments_are_written_as_asked(connection):
    asked = "select to_char(moment, 'YYYY-MM-DD HH24:MI'), moment + 2 * interval '1 day' from kinds"
    ((text, later),) = connection.execute(asked).fetchall()
    assert (text, str(later)) == ("2026-01-02 03:04", "2026-01-04 03:04:05")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="the pattern `YYYY-Q`"):
        connection.execute("select to_char(moment, 'YYYY-Q') from kinds")
