"""The sum of one field of a dataset, by lakebed itself and by `datafusion`, Polars and DuckDB over it."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"
NEEDS = ("datafusion", "polars", "duckdb", "pyarrow")


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: chain.sum("file.size"), int)


def lakebed_datafusion(case: Case) -> Task:
    import datafusion

    context = datafusion.SessionContext()
    context.register_table("files", prepared.lakebed_dataset(case, "files").flatten())
    query = 'SELECT sum("file__size") AS size FROM files'
    return Task(lambda: context.sql(query).to_pylist()[0]["size"])


def lakebed_polars(case: Case) -> Task:
    import polars as pl

    frame = prepared.lakebed_dataset(case, "files").flatten().to_polars(lazy=True)
    return Task(lambda: frame.select(pl.col("file__size").sum()).collect().item())


def lakebed_duckdb(case: Case) -> Task:
    import duckdb

    files = prepared.lakebed_dataset(case, "files").flatten()

    def run() -> int:
        connection = duckdb.connect()
        connection.register("files", files)
        return connection.execute('SELECT sum("file__size") FROM files').fetchone()[0]

    return Task(run, int)


SYSTEMS = systems(lakebed, lakebed_datafusion, lakebed_polars, lakebed_duckdb)
