"""All rows of JSON lines as Arrow, nested."""

from __future__ import annotations

from task import Case, Task, systems

DATA = "files"


def _summary(files) -> list:
    """Rows, and a sum as proof that the values came along."""
    import pyarrow.compute as pc

    return [len(files), pc.sum(files.field("size")).as_py()]


def lakebed(case: Case) -> Task:
    import lakebed as dc

    def read():
        return dc.read_json(case.jsonl, format="jsonl").to_arrow()["jsonl"].combine_chunks()

    return Task(read, lambda rows: _summary(rows.field("file")))


def duckdb(case: Case) -> Task:
    import duckdb

    query = f"FROM read_json('{case.jsonl}')"
    return Task(
        lambda: duckdb.sql(query).to_arrow_table(),
        lambda table: _summary(table["file"].combine_chunks()),
    )


def polars(case: Case) -> Task:
    import polars as pl

    return Task(
        lambda: pl.read_ndjson(case.jsonl).to_arrow(),
        lambda table: _summary(table["file"].combine_chunks()),
    )


SYSTEMS = systems(lakebed, duckdb, polars)
