"""All rows of a CSV file as Arrow."""

from __future__ import annotations

from task import Case, Task, systems

DATA = "files"


def _summary(table) -> list:
    """Rows, and a sum as proof that the values came along."""
    import pyarrow.compute as pc

    return [table.num_rows, pc.sum(table["size"]).as_py()]


def lakebed(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: dc.read_csv(case.csv, source=False).to_arrow(), _summary)


def duckdb(case: Case) -> Task:
    import duckdb

    query = f"FROM read_csv('{case.csv}')"
    return Task(lambda: duckdb.sql(query).to_arrow_table(), _summary)


def polars(case: Case) -> Task:
    import polars as pl

    return Task(lambda: pl.read_csv(case.csv).to_arrow(), _summary)


SYSTEMS = systems(lakebed, duckdb, polars)
