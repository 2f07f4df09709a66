"""How many rows pass a filter on two nested columns."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

SIZE, WIDTH = 1_000_000, 1920
WHERE = f"file.size > {SIZE} AND info.width >= {WIDTH}"


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _chain_count(chain))


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _chain_count(dc.read_parquet(case.files, source=False)))


def _chain_count(chain) -> int:
    from lakebed import C

    return chain.filter((C("file.size") > SIZE) & (C("info.width") >= WIDTH)).count()


def datachain(case: Case) -> Task:
    from datachain import C

    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: chain.filter((C("file.size") > SIZE) & (C("info.width") >= WIDTH)).count())


def duckdb_parquet(case: Case) -> Task:
    import duckdb

    query = f"SELECT count(*) FROM '{case.files}' WHERE {WHERE}"
    return Task(lambda: duckdb.execute(query).fetchone()[0])


def duckdb_table(case: Case) -> Task:
    connection = prepared.duckdb_table(case, "files")
    query = f"SELECT count(*) FROM files WHERE {WHERE}"
    return Task(lambda: connection.execute(query).fetchone()[0])


def polars(case: Case) -> Task:
    import polars as pl

    size, width = pl.col("file").struct.field("size"), pl.col("info").struct.field("width")
    frame = pl.scan_parquet(case.files).filter((size > SIZE) & (width >= WIDTH)).select(pl.len())
    return Task(lambda: frame.collect().item())


def daft(case: Case) -> Task:
    import daft

    size, width = daft.col("file")["size"], daft.col("info")["width"]
    return Task(
        lambda: daft.read_parquet(case.files).where((size > SIZE) & (width >= WIDTH)).count_rows()
    )


def lance(case: Case) -> Task:
    dataset = prepared.lance_dataset(case, "files")
    return Task(lambda: dataset.count_rows(filter=WHERE))


SYSTEMS = systems(
    lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, daft, lance, datachain
)
