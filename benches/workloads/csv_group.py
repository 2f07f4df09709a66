"""Count and sum for each value of a column of a CSV file."""

from __future__ import annotations

from task import Case, Task, systems

DATA = "files"


def _sorted(rows) -> list:
    return sorted([width, n, int(total)] for width, n, total in rows)


def lakebed(case: Case) -> Task:
    import lakebed as dc

    def run() -> list:
        groups = {"n": dc.func.count(), "total": dc.func.sum("size"), "partition_by": "width"}
        return dc.read_csv(case.csv, source=False).group_by(**groups).to_list("width", "n", "total")

    return Task(run, _sorted)


def duckdb(case: Case) -> Task:
    import duckdb

    query = f"SELECT width, count(*), sum(size) FROM read_csv('{case.csv}') GROUP BY ALL"
    return Task(lambda: duckdb.execute(query).fetchall(), _sorted)


def polars(case: Case) -> Task:
    import polars as pl

    frame = pl.scan_csv(case.csv).group_by("width").agg(pl.len(), pl.col("size").sum())
    return Task(lambda: frame.collect().rows(), _sorted)


SYSTEMS = systems(lakebed, duckdb, polars)
