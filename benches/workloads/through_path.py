"""One field of a model through other engines: `detail` tells how much is read for it, and how much for the whole model.

`_flat` are chains whose fields are columns; without it the engine is asked for the field of a model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import prepared
from task import Case, Measured, Task, systems

DATA = "files"
NEEDS = ("datafusion", "polars", "duckdb", "pyarrow")

Ask = Callable[[str], Any]
FIELD, WHOLE, FLAT = "file['path']", "file", '"file__path"'


def lakebed(case: Case) -> Task:
    import pyarrow as pa

    chain = prepared.lakebed_dataset(case, "files")
    columns = {FIELD: "file.path", WHOLE: "file"}
    return _counted(lambda asked: pa.table(chain.select(columns[asked])), FIELD)


def lakebed_sql(case: Case) -> Task:
    import lakebed as dc
    import pyarrow as pa

    prepared.lakebed_dataset(case, "files")
    return _counted(lambda asked: pa.table(dc.sql(f"SELECT {asked} FROM files")), FIELD)


def lakebed_datafusion(case: Case) -> Task:
    return _counted(_datafusion(prepared.lakebed_dataset(case, "files")), FIELD)


def lakebed_datafusion_flat(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    whole, flat = _datafusion(chain), _datafusion(chain.flatten())
    return _counted(lambda asked: (whole if asked == WHOLE else flat)(asked), FLAT)


def lakebed_polars(case: Case) -> Task:
    import polars as pl

    frame = prepared.lakebed_dataset(case, "files").to_polars(lazy=True)
    file = pl.col("file")
    columns = {FIELD: file.struct.field("path"), WHOLE: file}
    return _counted(lambda asked: frame.select(columns[asked]).collect(), FIELD)


def lakebed_polars_flat(case: Case) -> Task:
    import polars as pl

    chain = prepared.lakebed_dataset(case, "files")
    whole, flat = chain.to_polars(lazy=True), chain.flatten().to_polars(lazy=True)
    columns = {FLAT: flat.select(pl.col("file__path")), WHOLE: whole.select("file")}
    return _counted(lambda asked: columns[asked].collect(), FLAT)


def lakebed_duckdb(case: Case) -> Task:
    return _counted(_duckdb(prepared.lakebed_dataset(case, "files")), FIELD)


def lakebed_duckdb_flat(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "files")
    whole, flat = _duckdb(chain), _duckdb(chain.flatten())
    return _counted(lambda asked: (whole if asked == WHOLE else flat)(asked), FLAT)


def _datafusion(chain) -> Ask:
    import datafusion

    context = datafusion.SessionContext()
    context.register_table("files", chain)
    return lambda asked: context.sql(f"SELECT {asked} FROM files").collect()


def _duckdb(chain) -> Ask:
    import duckdb

    connection = duckdb.connect()

    def ask(asked: str) -> Any:
        connection.register("files", chain)
        return connection.execute(f"SELECT {asked} FROM files").to_arrow_table()

    return ask


def _counted(ask: Ask, field: str) -> Task:
    """Asks for the field in time; for the whole model once, to have something to compare with."""
    ask(WHOLE)  # what is imported for it is read once
    whole = _read(ask, WHOLE)

    def run() -> Measured:
        begin = perf_counter()
        read = _read(ask, field)
        return Measured(perf_counter() - begin, {"read_mib": read, "whole_mib": whole})

    return Task(run)


def _read(ask: Ask, asked: str) -> float:
    """MiB that this process read meanwhile, from wherever they came."""
    before = _bytes()
    ask(asked)
    return round((_bytes() - before) / (1 << 20), 2)


def _bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


SYSTEMS = systems(
    lakebed, lakebed_sql, lakebed_datafusion, lakebed_datafusion_flat, lakebed_polars,
    lakebed_polars_flat, lakebed_duckdb, lakebed_duckdb_flat,
)  # fmt: skip
