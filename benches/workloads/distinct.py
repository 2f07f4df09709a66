"""How many files there are of different sizes, one of each."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

QUERY = "SELECT count(*) FROM (SELECT DISTINCT ON (file.size) file FROM {})"


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _lakebed(chain), list)


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _lakebed(dc.read_parquet(case.files, source=False)), list)


def _lakebed(chain) -> tuple:
    return (chain.distinct("file.size").count(),)


def datachain(case: Case) -> Task:
    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: _datachain(chain), list)


def _datachain(chain) -> tuple:
    return (chain.distinct("file.size").count(),)


def duckdb_parquet(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=False), list)


def duckdb_table(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=True), list)


def polars(case: Case) -> Task:
    import polars as pl

    size = pl.col("file").struct.field("size").alias("size")
    files = pl.scan_parquet(case.files).with_columns(size)
    frame = files.unique(subset="size").select(pl.len())
    return Task(lambda: frame.collect().row(0), list)


SYSTEMS = systems(lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, datachain)
