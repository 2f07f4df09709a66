"""Rows and bytes per file extension.

Every peer takes the part after the last dot in the way that is fastest in it.
"""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"

EXT = "substr(file.path, length(file.path) - strpos(reverse(file.path), '.') + 2)"
QUERY = f"SELECT {EXT} AS ext, count(*), sum(file.size) FROM {{}} GROUP BY ext"


def _sorted(rows) -> list:
    return sorted([ext, int(count), int(size)] for ext, count, size in rows)


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _grouped(chain), _sorted)


def lakebed_parquet(case: Case) -> Task:
    import lakebed as dc

    return Task(lambda: _grouped(dc.read_parquet(case.files, source=False)), _sorted)


def _grouped(chain) -> list:
    from lakebed import func

    return chain.group_by(
        n=func.count(),
        bytes=func.sum("file.size"),
        partition_by=func.path.file_ext("file.path").label("ext"),
    ).to_list("ext", "n", "bytes")


def datachain(case: Case) -> Task:
    from datachain import func

    chain = prepared.datachain_dataset(case, "files")
    return Task(
        lambda: chain.group_by(
            n=func.count(),
            bytes=func.sum("file.size"),
            partition_by=func.path.file_ext("file.path").label("ext"),
        ).to_list("ext", "n", "bytes"),
        _sorted,
    )


def duckdb_parquet(case: Case) -> Task:
    import duckdb

    query = QUERY.format(f"'{case.files}'")
    return Task(lambda: duckdb.execute(query).fetchall(), _sorted)


def duckdb_table(case: Case) -> Task:
    connection = prepared.duckdb_table(case, "files")
    query = QUERY.format("files")
    return Task(lambda: connection.execute(query).fetchall(), _sorted)


def polars(case: Case) -> Task:
    import polars as pl

    ext = pl.col("file").struct.field("path").str.extract(r"\.([^.]*)$").alias("ext")
    size = pl.col("file").struct.field("size")
    frame = pl.scan_parquet(case.files).group_by(ext).agg(n=pl.len(), bytes=size.sum())
    return Task(lambda: frame.collect().rows(), _sorted)


def daft(case: Case) -> Task:
    import daft

    ext = daft.functions.regexp_extract(daft.col("file")["path"], r"\.([^.]*)$", 1).alias("ext")
    size = daft.col("file")["size"].alias("size")

    def run() -> dict:
        frame = daft.read_parquet(case.files).select(ext, size).groupby("ext")
        return frame.agg(
            daft.col("size").count().alias("n"), daft.col("size").sum().alias("bytes")
        ).to_pydict()

    return Task(run, lambda columns: _sorted(zip(*columns.values(), strict=True)))


SYSTEMS = systems(lakebed, lakebed_parquet, duckdb_parquet, duckdb_table, polars, daft, datachain)
