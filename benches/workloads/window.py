"""The bytes of the three largest files of each width."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

QUERY = (
    "SELECT sum(size) FROM (SELECT file.size AS size, row_number() OVER "
    "(PARTITION BY info.width ORDER BY file.size DESC) AS nth FROM {}) WHERE nth <= 3"
)


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _lakebed(chain), list)


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _lakebed(dc.read_parquet(case.files, source=False)), list)


def _lakebed(chain) -> tuple:
    from lakebed import C, func

    window = func.window(partition_by="info.width", order_by="file.size", desc=True)
    numbered = chain.mutate(nth=func.row_number().over(window))
    return (numbered.filter(C("nth") <= 3).sum("file.size"),)


def datachain(case: Case) -> Task:
    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: _datachain(chain), list)


def _datachain(chain) -> tuple:
    from datachain import C, func

    window = func.window(partition_by="info.width", order_by="file.size", desc=True)
    numbered = chain.mutate(nth=func.row_number().over(window))
    return (numbered.filter(C("nth") <= 3).sum("file.size"),)


def duckdb_parquet(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=False), list)


def duckdb_table(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=True), list)


def polars(case: Case) -> Task:
    import polars as pl

    size, width = pl.col("file").struct.field("size"), pl.col("info").struct.field("width")
    files = pl.scan_parquet(case.files).select(size=size, width=width)
    largest = files.group_by("width").agg(pl.col("size").top_k(3))
    frame = largest.explode("size").select(pl.col("size").sum())
    return Task(lambda: frame.collect().row(0), list)


SYSTEMS = systems(lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, datachain)
