"""Chains and datasets as tables of DataFusion's own package, of DuckDB and of Polars."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import DataChainColumnError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

ROWS = 100


@pytest.fixture
def pets() -> Any:
    """A dataset with models, floats and nulls."""
    files = [dc.File(path=f"{id}.jpg", size=id) for id in range(ROWS)]
    names = [_name(id) for id in range(ROWS)]
    return dc.read_values(
        id=list(range(ROWS)), name=names, score=[id / 2 for id in range(ROWS)], file=files
    ).save("pets")


def _context(**tables: Any) -> Any:
    datafusion = pytest.importorskip("datafusion")
    context = datafusion.SessionContext()
    for name, table in tables.items():
        context.register_table(name, table)
    return context


def _value(context: Any, query: str) -> Any:
    (row,) = context.sql(query).to_pylist()
    (value,) = row.values()
    return value


def _name(id: int) -> str | None:
    return f"n{id % 7}" if id % 5 else None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("TRUE", lambda _: True),
        ("id >= 98", lambda at: at >= 98),
        ("name IS NULL AND id > 50", lambda at: _name(at) is None and at > 50),
        (
            "name LIKE 'n3%' AND id BETWEEN 10 AND 30",
            lambda at: _name(at) == "n3" and 10 <= at < 31,
        ),
        ("name IN ('n1', 'n2') OR name IS NULL", lambda at: _name(at) in {"n1", "n2", None}),
        ("score > 48.9", lambda at: at / 2 > 48.9),
        ("upper(name) = 'N3'", lambda at: _name(at) == "n3"),
        ("file['size'] > 97", lambda at: at > 97),
        ("id > (SELECT avg(id) FROM pets)", lambda at: at > (ROWS - 1) / 2),
        ("id IN (SELECT id FROM pets WHERE id < 10)", lambda at: at < 10),
    ],
)
def test_filters_of_datafusion(pets: Any, condition: str, holds: Callable[[int], bool]) -> None:
    context = _context(pets=pets)
    query = f"SELECT id FROM pets WHERE {condition} ORDER BY id"  # noqa: S608
    found = context.sql(query).to_pydict()
    assert found["id"] == [id for id in range(ROWS) if holds(id)]


def test_functions_of_the_other_side_stay_there(pets: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    context = _context(pets=pets)
    datafusion = pytest.importorskip("datafusion")

    def is_odd(ids: Any) -> Any:
        return pa.array([bool(id % 2) for id in ids.to_pylist()])

    context.register_udf(
        datafusion.udf(is_odd, [pa.int64()], pa.bool_(), "immutable", name="is_odd")
    )
    assert _value(context, "SELECT count(*) FROM pets WHERE is_odd(id)") == ROWS // 2


def test_joins_and_functions_of_python(pets: Any) -> None:
    def twice(id: int) -> int:
        return 2 * id

    context = _context(pets=pets, doubled=pets.filter(C("id") < 10).map(double=twice))
    query = "SELECT sum(double) FROM doubled JOIN pets USING (id) WHERE pets.id > 5"
    assert _value(context, query) == 2 * (6 + 7 + 8 + 9)


def test_an_error_of_a_function_is_told(pets: Any) -> None:
    def bad(id: int) -> int:
        raise ValueError(f"no {id}")

    context = _context(bad=pets.map(d=bad))
    with pytest.raises(Exception, match="function `bad` failed: ValueError: no 0"):
        context.sql("SELECT sum(d) FROM bad").collect()


def test_the_catalog(pets: Any) -> None:
    context = _context()
    context.register_catalog_provider("lakebed", dc.Session.get())
    pets.filter(C("id") < 3).save("dev.zoo.few")
    assert _value(context, "SELECT count(*) FROM lakebed.local.pets") == ROWS
    assert _value(context, 'SELECT count(*) FROM lakebed."dev.zoo".few') == 3
    context.sql("INSERT INTO lakebed.local.pets SELECT * FROM lakebed.local.pets").collect()
    assert _value(context, "SELECT count(*) FROM lakebed.local.pets") == 2 * ROWS
    assert _value(context, 'SELECT count(*) FROM lakebed.local."pets@1.0.0"') == ROWS
    assert dc.read_dataset("pets").count() == 2 * ROWS
    assert (
        dc.read_dataset("pets").to_values("file")[-1]
        == dc.read_dataset("pets").to_values("file")[ROWS - 1]
    )


def test_schemas_are_projects_of_the_settings(pets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pets.filter(C("id") < 3).save("dev.zoo.few")
    context = _context()
    monkeypatch.setenv("LAKEBED_NAMESPACE", "dev")
    context.register_catalog_provider("lakebed", dc.Session.get())
    assert _value(context, "SELECT count(*) FROM lakebed.zoo.few") == 3
    assert _value(context, 'SELECT count(*) FROM lakebed."local.local".pets') == ROWS
    assert context.catalog("lakebed").schema_names() == {"local", "local.local", "zoo"}


def test_other_releases_are_refused(pets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: "55.0.0")
    with pytest.raises(NotSupportedError, match=r"datafusion 55.0.0.*datafusion>=54,<55"):
        pets.__datafusion_table_provider__()


def test_duckdb_reads_a_chain(pets: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    chain = pets
    found = duckdb.sql("SELECT count(*), max(file.size) FROM chain WHERE id > 9").fetchall()
    assert chain is pets
    assert found == [(ROWS - 10, ROWS - 1)]


def test_a_lazy_frame_reads_what_is_needed(pets: Any) -> None:
    pl = pytest.importorskip("polars")
    calls = []

    def costly(id: int) -> int:
        calls.append(id)
        return id

    frame: pl.LazyFrame = pets.map(costly=costly).to_polars(lazy=True)
    assert frame.select("id").head(3).collect()["id"].to_list() == [0, 1, 2]
    assert calls == []
    big = frame.filter(pl.col("id") > ROWS - 3).select(pl.col("file").struct.field("path"))
    assert big.collect()["path"].to_list() == [f"{ROWS - 2}.jpg", f"{ROWS - 1}.jpg"]
    assert frame.collect().height == ROWS
    assert len(calls) == ROWS


def test_flatten(pets: Any) -> None:
    flat = pets.flatten()
    assert flat.select("id", "file__path").limit(1).to_list() == [(0, "0.jpg")]
    assert flat.flatten(".").schema == flat.schema
    clash = pets.mutate(x=C("id")).select("file", "x")
    clash = clash.mutate(file_path=C("x")).select("file", "file_path")
    with pytest.raises(DataChainColumnError, match="file_path"):
        clash.flatten("_")
