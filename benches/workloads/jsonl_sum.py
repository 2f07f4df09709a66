"""The sum of a nested key of JSON lines."""

from __future__ import annotations

from task import Case, Task, systems

DATA = "files"


def lakebed(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: dc.read_json(case.jsonl, format="jsonl").sum("jsonl.file.size"), int)


def duckdb(case: Case) -> Task:
    import duckdb

    query = f"SELECT sum(file.size) FROM read_json('{case.jsonl}')"
    return Task(lambda: duckdb.execute(query).fetchone()[0], int)


def polars(case: Case) -> Task:
    import polars as pl

    size = pl.col("file").struct.field("size").sum()
    return Task(lambda: pl.scan_ndjson(case.jsonl).select(size).collect().item(), int)


SYSTEMS = systems(lakebed, duckdb, polars)
