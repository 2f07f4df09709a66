"""All rows as JSON lines."""

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
    path = str(case.scratch / "files.jsonl")
    return Task(lambda: chain.to_jsonl(path), lambda _: _rows(path))


def duckdb_table(case: Case) -> Task:
    connection = prepared.duckdb_table(case, "files")
    path = str(case.scratch / "files.jsonl")
    query = f"COPY files TO '{path}' (FORMAT json)"
    return Task(lambda: connection.execute(query), lambda _: _rows(path))


def polars(case: Case) -> Task:
    import polars as pl

    frame = pl.scan_parquet(case.files)
    path = str(case.scratch / "files.jsonl")
    return Task(lambda: frame.collect().write_ndjson(path), lambda _: _rows(path))


SYSTEMS = systems(lakebed, duckdb_table, polars)
