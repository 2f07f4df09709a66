"""A Parquet file with nested columns becomes a dataset: read and save."""

from __future__ import annotations

from itertools import count

from task import Case, Task, systems

DATA = "files"


def lakebed(case: Case) -> Task:
    import lakebed as dc

    turn = count()
    return Task(
        run=lambda: dc.read_parquet(case.files, source=False).save(f"ingest_{next(turn)}"),
        check=lambda chain: chain.count(),
    )


def pyarrow_lance(case: Case) -> Task:
    """The floor for a system on Lance: both libraries, nothing between them."""
    import lance
    import pyarrow.parquet as pq

    turn = count()
    return Task(
        run=lambda: lance.write_dataset(
            pq.read_table(case.files), str(case.scratch / f"{next(turn)}.lance")
        ),
        check=lambda dataset: dataset.count_rows(),
    )


def duckdb(case: Case) -> Task:
    """Into a table of a database file, written through to it."""
    import duckdb

    connection = duckdb.connect(str(case.scratch / "ingest.duckdb"))
    turn = count()

    def run() -> str:
        table = f"ingest_{next(turn)}"
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM '{case.files}'")
        connection.execute("CHECKPOINT")
        return table

    return Task(
        run, lambda table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    )


def datachain(case: Case) -> Task:
    import datachain as dc

    turn = count()

    def check(saved) -> int:
        rows = saved.count()
        dc.delete_dataset(saved.name, force=True)  # this home is kept for later runs
        return rows

    return Task(
        lambda: dc.read_parquet(case.files, source=False).save(f"ingest_{next(turn)}"), check
    )


SYSTEMS = systems(lakebed, pyarrow_lance, duckdb, datachain)
