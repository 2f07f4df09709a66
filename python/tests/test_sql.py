"""`sql`: what stands in a text, and what is given beside it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc

if TYPE_CHECKING:
    from pathlib import Path


def rows(text: str, *values: Any, **named: Any) -> list[tuple[Any, ...]]:
    return dc.sql(text, *values, **named).to_list()


@pytest.fixture
def pets(chain: dc.DataChain) -> None:
    """Two versions: four animals, and the two of them that are tame."""
    chain.save("pets")
    chain.filter(dc.C("tame")).save("pets", update_version="major")
    chain.limit(1).save("zoo.lab.pets")


@pytest.mark.usefixtures("pets")
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("pets", 2),
        ('"pets@1.0.0"', 4),
        ("dataset('pets', '1.0.0')", 4),
        ("dataset('pets', '>=1,<2')", 4),
        ("dataset('pets@1.0.0')", 4),
        ("dataset('zoo.lab.pets')", 1),
        ("pets FOR VERSION AS OF '1.0.0'", 4),
        ("pets VERSION AS OF '>=2' AS p", 2),
        ("local.local.pets FOR VERSION AS OF '1.0.0' AS p", 4),
        ("zoo.lab.pets", 1),
    ],
)
def test_names_say_which_version(table: str, expected: int) -> None:
    assert rows(f"SELECT count(*) FROM {table}") == [(expected,)]  # noqa: S608


@pytest.mark.usefixtures("pets")
def test_a_version_keeps_the_name_of_its_table() -> None:
    assert rows("SELECT pets.name FROM pets FOR VERSION AS OF '1.0.0' WHERE pets.size = 4") == [
        ("fox",)
    ]
    assert rows("SELECT pets.name FROM dataset('pets', '1') ORDER BY pets.name LIMIT 1") == [
        ("cat",)
    ]


def test_short_names_are_in_the_project_of_the_settings(
    chain: dc.DataChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.save("lab.north.pets")
    with pytest.raises(dc.exceptions.DatasetNotFoundError):
        dc.sql("SELECT * FROM pets")
    monkeypatch.setenv("LAKEBED_PROJECT", "lab.north")
    assert rows("SELECT count(*) FROM pets") == [(4,)]


def test_chains_are_tables(chain: dc.DataChain) -> None:
    sizes = dc.read_values(size=[3, 4], word=["three", "four"])
    text = "SELECT name, word FROM a JOIN b ON a.size = b.size ORDER BY name"
    assert rows(text, a=chain, b=sizes) == [("cat", "three"), ("fox", "four")]
    loud = chain.map(loud=lambda name: name.upper(), output={"loud": str})
    assert rows("SELECT loud FROM t WHERE size = 5", t=loud) == [("DOG",)]


def test_a_chain_hides_the_dataset_of_its_name(chain: dc.DataChain) -> None:
    chain.save("t")
    assert rows("SELECT count(*) FROM t", t=chain.limit(1)) == [(1,)]


def test_a_chain_of_another_session_is_refused(chain: dc.DataChain) -> None:
    other = dc.Session(in_memory=True)
    with pytest.raises(dc.LakebedError, match="`t` belongs to another session"):
        dc.sql("SELECT * FROM t", t=chain, session=other)


def test_a_saved_query_knows_its_sources(chain: dc.DataChain) -> None:
    chain.save("pets")
    saved = dc.sql("SELECT name FROM pets WHERE size > $1", 3).save("big")
    assert saved.dataset is not None
    assert saved.dataset.dependencies == ["local.local.pets@1.0.0"]


def test_files_are_tables(chain: dc.DataChain, tmp_path: Path) -> None:
    chain.to_parquet(tmp_path / "p.parquet")
    chain.to_csv(tmp_path / "c.csv")
    chain.to_json(tmp_path / "j.json")
    chain.to_jsonl(tmp_path / "l.jsonl")
    expected = [("cat", 3), ("dog", 5), ("eel", None), ("fox", 4)]
    for name in ("p.parquet", "c.csv", "j.json", "l.jsonl"):
        text = f"SELECT name, size FROM '{tmp_path}/{name}' ORDER BY name"  # noqa: S608
        assert rows(text) == expected
    text = (
        f"SELECT p.name FROM '{tmp_path}/p.parquet' JOIN '{tmp_path}/c.csv' AS c ON p.size = c.size"  # noqa: S608
    )
    assert len(rows(text)) == 3
    with pytest.raises(dc.LakebedError, match=r"ends with \.parquet, .*not `x\.txt`"):
        dc.sql("SELECT * FROM 'x.txt'")


@pytest.mark.parametrize(
    "value",
    [
        True,
        7,
        -1.5,
        "it's $1",
        b"\x00'",
        dt.date(2024, 2, 29),
        dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
        Decimal("12.50"),
        [1, 2],
        ["a", "b"],
    ],
)
def test_parameters_keep_their_types(value: Any) -> None:
    made = dc.sql("SELECT $1 AS a, $b AS b", value, b=value)
    assert made.to_list() == [(value, value)]


def test_points_in_time_have_a_zone() -> None:
    at = dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)
    found = dc.sql("SELECT TIMESTAMPTZ '2024-01-01 12:00:00+02' AS t, now() AS now")
    assert found.to_values("t") == [at]
    assert found.to_values("now")[0].tzinfo is dt.UTC
    kinds = found.to_arrow().schema.types
    assert [str(kind) for kind in kinds] == ["timestamp[us, tz=UTC]"] * 2
    assert rows("SELECT $1 = TIMESTAMPTZ '2024-01-01 12:00:00+02' AS same", at) == [(True,)]


def test_casts_of_sql_round_and_those_of_chains_cut() -> None:
    numbers = dc.read_values(x=[1.5, 2.5, -1.7])
    assert rows("SELECT x::int FROM numbers", numbers=numbers) == [(2,), (2,), (-2,)]
    cut = numbers.mutate(x=dc.C("x").cast(int))
    assert cut.to_values("x") == [1, 2, -1]
    assert rows("SELECT x FROM cut", cut=cut) == [(1,), (2,), (-1,)]


def test_lists_of_texts_reach_pandas(tmp_path: Path) -> None:
    dc.read_values(g=["a", "b"]).to_parquet(tmp_path / "g.parquet")
    table = dc.read_parquet(tmp_path / "g.parquet", source=False)
    text = "SELECT g, [g] AS l, string_split(NULL, ',') AS s, {'g': [g]} AS m FROM t ORDER BY g"
    frame = dc.sql(text, t=table).to_pandas()
    assert [list(item) for item in frame["l"]] == [["a"], ["b"]]
    assert dc.sql(text, t=table).to_arrow().to_pandas()["m"][1] == {"g": ["b"]}


def test_parameters_compare(chain: dc.DataChain) -> None:
    text = "SELECT name FROM t WHERE size > $1 AND tame = $tame ORDER BY name"
    assert rows(text, 2, t=chain, tame=True) == [("cat",), ("dog",)]
    assert rows("SELECT name FROM t WHERE name = ANY($1)", ["dog", "fox"], t=chain) == [
        ("dog",),
        ("fox",),
    ]
    assert rows("SELECT name FROM t WHERE size = $1", None, t=chain) == []
    assert rows("SELECT name FROM t WHERE name = $1", "' OR true --", t=chain) == []
    assert rows("SELECT name FROM t ORDER BY name LIMIT $1 OFFSET $2", 2, 1, t=chain) == [
        ("dog",),
        ("eel",),
    ]
    assert rows("SELECT coalesce($1, 5) AS a", None) == [(5,)]


@pytest.mark.parametrize(
    ("text", "values", "named", "expected"),
    [
        ("SELECT $1, $2", (1,), {}, r"`\$2` has no value"),
        ("SELECT $a", (), {}, r"`\$a` has no value"),
        ("SELECT $1", (1, 2), {}, r"2 values are given and the text has no `\$2`"),
        ("SELECT 1", (1,), {}, r"1 values are given and the text has no `\$1`"),
        ("SELECT 1", (), {"a": 1}, r"`a` is given and the text has no `\$a`"),
        ("SELECT ?", (1,), {}, r"`\?` is no parameter: write `\$1`"),
    ],
)
def test_values_and_parameters_must_fit(
    text: str, values: tuple[Any, ...], named: dict[str, Any], expected: str
) -> None:
    with pytest.raises(dc.exceptions.SqlError, match=expected):
        dc.sql(text, *values, **named)


def test_system_tables_tell_what_there_is(chain: dc.DataChain) -> None:
    dc.metrics.set("loss", 0.5)
    dc.metrics.set("kind", "small")
    chain.save("pets", description="four", attrs=["a=b"])
    dc.sql("CREATE TABLE big AS SELECT name FROM pets WHERE size > 3")
    found = rows("SELECT name, version, versions, rows, labels FROM lakebed.datasets ORDER BY name")
    assert found == [("big", "1.0.0", 1, 2, []), ("pets", "1.0.0", 1, 4, ["a=b"])]
    assert rows("SELECT name, source_name, source_version FROM lakebed.dependencies") == [
        ("big", "pets", "1.0.0")
    ]
    assert rows('SELECT "column", type, nullable FROM lakebed.columns WHERE name = $1', "pets") == [
        ("name", "VARCHAR", False),
        ("size", "BIGINT", True),
        ("tame", "BOOLEAN", False),
    ]
    assert rows("SELECT name, value, number FROM lakebed.metrics ORDER BY name") == [
        ("kind", "small", None),
        ("loss", "0.5", 0.5),
    ]
    text = "SELECT j.status FROM lakebed.versions v JOIN lakebed.jobs j ON v.job = j.id"
    assert rows(text) == [("running",), ("running",)]
    dc.delete_dataset("big")
    assert rows("SELECT status FROM lakebed.versions WHERE name = 'big'") == [("removed",)]
    with pytest.raises(dc.exceptions.SqlError, match=r"`chain\.errors\(\)` lists them"):
        dc.sql("SELECT * FROM lakebed.failures")


def test_clients_find_tables_and_columns(chain: dc.DataChain) -> None:
    chain.save("lab.pets")
    text = "SELECT * FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    assert rows(text) == [("local", "lab", "pets", "BASE TABLE", "YES")]
    text = (
        "SELECT column_name, ordinal_position, is_nullable, data_type "
        "FROM INFORMATION_SCHEMA.COLUMNS WHERE table_schema = 'lab'"
    )
    assert rows(text) == [
        ("name", 1, "NO", "VARCHAR"),
        ("size", 2, "YES", "BIGINT"),
        ("tame", 3, "NO", "BOOLEAN"),
    ]
    assert ("local", "lab") in rows(
        "SELECT catalog_name, schema_name FROM information_schema.schemata"
    )
    assert rows("SHOW TABLES") == [("local", "lab", "pets", "BASE TABLE")]
    assert rows("SHOW TABLES LIKE 'x%'") == []
    expected = [("name", "VARCHAR", "NO"), ("size", "BIGINT", "YES"), ("tame", "BOOLEAN", "NO")]
    assert rows("DESCRIBE lab.pets") == expected
    assert rows("SHOW COLUMNS FROM lab.pets") == expected
    assert rows("DESCRIBE SELECT 1.5 AS x") == [("x", "DOUBLE", "NO")]
    plan = "\n".join(dc.sql("EXPLAIN SELECT name FROM lab.pets WHERE size > 3").to_values("plan"))
    assert "DatasetScanExec" in plan


def shout(text: str) -> str:
    return text.upper()


def test_functions_of_the_session_stand_where_others_do(chain: dc.DataChain) -> None:
    dc.register_udf("shout", shout)
    dc.register_udf("twice", lambda x: None if x is None else 2 * x, output=int)
    assert rows("SELECT shout(name) AS n, twice(size) AS s FROM t", t=chain) == [
        ("CAT", 6),
        ("DOG", 10),
        ("EEL", None),
        ("FOX", 8),
    ]
    assert rows("SELECT name FROM t WHERE size > 3 AND shout(name) = 'FOX'", t=chain) == [("fox",)]
    assert rows("SELECT twice(twice(size)) + 1 AS x FROM t WHERE size = 3", t=chain) == [(13,)]
    assert rows("SELECT name FROM t ORDER BY twice(size) DESC NULLS LAST LIMIT 1", t=chain) == [
        ("dog",)
    ]
    text = (
        "SELECT shout(substr(name, 3)) AS k, count(*) AS n FROM t GROUP BY shout(substr(name, 3))"
    )
    assert sorted(rows(text, t=chain)) == [("G", 1), ("L", 1), ("T", 1), ("X", 1)]
    text = "SELECT max(twice(size)) AS m FROM t HAVING max(twice(size)) > 1"
    assert rows(text, t=chain) == [(10,)]
    text = "SELECT name FROM t WHERE name IN (SELECT lower(shout(name)) FROM t WHERE size = 4)"
    assert rows(text, t=chain) == [("fox",)]
    text = "SELECT name, row_number() OVER (ORDER BY twice(size)) AS n FROM t WHERE size > 3"
    assert rows(text, t=chain) == [("fox", 1), ("dog", 2)]
    assert dc.sql("SELECT shout(name) AS n FROM t", t=chain).save("loud").count() == 4


def test_functions_of_the_session_are_refused_by_name(chain: dc.DataChain) -> None:
    dc.register_udf("shout", shout)
    with pytest.raises(dc.LakebedError, match="`shout` in this place is not supported"):
        dc.sql("SELECT a.name FROM t a JOIN t b ON shout(a.name) = b.name", t=chain)
    with pytest.raises(dc.LakebedError, match="does not say what it gives; hint: annotate it"):
        dc.register_udf("open", lambda x: x)
    with pytest.raises(dc.LakebedError, match="is a word, not"):
        dc.register_udf("a b", shout)
    with pytest.raises(dc.LakebedError, match="shout"):
        dc.sql("SELECT shout(size) FROM t", t=chain).to_list()


def test_what_a_function_raises_comes_back(chain: dc.DataChain) -> None:
    def bad(name: str) -> int:
        raise KeyError(name)

    dc.register_udf("bad", bad)
    with pytest.raises(KeyError, match="cat"):
        dc.sql("SELECT bad(name) FROM t", t=chain).to_list()


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("SELECT id + $1 AS a FROM t", [None], [(None,), (None,), (None,)]),
        ("SELECT id FROM t WHERE word = ANY($1)", [["a", "c"]], [(1,), (3,)]),
        ("SELECT id FROM t WHERE id <> ALL($1)", [[1, 2]], [(3,)]),
        ("SELECT id FROM t WHERE id > ANY($1)", [[1, 2]], [(2,), (3,)]),
        ("SELECT id FROM t WHERE (id, word) IN (SELECT $1, $2)", [2, "b"], [(2,)]),
    ],
)
def test_parameters_stand_where_values_do(
    text: str, values: list[Any], expected: list[tuple[Any, ...]]
) -> None:
    t = dc.read_values(id=[1, 2, 3], word=["a", "b", "c"])
    assert rows(text, *values, t=t) == expected


def test_a_list_behind_in_gets_a_hint(chain: dc.DataChain) -> None:
    with pytest.raises(dc.LakebedError, match=r"hint: `x = ANY\(\$1\)` looks into a list"):
        rows("SELECT name FROM t WHERE size IN ($1)", [3, 5], t=chain)


def test_a_parameter_without_a_value_is_named(chain: dc.DataChain) -> None:
    with pytest.raises(dc.LakebedError, match=r"`\$2` has no value"):
        rows("SELECT name FROM t WHERE size IN ($1, $2)", 3, t=chain)
