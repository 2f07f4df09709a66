"""The ten largest files, with their paths."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

QUERY = "SELECT file.path, file.size AS size FROM {} ORDER BY size DESC LIMIT 10"


def _pairs(rows) -> list:
    return [[path, int(size)] for path, size in rows]


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _largest(chain), _pairs)


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _largest(dc.read_parquet(case.files, source=False)), _pairs)


def _largest(chain) -> list:
    return chain.order_by("file.size", descending=True).limit(10).to_list("file.path", "file.size")


def datachain(case: Case) -> Task:
    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: _largest(chain), _pairs)


def duckdb_parquet(case: Case) -> Task:
    import duckdb

    query = QUERY.format(f"'{case.files}'")
    return Task(lambda: duckdb.execute(query).fetchall(), _pairs)


def duckdb_table(case: Case) -> Task:
    connection = prepared.duckdb_table(case, "files")
    query = QUERY.format("files")
    return Task(lambda: connection.execute(query).fetchall(), _pairs)


def polars(case: Case) -> Task:
    import polars as pl

    columns = [pl.col("file").struct.field(name) for name in ("path", "size")]
    frame = pl.scan_parquet(case.files).select(columns).top_k(10, by="size")
    return Task(lambda: frame.sort("size", descending=True).collect().rows(), _pairs)


def daft(case: Case) -> Task:
    import daft

    columns = [daft.col("file")[name].alias(name) for name in ("path", "size")]

    def run() -> dict:
        frame = daft.read_parquet(case.files).select(*columns)
        return frame.sort("size", desc=True).limit(10).to_pydict()

    return Task(run, lambda found: _pairs(zip(found["path"], found["size"], strict=True)))


SYSTEMS = systems(lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, daft, datachain)
