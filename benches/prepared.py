"""The form in which each system keeps the data between runs; made untimed, once per home."""

from __future__ import annotations

from pathlib import Path

import datagen
from task import Case

FLAT_FILES = (
    "file.source AS source, file.path AS path, file.size AS size, file.etag AS etag, "
    "info.width AS width, info.height AS height"
)


def lakebed_dataset(case: Case, name: str):
    """A lakebed dataset of the Parquet file `name`."""
    import lakebed as dc

    parquet = str(case.data / f"{name}.parquet")
    case.once(name, lambda: dc.read_parquet(parquet, source=False).save(name))
    return dc.read_dataset(name)


def datachain_dataset(case: Case, name: str):
    """The same, by the peer."""
    import datachain as dc

    parquet = str(case.data / f"{name}.parquet")
    case.once(name, lambda: dc.read_parquet(parquet, source=False).save(name))
    return dc.read_dataset(name)


def duckdb_table(case: Case, name: str):
    """A connection to a DuckDB file whose table `name` has the columns of the Parquet file."""
    import duckdb

    file = str(case.home / f"{name}.duckdb")
    parquet = str(case.data / f"{name}.parquet")

    def make() -> None:
        # DuckDB reads a fixed-size list from Parquet as a list; its vector functions want an array.
        length = {"vectors": datagen.DIMENSIONS, "points": datagen.POINT_DIMENSIONS}.get(name)
        columns = f"* REPLACE (emb::FLOAT[{length}] AS emb)" if length else "*"
        with duckdb.connect(file) as connection:
            connection.execute(
                f"CREATE OR REPLACE TABLE {name} AS SELECT {columns} FROM '{parquet}'"
            )

    case.once(name, make)
    return duckdb.connect(file, read_only=True)


def duckdb_first(case: Case, query: str, *, table: bool):
    """The first row of a query on `{}`, which stands for DuckDB's table `files` or the Parquet file."""
    import duckdb

    if table:
        connection = duckdb_table(case, "files")
        return lambda: connection.execute(query.replace("{}", "files")).fetchone()
    return lambda: duckdb.execute(query.replace("{}", f"'{case.files}'")).fetchone()


def lance_dataset(case: Case, name: str):
    """A Lance dataset written straight from the Parquet file."""
    import lance
    import pyarrow.parquet as pq

    uri = str(case.home / f"{name}.lance")
    parquet = case.data / f"{name}.parquet"
    case.once(name, lambda: lance.write_dataset(pq.read_table(parquet), uri, mode="overwrite"))
    return lance.dataset(uri)


def images(case: Case, count: int) -> Path:
    """A folder of JPEG files, made once for all systems."""
    folder = case.data / f"images-{count}"
    if (folder / "DONE").exists():
        return folder
    import numpy as np
    from PIL import Image

    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(datagen.SEED)
    for number in range(count):
        coarse = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((256, 256), Image.Resampling.BILINEAR)
        image.save(folder / f"{number:05d}.jpg", quality=90)
    (folder / "DONE").touch()
    return folder
