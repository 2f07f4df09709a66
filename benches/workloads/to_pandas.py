"""All rows and all leaves as one pandas frame."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"
NEEDS = ("pandas",)


def _summary(column: str):
    """Rows, columns, and a sum as proof that the values came along."""
    return lambda frame: [len(frame), frame.shape[1], int(frame[column].sum())]


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: chain.to_pandas(flatten=True), _summary("file.size"))


def pyarrow(case: Case) -> Task:
    """Structs flattened, as left to itself pandas gets a dict for each of them."""
    import pyarrow.parquet as pq

    return Task(lambda: pq.read_table(case.files).flatten().to_pandas(), _summary("file.size"))


def duckdb_table(case: Case) -> Task:
    """By way of Arrow, which takes a third of the time of `df()`."""
    connection = prepared.duckdb_table(case, "files")
    query = f"SELECT {prepared.FLAT_FILES} FROM files"
    return Task(lambda: connection.sql(query).to_arrow_table().to_pandas(), _summary("size"))


def polars(case: Case) -> Task:
    import polars as pl

    frame = pl.scan_parquet(case.files).unnest("file", "info")
    return Task(lambda: frame.collect().to_pandas(), _summary("size"))


def datachain(case: Case) -> Task:
    chain = prepared.datachain_dataset(case, "files")
    return Task(lambda: chain.to_pandas(flatten=True), _summary("file.size"))


SYSTEMS = systems(lakebed, pyarrow, duckdb_table, polars, datachain)
