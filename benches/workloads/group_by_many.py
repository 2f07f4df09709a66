"""How many of as many groups as there are files have more than a million bytes."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

QUERY = (
    "SELECT count(*) FROM (SELECT file.etag AS etag, sum(file.size) AS bytes FROM {} GROUP BY etag) "
    "WHERE bytes > 1000000"
)


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _lakebed(chain), list)


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _lakebed(dc.read_parquet(case.files, source=False)), list)


def _lakebed(chain) -> tuple:
    from lakebed import C, func

    groups = chain.group_by(bytes=func.sum("file.size"), partition_by="file.etag")
    return (groups.filter(C("bytes") > 1_000_000).count(),)


def datachain(case: Case) -> Task:
    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: _datachain(chain), list)


def _datachain(chain) -> tuple:
    from datachain import C, func

    groups = chain.group_by(bytes=func.sum("file.size"), partition_by="file.etag")
    return (groups.filter(C("bytes") > 1_000_000).count(),)


def duckdb_parquet(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=False), list)


def duckdb_table(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=True), list)


def polars(case: Case) -> Task:
    import polars as pl

    field = pl.col("file").struct.field
    groups = pl.scan_parquet(case.files).group_by(field("etag")).agg(bytes=field("size").sum())
    frame = groups.filter(pl.col("bytes") > 1_000_000).select(pl.len())
    return Task(lambda: frame.collect().row(0), list)


SYSTEMS = systems(lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, datachain)
