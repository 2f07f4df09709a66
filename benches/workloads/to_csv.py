"""All rows as CSV."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"


def _rows(path: str) -> int:
    """Lines, the last of which may have no end."""
    with open(path, "rb") as written:
        return sum(1 for _ in written)


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    path = str(case.scratch / "files.csv")
    return Task(lambda: chain.to_csv(path), lambda _: _rows(path))


def duckdb_table(case: Case) -> Task:
    connection = prepared.duckdb_table(case, "files")
    path = str(case.scratch / "files.csv")
    query = f"COPY (SELECT {prepared.FLAT_FILES} FROM files) TO '{path}' (FORMAT csv, HEADER)"
    return Task(lambda: connection.execute(query), lambda _: _rows(path))


def polars(case: Case) -> Task:
    import polars as pl

    frame = pl.scan_parquet(case.files).unnest("file", "info")
    path = str(case.scratch / "files.csv")
    return Task(lambda: frame.collect().write_csv(path), lambda _: _rows(path))


SYSTEMS = systems(lakebed, duckdb_table, polars)
