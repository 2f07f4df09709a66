"""The process of one system for `sql_contest.py`: `python sql_system.py SYSTEM DATA HOME MEMORY TABLE…`.

Makes its tables from the Parquet files of these names, says so, then runs each query that comes as a line of JSON. What the
system prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time

Query = Callable[[str], list]


@dataclass(frozen=True)
class Places:
    """Folders."""

    data: Path
    """Of Parquet files, one for each table."""

    home: Path
    """The system's own."""

    def parquet(self, table: str) -> str:
        """The file of a table."""
        return str(self.data / f"{table}.parquet")


def main() -> None:
    """Serve queries until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    system, data, home, memory, *tables = sys.argv[1:]

    def answer(**values: object) -> None:
        print(json.dumps(values), file=answers, flush=True)

    begin = perf_counter()
    try:
        query = OPENED[system](Places(Path(data), Path(home)), memory, tables)
    except Exception:  # noqa: BLE001  whatever the system raises is the runner's to report
        answer(error=traceback.format_exc())
        return
    answer(seconds=perf_counter() - begin)
    for line in sys.stdin:
        try:
            answer(**timed(query, json.loads(line)))
        except Exception:  # noqa: BLE001
            answer(error=traceback.format_exc())


def timed(query: Query, text: str) -> dict:
    """One run: the rows are asked for in time, and made comparable after it."""
    gc.collect()
    with contextlib.suppress(OSError):  # the peak begins anew where the system can do that
        Path("/proc/self/clear_refs").write_text("5")
    begin, cpu = perf_counter(), process_time()
    rows = query(text)
    seconds, cpu = perf_counter() - begin, process_time() - cpu
    plain = [[plainly(value) for value in row] for row in rows]
    return {"seconds": seconds, "cpu": cpu, "peak_mib": peak_mib(), "rows": plain}


def plainly(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat().removesuffix("T00:00:00")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def peak_mib() -> int:
    """The most memory that this process had since it was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM")), 0)


def lakebed(places: Places, _memory: str, tables: list[str]) -> Query:
    """Datasets."""
    import lakebed as dc

    for table in tables:
        done = places.home / f"{table}.done"
        if not done.exists():
            dc.read_parquet(places.parquet(table), source=False).save(table)
            done.touch()
    return lambda text: [tuple(row) for row in dc.sql(text).to_list()]


def datafusion_parquet(places: Places, _memory: str, tables: list[str]) -> Query:
    """The PyPI package, with its defaults."""
    import datafusion

    context = datafusion.SessionContext()
    for table in tables:
        context.register_parquet(table, places.parquet(table))

    def run(text: str) -> list:
        batches = context.sql(text).collect()
        columns = [[column.to_pylist() for column in batch.columns] for batch in batches]
        return [row for batch in columns for row in zip(*batch, strict=True)]

    return run


def duckdb_table(places: Places, memory: str, tables: list[str]) -> Query:
    """DuckDB's own file."""
    import duckdb

    connection = duckdb.connect(str(places.home / "tables.duckdb"))
    if memory:
        connection.execute(f"SET memory_limit = '{memory}'")
    have = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
    for table in tables:
        if table not in have:
            connection.execute(f"CREATE TABLE {table} AS FROM '{places.parquet(table)}'")
    connection.execute("CHECKPOINT")
    return lambda text: connection.execute(text).fetchall()


def duckdb_parquet(places: Places, memory: str, tables: list[str]) -> Query:
    """DuckDB on the Parquet files."""
    import duckdb

    connection = duckdb.connect()
    if memory:
        connection.execute(f"SET memory_limit = '{memory}'")
    for table in tables:
        connection.execute(f"CREATE VIEW {table} AS FROM '{places.parquet(table)}'")
    return lambda text: connection.execute(text).fetchall()


OPENED = {
    opened.__name__: opened
    for opened in (lakebed, datafusion_parquet, duckdb_table, duckdb_parquet)
}


if __name__ == "__main__":
    main()
