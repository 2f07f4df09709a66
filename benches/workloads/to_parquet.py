"""All rows as Parquet, with snappy."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"


def _rows(path: str) -> int:
    import pyarrow.parquet as pq

    return pq.read_metadata(path).num_rows


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    path = str(case.scratch / "files.parquet")
    return Task(lambda: chain.to_parquet(path), lambda _: _rows(path))


def duckdb_table(case: Case) -> Task:
    connection = prepared.duckdb_table(case, "files")
    path = str(case.scratch / "files.parquet")
    query = f"COPY files TO '{path}' (FORMAT parquet)"
    return Task(lambda: connection.execute(query), lambda _: _rows(path))


def polars(case: Case) -> Task:
    import polars as pl

    frame = pl.scan_parquet(case.files)
    path = str(case.scratch / "files.parquet")
    return Task(
        lambda: frame.collect().write_parquet(path, compression="snappy"), lambda _: _rows(path)
    )


SYSTEMS = systems(lakebed, duckdb_table, polars)
