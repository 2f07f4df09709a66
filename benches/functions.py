"""What results of functions cost: bytes that are written once, and results that are found again.

    python benches/functions.py --gib 3 --rows 1000000 10000000

`bytes` maps rows to a megabyte of noise each, which does not compress, and saves them: how many bytes the root grew by, for
each that the function gave, and the peak of memory. `rerun` maps `--rows` rows by a function that costs nothing, and then, in
a new process, the same rows and one more: the seconds of the same chain without the function are taken off, so that what is
left is what it costs to find a result. Each step is a process of its own. Prints one JSON line for each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import machine

START = """
import json, sys, time
from pathlib import Path
import lakebed as dc

rows, step = int(sys.argv[1]), sys.argv[2]

def noise(id: int) -> bytes:
    import random
    return random.Random(id).randbytes(1 << 20)

def half(id: int) -> float:
    return id / 2

def done(**values):
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak, **values}))
"""
STEPS = {
    "bytes": """
began, cpu_began = time.perf_counter(), time.process_time()
dc.read_values(id=list(range(rows))).map(image=noise).save("images")
done()
""",
    # As a file, as other means of making so many rows take longer than what is measured.
    "prepare": """
import numpy as np, pyarrow as pa
began, cpu_began = time.perf_counter(), time.process_time()
for name, more in ("before", 0), ("after", 1):
    dc.read_arrow(pa.table({"id": np.arange(rows + more)})).save(name)
done()
""",
    "first": """
began, cpu_began = time.perf_counter(), time.process_time()
dc.read_dataset("before").map(half=half).save("halves")
done()
""",
    "scan": """
began, cpu_began = time.perf_counter(), time.process_time()
found = dc.read_dataset("after").mutate(half=dc.C("id") / 2).sum("half")
done(found=found)
""",
    "scan_save": """
began, cpu_began = time.perf_counter(), time.process_time()
dc.read_dataset("after").mutate(half=dc.C("id") / 2).save("computed")
done()
""",
    "rerun": """
began, cpu_began = time.perf_counter(), time.process_time()
found = dc.read_dataset("after").map(half=half).sum("half")
done(found=found)
""",
    "rerun_save": """
began, cpu_began = time.perf_counter(), time.process_time()
dc.read_dataset("after").map(half=half).save("halves")
done()
""",
}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=3, help="of noise; 0: none (default 3)")
    parser.add_argument(
        "--rows", type=int, nargs="*", default=[1_000_000], help="(default 1,000,000)"
    )
    parser.add_argument("--folder", help="on a disk with room for twice the noise")
    parser.add_argument("--python", default=os.environ.get("LAKEBED_PYTHON") or sys.executable)
    options = parser.parse_args()
    if options.gib:
        with tempfile.TemporaryDirectory(prefix="bytes-", dir=options.folder) as root:
            given = int(options.gib * 1024)
            before = used(Path(root))
            found = run("bytes", given, root, options.python)
            written = (used(Path(root)) - before) / (given << 20)
            record("bytes", given, found | {"written_per_byte": round(written, 3)})
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="rerun-", dir=options.folder) as root:
            reruns(rows, root, options.python)


def reruns(rows: int, root: str, python: str) -> None:
    """All steps on so many rows, and what a row costs that is found."""
    found = {}
    for step in ("prepare", "first", "scan", "rerun", "scan_save", "rerun_save"):
        before = used(Path(root))
        found[step] = run(step, rows, root, python)
        grown = used(Path(root)) - before
        record(step, rows, found[step] | {"grown_mib": grown >> 20})
    for step, scan in ("rerun", "scan"), ("rerun_save", "scan_save"):
        less = {
            f"{key}_micros_per_row": round((found[step][key] - found[scan][key]) / rows * 1e6, 3)
            for key in ("seconds", "cpu_seconds")
        }
        record(f"{step}_less_{scan}", rows, less)


def run(step: str, rows: int, root: str, python: str) -> dict:
    """One step in a process of its own."""
    script = Path(root, "step.py")  # functions are known by their code, and where it stands
    script.write_text(START + "\nexec(compile(sys.stdin.read(), 'step', 'exec'))\n")
    env = os.environ | {"LAKEBED_ROOT": f"{root}/lake"}
    shown = subprocess.run(
        [python, str(script), str(rows), step], input=STEPS[step], env=env, cwd=root,
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found = json.loads(shown.stdout)
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}


def used(folder: Path) -> int:
    """Bytes of disk below a folder."""
    shown = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=True)
    return int(shown.stdout.split()[0]) * 1024


def record(step: str, rows: int, found: dict) -> None:
    """A line."""
    line = {"workload": f"functions_{step}", "system": "lakebed", "rows": rows, **found}
    line |= {"commit": machine.commit(), "machine": machine.machine()}
    print(json.dumps(line), flush=True)
    print(step, rows, found, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
