"""The bytes of all large files twice, over two chains one after the other."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

QUERY = "SELECT count(*), sum(file.size) FROM (FROM {} UNION ALL FROM {}) WHERE file.size > 1000000"


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _lakebed(chain), list)


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _lakebed(dc.read_parquet(case.files, source=False)), list)


def _lakebed(chain) -> tuple:
    from lakebed import C, func

    large = chain.union(chain).filter(C("file.size") > 1_000_000)
    return large.group_by(n=func.count(), bytes=func.sum("file.size")).to_list("n", "bytes")[0]


def datachain(case: Case) -> Task:
    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: _datachain(chain), list)


def _datachain(chain) -> tuple:
    from datachain import C

    large = chain.union(chain).filter(C("file.size") > 1_000_000)
    return large.count(), large.sum("file.size")


def duckdb_parquet(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=False), list)


def duckdb_table(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=True), list)


def polars(case: Case) -> Task:
    import polars as pl

    size = pl.col("file").struct.field("size").alias("size")
    files = pl.scan_parquet(case.files).select(size)
    large = pl.concat([files, files]).filter(pl.col("size") > 1_000_000)
    frame = large.select(pl.len(), pl.col("size").sum())
    return Task(lambda: frame.collect().row(0), list)


SYSTEMS = systems(lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, datachain)
