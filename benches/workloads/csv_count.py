"""How many rows a CSV file has."""

from __future__ import annotations

from task import Case, Task, systems

DATA = "files"


def lakebed(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: dc.read_csv(case.csv, source=False).count())


def duckdb(case: Case) -> Task:
    import duckdb

    query = f"SELECT count(*) FROM read_csv('{case.csv}')"
    return Task(lambda: duckdb.execute(query).fetchone()[0])


def polars(case: Case) -> Task:
    import polars as pl

    return Task(lambda: pl.scan_csv(case.csv).select(pl.len()).collect().item())


SYSTEMS = systems(lakebed, duckdb, polars)
