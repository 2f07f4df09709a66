"""What an update costs: a source grows by 1 %, 0.1 % of its rows change and 0.1 % go, each day.

Makes a Parquet file for each day in a temporary folder. Each system saves it as a dataset, and then
updates what is made of that dataset, a Python function of each row, with `delta=True`; only the
update is timed. The bytes are those by which files grew meanwhile. With lakebed the source is once
written anew each day (`whole`) and once updated itself (`shared`), so that its versions share their
files. There is a table for a function that costs nothing and one for a function of about 20 µs a
row; the peer has fewer rows and days, since it takes long. Prints a line for each day and system,
relative to its first run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

GENERATE = """
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

folder, rows, days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(7)
ids, changes = np.arange(rows), np.zeros(rows, dtype="int64")
few, many = max(rows // 1000, 1), max(rows // 100, 1)
for day in range(days + 1):
    pq.write_table(pa.table({
        "path": [f"images/{id:09d}.jpg" for id in ids],
        "etag": [f"{id:x}-{change:x}" for id, change in zip(ids, changes)],
        "size": (ids * 7919 + changes) % 1048576,
    }), f"{folder}/{day}.parquet")
    left = np.ones(len(ids), dtype=bool)
    left[random.choice(len(ids), few, replace=False)] = False
    ids, changes = ids[left], changes[left]
    changes[random.choice(len(ids), few, replace=False)] += 1
    ids = np.concatenate([ids, np.arange(rows + day * many, rows + (day + 1) * many)])
    changes = np.concatenate([changes, np.zeros(many, dtype="int64")])
"""

RUN = """
import os, sys, time

system, folder, days, cost = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
if system == "datachain":
    import datachain as dc
    extra = {}
else:
    import lakebed as dc
    extra = {"delta_deleted": "drop"}

def sizes():
    files = (os.path.join(at, name) for at, _, names in os.walk(".") for name in names)
    return {file: os.path.getsize(file) for file in files}

def free(size: int) -> float:
    return size / 2

def costly(size: int) -> float:
    return size / 2 + sum(range(size % 2, 1200))

half = {"free": free, "costly": costly}[cost]

for day in range(days + 1):
    source = "raw"
    # without the column that says which file a row is of, which differs each day
    dc.read_parquet(f"{folder}/{day}.parquet", source=False).save("raw")
    if system == "shared":
        source = "files"
        dc.read_dataset("raw", delta=True, delta_on="path", **extra).save("files")
    before, began = sizes(), time.perf_counter()
    made = dc.read_dataset(source, delta=True, delta_on="path", **extra).map(half=half).save("made")
    took = time.perf_counter() - began
    grown = sum(max(size - before.get(file, 0), 0) for file, size in sizes().items())
    print(day, made.count(), took, grown, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--systems", nargs="+", default=["whole", "shared", "datachain"])
    parser.add_argument("--costs", nargs="+", default=["free", "costly"])
    parser.add_argument("--peer-rows", type=int, default=100_000)
    parser.add_argument("--peer-days", type=int, default=3)
    arguments = parser.parse_args()
    sizes = {True: (arguments.peer_rows, arguments.peer_days)}
    sizes[False] = (arguments.rows, arguments.days)
    with tempfile.TemporaryDirectory() as folder:
        for is_peer in {system == "datachain" for system in arguments.systems}:
            rows, days = sizes[is_peer]
            Path(folder, str(rows)).mkdir(exist_ok=True)
            numbers = [str(Path(folder, str(rows))), str(rows), str(days)]
            subprocess.run([own_python(), "-c", GENERATE, *numbers], check=True)
        for cost in arguments.costs:
            for system in arguments.systems:
                rows, days = sizes[system == "datachain"]
                run(system, Path(folder, str(rows)), days, cost)


def own_python() -> str:
    return os.environ.get("LAKEBED_PYTHON", sys.executable)


def run(system: str, sources: Path, days: int, cost: str) -> None:
    peers = Path(os.environ.get("LAKEBED_PEERS", Path.home() / ".cache/lakebed/peers"))
    python = str(peers / "bin/python") if system == "datachain" else own_python()
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.Popen(
            [python, "-c", RUN, system, str(sources), str(days), cost],
            env=os.environ | {"LAKEBED_ROOT": place, "DATACHAIN_ROOT_DIR": place},
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        told(f"{system}, {cost}", process.stdout)
        if process.wait() != 0:
            sys.exit(f"{system} failed")


def told(system: str, lines: object) -> None:
    first: tuple[float, float] | None = None
    for line in lines:  # type: ignore[attr-defined]
        day, rows, *figures = line.split()
        secs, written = map(float, figures)
        first = first or (secs, written)
        print(
            f"{system:17} day {day:>2}  {rows:>9} rows  {secs:8.3f} s ({secs / first[0]:7.2%})  "
            f"{written / 1e6:9.2f} MB ({written / max(first[1], 1):7.2%})",
            flush=True,
        )


if __name__ == "__main__":
    main()
