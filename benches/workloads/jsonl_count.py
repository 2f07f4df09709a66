"""How many rows a file of JSON lines has."""

from __future__ import annotations

from task import Case, Task, systems

DATA = "files"


def lakebed(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: dc.read_json(case.jsonl, format="jsonl").count())


def duckdb(case: Case) -> Task:
    import duckdb

    query = f"SELECT count(*) FROM read_json('{case.jsonl}')"
    return Task(lambda: duckdb.execute(query).fetchone()[0])


def polars(case: Case) -> Task:
    import polars as pl

    return Task(lambda: pl.scan_ndjson(case.jsonl).select(pl.len()).collect().item())


SYSTEMS = systems(lakebed, duckdb, polars)
