"""More rows than fit into memory: how long each step takes, and how much memory and disk it needs.

Makes a Parquet file of `--gib` in a temporary folder, lets lakebed and DuckDB sort, group, merge
and deduplicate it under the same limit, each step in a process of its own, and prints a table;
`unlimited` is lakebed without a limit. All have to find as many rows and the same sum of a column.
The peak is of all processes of a step together, looked at ten times a second; CPU is of the step's own process and those
that it waited for.

`--in-place` needs room for twice the data instead of five times: the Parquet files are read where
they lie, and results are summed up as they stream by instead of being saved.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

GENERATE = """
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

folder, rows, piece = sys.argv[1], int(sys.argv[2]), 1 << 18
random = np.random.default_rng(7)

def text(count, width):
    data = random.integers(97, 123, count * width, dtype=np.uint8)
    offsets = np.arange(0, count * width + 1, width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))

def table(ids, at):
    count = len(ids)
    size = pa.array(random.integers(0, 1 << 20, count))
    file = pa.StructArray.from_arrays([text(count, 100), size], ["path", "size"])
    skewed = np.where(random.random(count) < 0.2, 0, ids)
    return pa.table({"id": ids, "key": ids // 3, "skewed": skewed, "file": file})

def other(ids, at):
    return pa.table({"other": ids, "label": text(len(ids), 60)})

for name, make in ("rows", table), ("other", other):
    ids = random.permutation(rows)
    writer = None
    for at in range(0, rows, piece):
        made = make(ids[at:at + piece], at)
        writer = writer or pq.ParquetWriter(f"{folder}/{name}.parquet", made.schema)
        writer.write_table(made)
    writer.close()
"""

STREAM = """
import pyarrow as pa, pyarrow.compute as pc
def total(batches):
    count = value = 0
    for batch in batches:
        table = pa.Table.from_batches([batch]).flatten()
        count, value = count + len(batch), value + (pc.sum(table[summed]).as_py() or 0)
    print(count, value)
"""

LAKEBED_START = """
import lakebed as dc
from lakebed import C, func
if in_place:
    rows = lambda: dc.read_parquet(f"{folder}/rows.parquet", source=False)
    other = lambda: dc.read_parquet(f"{folder}/other.parquet", source=False)
    dc.DataChain.save = lambda chain, _: total(pa.RecordBatchReader.from_stream(chain))
else:
    rows = lambda: dc.read_dataset("rows")
    other = lambda: dc.read_dataset("other")
"""
LAKEBED = {
    "ingest": "for name in 'rows', 'other':"
    " dc.read_parquet(f'{folder}/{name}.parquet', source=False).save(name)",
    "sort": "rows().order_by('file.path').save(step)",
    "group_by": "rows().group_by(n=func.count(), size=func.sum('file.size'), "
    "partition_by='key').save(step)",
    "group_by_text": "rows().group_by(n=func.count(), size=func.sum('file.size'), "
    "partition_by='file.path').save(step)",
    "merge": "rows().merge(other(), on='id', right_on='other', inner=True).save(step)",
    "merge_skewed": "other().merge(rows(), on='other', right_on='skewed', inner=True).save(step)",
    "distinct": "rows().distinct('key').save(step)",
    "window": "w = func.window(partition_by='key', order_by='id')\n"
    "rows().mutate(first=func.first('id').over(w)).save(step)",
}
LAKEBED_END = """
if step != "ingest" and not in_place:
    saved = dc.read_dataset(step)
    print(saved.count(), int(saved.sum(summed)))
"""

DUCKDB_START = """
import duckdb
db = duckdb.connect(f"{folder}/home/data.duckdb", config={"memory_limit": limit})
db.execute("SET enable_progress_bar = false")
db.execute(f"SET temp_directory = '{folder}/home/spill'")
if spill:
    db.execute(f"SET max_temp_directory_size = '{spill}GiB'")
if in_place:
    for name in "rows", "other":
        db.execute(f"CREATE OR REPLACE VIEW {name} AS FROM '{folder}/{name}.parquet'")
def out(query):
    if in_place:
        return total(db.sql(query).to_arrow_reader(1 << 16))  # `execute` would hold all rows
    db.execute(f"COPY ({query}) TO '{folder}/home/out.parquet'")
"""
DUCKDB = {
    "ingest": "for name in 'rows', 'other':"
    " db.execute(f\"CREATE TABLE {name} AS FROM '{folder}/{name}.parquet'\")",
    "sort": "out('FROM rows ORDER BY file.path')",
    "group_by": "out('SELECT key, count(*) n, sum(file.size) size FROM rows GROUP BY key')",
    "group_by_text": "out('SELECT file.path path, count(*) n, sum(file.size) size "
    "FROM rows GROUP BY ALL')",
    "merge": "out('FROM rows JOIN other ON id = other')",
    "merge_skewed": "out('FROM other JOIN rows ON other = skewed')",
    "distinct": "out('SELECT DISTINCT ON (key) * FROM rows')",
    "window": "out('SELECT *, first_value(id) OVER (PARTITION BY key ORDER BY id) AS first FROM rows')",
}
DUCKDB_END = """
if step != "ingest" and not in_place:
    query = f"SELECT count(*), sum({summed}) FROM '{folder}/home/out.parquet'"
    print(*map(int, db.execute(query).fetchone()))
"""

# The column whose sum is compared.
SUMMED = {
    "sort": "file.size",
    "group_by": "size",
    "group_by_text": "size",
    "merge": "file.size",
    "merge_skewed": "file.size",
    "distinct": "key",
    "window": "first",
}


@dataclass
class Outcome:
    """What was seen of one step."""

    seconds: float
    cpu_seconds: float
    peak_mib: int
    disk_mib: int
    rows: str


def main() -> int:
    """Run all steps; 1 if one failed or two systems found other rows."""
    options = parse()
    folder = Path(tempfile.mkdtemp(prefix="larger-", dir=options.folder))
    try:
        rows = int(options.gib * (1 << 30) / 135)
        generate = [options.peers, "-c", GENERATE, str(folder), str(rows)]
        subprocess.run(generate, check=True)
        size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
        print(f"{rows} rows, {size >> 20} MiB of Parquet, limit {options.memory} MiB")
        systems = {
            "lakebed": (options.python, LAKEBED_START, LAKEBED, LAKEBED_END),
            "unlimited": (options.python, LAKEBED_START, LAKEBED, LAKEBED_END),
            "duckdb": (options.peers, DUCKDB_START, DUCKDB, DUCKDB_END),
        }
        found: dict[tuple[str, str], Outcome] = {}
        for system in options.systems:
            (folder / "home").mkdir()
            for step in options.steps if options.in_place else ("ingest", *options.steps):
                python, *code = systems[system]
                found[system, step] = outcome = run(system, step, python, code, folder, options)
                print(f"{step:14} {system:8} {outcome.seconds:8.1f} s "
                      f"{outcome.cpu_seconds:8.1f} s of CPU {outcome.peak_mib:6} MiB {outcome.disk_mib:7} MiB of disk  {outcome.rows}",
                      flush=True)  # fmt: skip
            shutil.rmtree(folder / "home")
        same = all(len({found[s, t].rows for s in options.systems}) == 1 for t in options.steps)
    finally:
        shutil.rmtree(folder)
    return 0 if same and "failed" not in str(found) else 1


def parse() -> argparse.Namespace:
    """The command line."""
    peers = os.environ.get("LAKEBED_PEERS") or Path.home() / ".cache" / "lakebed" / "peers"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=3, help="of Parquet (default 3)")
    parser.add_argument("--memory", type=int, default=1024, help="MiB (default 1024)")
    parser.add_argument("--systems", nargs="+", default=["lakebed", "duckdb"])
    parser.add_argument(
        "--steps", nargs="+", default=[step for step in LAKEBED if step != "ingest"]
    )
    parser.add_argument("--folder", help="on a disk with room for five times the data")
    parser.add_argument("--spill", type=float, help="GiB that DuckDB may write for a step")
    parser.add_argument("--in-place", action="store_true", help="neither ingest nor save")
    parser.add_argument("--python", default=os.environ.get("LAKEBED_PYTHON") or sys.executable)
    parser.add_argument("--peers", default=str(Path(peers) / "bin" / "python"))
    return parser.parse_args()


def run(system: str, step: str, python: str, code: list, folder: Path, options) -> Outcome:
    """One step in a process of its own."""
    start, steps, end = code
    limit = f"{options.memory}MiB"
    values = str(folder), step, limit, SUMMED.get(step), options.in_place, options.spill
    given = f"folder, step, limit, summed, in_place, spill = {values!r}\n" + STREAM
    home = folder / "home"
    env = os.environ | {
        "LAKEBED_ROOT": str(home / "lake"),
        "LAKEBED_IGNORE_CHECKPOINTS": "1",
    }
    if system == "lakebed":
        env["LAKEBED_MEMORY"] = limit
    before, began = used(home), time.perf_counter()
    child = subprocess.Popen(
        [python, "-c", given + start + steps[step] + end],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=env,
    )  # fmt: skip
    peak = disk = 0
    while (ended := os.wait4(child.pid, os.WNOHANG))[0] == 0:
        peak, disk = max(peak, resident(child.pid)), max(disk, used(home))
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(ended[1])
    cpu = ended[2].ru_utime + ended[2].ru_stime
    said, error = child.communicate()
    rows = said.strip()
    if child.returncode:
        rows = f"failed {child.returncode}: {error.strip().splitlines()[-1:]}"
    clean(home)
    return Outcome(seconds, cpu, peak >> 20, (disk - before) >> 20, rows)


def resident(pid: int) -> int:
    """Bytes of a process and those that it started."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident(int(child)) for child in children)


def used(folder: Path) -> int:
    """Bytes of disk below a folder."""
    shown = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=False)
    return int((shown.stdout.split() or ["0"])[0]) * 1024


def clean(home: Path) -> None:
    """What a step saved goes before the next."""
    (home / "out.parquet").unlink(missing_ok=True)
    for dataset in home.glob("lake/data/*/*/*"):
        if dataset.stem not in ("rows", "other"):
            shutil.rmtree(dataset)
    shutil.rmtree(home / "spill", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
