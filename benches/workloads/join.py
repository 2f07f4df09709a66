"""The bytes of those files that are also among the first 100,000, by their etags."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

FIRST = 100_000

QUERY = (
    "SELECT count(*), sum(a.file.size) FROM {} a "
    f"JOIN (SELECT file.etag AS etag FROM {{}} LIMIT {FIRST}) b ON a.file.etag = b.etag"
)


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _lakebed(chain), list)


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _lakebed(dc.read_parquet(case.files, source=False)), list)


def _lakebed(chain) -> tuple:
    from lakebed import C, func

    first = chain.limit(FIRST).mutate(etag=C("file.etag")).select("etag")
    both = chain.merge(first, on="file.etag", right_on="etag", inner=True)
    return both.group_by(n=func.count(), bytes=func.sum("file.size")).to_list("n", "bytes")[0]


def datachain(case: Case) -> Task:
    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: _datachain(chain), list)


def _datachain(chain) -> tuple:
    from datachain import C

    first = chain.limit(FIRST).mutate(etag=C("file.etag")).select("etag")
    both = chain.merge(first, on="file.etag", right_on="etag", inner=True)
    return both.count(), both.sum("file.size")


def duckdb_parquet(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=False), list)


def duckdb_table(case: Case) -> Task:
    return Task(prepared.duckdb_first(case, QUERY, table=True), list)


def polars(case: Case) -> Task:
    import polars as pl

    field = pl.col("file").struct.field
    files = pl.scan_parquet(case.files).select(etag=field("etag"), size=field("size"))
    both = files.join(files.select("etag").head(FIRST), on="etag")
    frame = both.select(pl.len(), pl.col("size").sum())
    return Task(lambda: frame.collect().row(0), list)


SYSTEMS = systems(lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, datachain)
