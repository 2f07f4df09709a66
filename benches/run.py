"""Measures lakebed beside its peers: one JSON line per measurement on standard output.

Needs nothing but the standard library; each system runs in a process of the venv it lives in. The
systems of a workload take turns (A B A B), as a shared machine is noisy. README.md says more.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import datagen
import machine
import peers
from contestant import HERE, Contestant, Failed
from task import Case

WORKLOADS = (
    "ingest", "filter_count", "group_by_ext", "group_by_many", "distinct", "top10",
    "join", "window", "union",
    "csv_count", "csv_group", "csv_all", "jsonl_count", "jsonl_sum", "jsonl_all",
    "to_parquet", "to_csv", "to_jsonl",
    "to_pandas", "cosine_top10", "cosine_halves", "nearest_names", "import_time", "trivial_map",
    "file_map", "waiting_map", "kept_results", "map_memory", "image_loader",
    "through_scan", "through_sum", "through_path",
)  # fmt: skip
TINY = 0.002
CACHE = Path.home() / ".cache" / "lakebed"


@dataclass(frozen=True)
class Run:
    """What all workloads of one call share."""

    options: argparse.Namespace
    pythons: list[peers.Python]
    data: Path
    scratch: Path


def main() -> int:
    """Run what was asked for; 1 if a system failed or two systems disagree."""
    options = parse()
    pythons = available(options)
    if peers.OURS in (options.systems or [peers.OURS]) and not pythons[-1].has((peers.OURS,)):
        say(f"no lakebed in `{pythons[-1].path}`; hint: set LAKEBED_PYTHON or other `--systems`")
        return 2
    data = prepare_data(options, pythons)
    with tempfile.TemporaryDirectory(prefix="run-", dir=data.parent) as scratch:
        run = Run(options, pythons, data, Path(scratch))
        failures = sum([workload(name, run) for name in options.only])
    return 1 if failures else 0


def workload(name: str, run: Run) -> int:
    """Measure one workload and print its records; how much went wrong."""
    module = importlib.import_module(f"workloads.{name}")
    if module.DATA and not (run.data / "DONE").exists():
        say(f"{name}: skipped, no python with numpy and pyarrow to generate its data")
        return 0
    found = list(contestants(name, module, run))
    failures = compete(found, steps(run.options)) + disagreements(name, found)
    for contestant in found:
        if contestant.times:
            print(json.dumps(described(contestant, module, run.options)), flush=True)
    return failures


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="WORKLOAD"
    )
    parser.add_argument("--systems", nargs="+", help="such as `lakebed duckdb numpy`; default all")
    parser.add_argument("--runs", type=int, default=5, help="runs after the warm-up (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the data (default 1.0)")
    parser.add_argument("--tiny", action="store_true", help="a quick look that everything works")
    parser.add_argument(
        "--cold", action="store_true", help="each run in a new process, from the disk"
    )
    parser.add_argument("--skip-slow", action="store_true", help="leave out datachain")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one run")
    options = parser.parse_args()
    if options.tiny:
        options.scale, options.runs = TINY, 1
    return options


def available(options: argparse.Namespace) -> list[peers.Python]:
    """The interpreters, peers' first. `--tiny` installs nothing and takes only given peers."""
    folder = os.environ.get("LAKEBED_PEERS")
    if options.tiny and not folder:
        return [peers.ours()]
    return [peers.theirs(Path(folder or CACHE / "peers")), peers.ours()]


def prepare_data(options: argparse.Namespace, pythons: list[peers.Python]) -> Path:
    """The folder of the data, generated if missing and possible."""
    root = Path(os.environ.get("LAKEBED_BENCH_DATA") or CACHE / "bench")
    folder = root / datagen.folder_name(options.scale)
    folder.mkdir(parents=True, exist_ok=True)
    python = next((each for each in pythons if each.has(("numpy", "pyarrow"))), None)
    if python and not (folder / "DONE").exists():
        say(f"generating data into `{folder}`, once")
        command = [python.path, str(HERE / "datagen.py"), str(folder), str(options.scale)]
        subprocess.run(command, check=True)
    return folder


def contestants(name: str, module: ModuleType, run: Run) -> Iterator[Contestant]:
    """The systems of a workload that were asked for and can run; says why others cannot."""
    extra = getattr(module, "NEEDS", ())
    for system in module.SYSTEMS:
        base = peers.base(system)
        if run.options.systems and not {system, base} & set(run.options.systems):
            continue
        if run.options.skip_slow and base == "datachain":
            say(f"{name}: {system}: skipped as slow")
            continue
        python = peers.choose(system, extra, run.pythons)
        if python is None:
            say(f"{name}: {system}: skipped, needs {', '.join(peers.needs(system) + extra)}")
            continue
        case = Case(run.data, home(base, python, run), run.scratch / name / system)
        yield Contestant(name, system, python, case, run.options.timeout)


def home(base: str, python: peers.Python, run: Run) -> Path:
    """Ours starts afresh in each run; what a peer prepared is kept, as some take minutes."""
    if base == peers.OURS:
        return run.scratch / base
    version = python.versions.get(base, "any")
    return run.data.parent / "homes" / run.data.name / f"{base}-{version}"


def steps(options: argparse.Namespace) -> tuple[str, ...]:
    """What each system of a workload does, one after the other."""
    if options.cold:
        return ("take_cold_turn",) * options.runs
    return ("start", "warm_up", *["take_turn"] * options.runs)


def compete(found: list[Contestant], planned: tuple[str, ...]) -> int:
    """Let all prepare, warm up, and then take turns; how many failed."""
    running = list(found)

    def each(step: str) -> None:
        for contestant in list(running):
            try:
                getattr(contestant, step)()
            except Failed as failure:
                running.remove(contestant)
                contestant.times.clear()
                say(f"{contestant.workload}: {contestant.system}: FAILED: {failure}")

    try:
        for step in planned:
            each(step)
    finally:
        for contestant in found:
            contestant.stop()
    for contestant in running:
        best = contestant.record()["seconds"]["min"]
        say(f"{contestant.workload}: {contestant.system}: {best * 1000:.1f} ms")
    return len(found) - len(running)


def disagreements(name: str, found: list[Contestant]) -> int:
    """1 if the systems did not all find the same, and says who found what."""
    answers: dict[str, list[str]] = {}
    for contestant in found:
        if contestant.times and contestant.check is not None:
            answers.setdefault(json.dumps(contestant.check), []).append(contestant.system)
    if len(answers) < 2:
        return 0
    for answer, systems in answers.items():
        say(f"{name}: MISMATCH: {', '.join(systems)} found {answer[:300]}")
    return 1


def described(contestant: Contestant, module: ModuleType, options: argparse.Namespace) -> dict:
    """The whole JSON line."""
    counts = {
        "files": datagen.FILES, "rows": datagen.ROWS,
        "vectors": datagen.VECTORS, "points": datagen.POINTS,
    }  # fmt: skip
    modules = ("python", *peers.needs(contestant.system), *getattr(module, "NEEDS", ()))
    return contestant.record() | {
        "rows": datagen.scaled(counts[module.DATA], options.scale) if module.DATA else None,
        "scale": options.scale,
        "cold": options.cold,
        "machine": machine.machine(),
        "commit": machine.commit(),
        "versions": {name: contestant.python.versions[name] for name in modules},
    }


def say(line: str) -> None:
    """Tell the person who waits, apart from the records."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
