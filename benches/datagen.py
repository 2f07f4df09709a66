"""Seeded data for the workloads: `python datagen.py FOLDER SCALE`.

Writes `files.parquet`, the same as `files.csv` and `files.jsonl`, `rows.parquet`, `vectors.parquet`
and `points.parquet`; needs numpy and pyarrow, downloads nothing. `DONE` comes last, so that an interrupted run is repeated and a finished one is not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FORMAT = 3  # raise it when the data change, so that old folders are not reused
SEED = 20240229
DIMENSIONS, POINT_DIMENSIONS = 512, 128
# Row counts at scale 1.
FILES, ROWS, VECTORS, POINTS = 1_000_000, 100_000, 100_000, 1_000_000
EXTENSIONS = {
    "jpg": 0.46, "png": 0.21, "jpeg": 0.09, "webp": 0.07, "json": 0.06, "txt": 0.04,
    "mp4": 0.03, "wav": 0.02, "tif": 0.01, "gz": 0.01,
}  # fmt: skip
SUBJECTS = ("cats", "dogs", "birds", "street", "indoor", "portrait", "aerial", "night")
WIDTHS = (640, 800, 1024, 1280, 1600, 1920, 2048, 3024, 4032)


def folder_name(scale: float) -> str:
    """The folder of the data of this format and scale."""
    return f"v{FORMAT}-scale-{scale:g}"


def scaled(count: int, scale: float) -> int:
    """`count` at `scale`, never so few that a top 10 is trivial."""
    return max(int(count * scale), 200)


def generate(folder: Path, scale: float) -> None:
    """Write all files of `scale` into `folder`, unless they are there."""
    done = folder / "DONE"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _write_files(folder / "files.parquet", scaled(FILES, scale))
    _write_texts(folder)
    _write_rows(folder / "rows.parquet", scaled(ROWS, scale))
    _write_vectors(folder / "vectors.parquet", scaled(VECTORS, scale))
    _write_points(folder / "points.parquet", scaled(POINTS, scale))
    done.touch()


def _write_files(target: Path, count: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(SEED)
    info = pa.StructArray.from_arrays(_measures(random, count), ["width", "height"])
    table = pa.table({"file": _file_column(random, count, {}), "info": info})
    pq.write_table(table, target, row_group_size=128 * 1024, compression="snappy")


def _write_texts(folder: Path) -> None:
    """The files as text: CSV has a column for each field, called `size`; JSON is nested."""
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "files.parquet")
    flat = table.flatten()
    names = [name.partition(".")[2] for name in flat.column_names]
    pc.write_csv(flat.rename_columns(names), folder / "files.csv")
    with open(folder / "files.jsonl", "w") as lines:
        for batch in table.to_batches():
            rows = batch.to_pylist()
            lines.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def _write_rows(target: Path, count: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(SEED + 1)
    width, height = _measures(random, count)
    files = _file_column(random, count, {"width": width, "height": height})
    pq.write_table(pa.table({"file": files}), target, compression="snappy")


def _write_vectors(target: Path, count: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(SEED + 2)
    table = pa.table({"id": pa.array(np.arange(count)), "emb": _noise(random, count, DIMENSIONS)})
    # Noise does not compress, and a dictionary of it would only cost.
    pq.write_table(table, target, row_group_size=10_000, compression="none", use_dictionary=["id"])


def _write_points(target: Path, count: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(SEED + 3)
    emb = _noise(random, count, POINT_DIMENSIONS)
    table = pa.table({"name": pa.array(_paths(random, count)), "emb": emb})
    pq.write_table(table, target, row_group_size=50_000, compression="none", use_dictionary=False)


def _noise(random, count: int, dimensions: int):
    """Vectors of float32."""
    import numpy as np
    import pyarrow as pa

    values = random.standard_normal(count * dimensions, dtype=np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(values), dimensions)


def _file_column(random, count: int, extra: dict):
    """`file{source, path, size, etag}` and the fields of `extra`."""
    import pyarrow as pa

    fields = {
        "source": pa.array(["s3://datasets-eu-west"] * count),
        "path": pa.array(_paths(random, count)),
        "size": pa.array(random.lognormal(11.5, 1.6, count).astype("int64") + 128),
        "etag": pa.array([f"{etag:016x}" for etag in random.integers(0, 2**63, count).tolist()]),
        **extra,
    }
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))


def _paths(random, count: int) -> list[str]:
    """Like `raw/night/2023-07/batch_0417/IMG_00041234_9f3.jpg`, in the order of a listing."""
    names = list(EXTENSIONS)
    kind = random.choice(len(names), count, p=list(EXTENSIONS.values())).tolist()
    tail = random.integers(0, 4096, count).tolist()
    month_of = max(count // (len(SUBJECTS) * 24), 1)
    paths = []
    for row in range(count):
        month = row // month_of
        subject = SUBJECTS[month // 24 % len(SUBJECTS)]
        date = f"{2022 + month // 12 % 2}-{month % 12 + 1:02d}"
        place = f"raw/{subject}/{date}/batch_{row // 1000:04d}"
        paths.append(f"{place}/IMG_{row:08d}_{tail[row]:03x}.{names[kind[row]]}")
    return paths


def _measures(random, count: int) -> list:
    """Widths and heights of pictures."""
    import numpy as np
    import pyarrow as pa

    width = random.choice(WIDTHS, count)
    height = (width * random.choice([0.5625, 0.75, 1.0, 1.3333], count)).astype(np.int64)
    return [pa.array(width.astype(np.int64)), pa.array(height)]


if __name__ == "__main__":
    generate(Path(sys.argv[1]), float(sys.argv[2]))
