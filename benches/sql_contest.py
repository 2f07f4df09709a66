"""`compete`: SQL queries over the same tables in several systems, for `tpch.py` and `clickbench.py`.

Each system has one process, which keeps the tables in its own form; for each query the processes take turns (A B A B).
Prints one JSON line for each query and system, and a table of ratios on standard error. All systems have to find the same
rows. The peak is that of the system's process during the query.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import machine
import peers

CACHE = Path.home() / ".cache" / "lakebed"
OURS = "lakebed"
SYSTEMS = ("lakebed", "datafusion_parquet", "duckdb_table", "duckdb_parquet")
# A run longer than this is not repeated.
ONCE_IS_ENOUGH = 10.0


@dataclass(frozen=True)
class Contest:
    """What is asked of all."""

    name: str
    data: Path
    """The folder of the Parquet files."""

    tables: tuple[str, ...]
    queries: dict[int, str]
    size: dict[str, float]
    """Of the data, for the records."""

    unordered: tuple[int, ...] = ()
    """Queries that may find any rows, of which only the number is compared."""


def parser(description: str, queries: dict[int, str]) -> argparse.ArgumentParser:
    """The options that all contests have."""
    made = argparse.ArgumentParser(description=description.splitlines()[0])
    made.add_argument("--queries", nargs="+", type=int, choices=queries, default=list(queries),
                      metavar="N")  # fmt: skip
    made.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS, metavar="SYSTEM")
    made.add_argument("--runs", type=int, default=3, help="after the warm-up (default 3)")
    made.add_argument("--memory", help="a ceiling for lakebed and DuckDB, such as 4GiB")
    made.add_argument("--timeout", type=float, default=600, help="seconds for one run")
    made.add_argument("--keep", action="store_true", help="keep the systems' own forms of the data")
    made.add_argument("--tiny", action="store_true", help="a look that everything works")
    return made


def pythons(*, tiny: bool) -> list[peers.Python]:
    """The interpreters, ours last. `--tiny` installs nothing and takes only given peers."""
    folder = os.environ.get("LAKEBED_PEERS")
    if tiny and not folder:
        return [peers.ours()]
    return [peers.theirs(Path(folder or CACHE / "peers")), peers.ours()]


def data_folder(name: str) -> Path:
    """Where the data of this name are kept."""
    return Path(os.environ.get("LAKEBED_BENCH_DATA") or CACHE / "bench") / name


def compete(contest: Contest, interpreters: list[peers.Python], options: argparse.Namespace) -> int:
    """Measure; how many systems failed or found other rows."""
    found: list[System] = []
    for name in options.systems:
        python = peers.choose(name, (), interpreters)
        if python is None:
            say(f"{name}: skipped, needs {', '.join(peers.needs(name))}")
            continue
        found.append(System(name, python.path, python.versions.get(peers.base(name))))
    failures = 0
    try:
        for system in found:
            system.start(contest, options)
        for number in options.queries:
            failures += measured(number, contest, found, options)
    finally:
        for system in found:
            system.stop()
        if not options.keep:
            shutil.rmtree(contest.data / "homes", ignore_errors=True)
    summary(found)
    return failures


@dataclass
class Times:
    """What one query took."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_mib: int = 0


@dataclass
class System:
    """A system, its process and its times."""

    name: str
    python: str
    version: str | None
    timeout: float = 0
    process: subprocess.Popen | None = None
    times: dict[int, Times] = field(default_factory=dict)

    def start(self, contest: Contest, options: argparse.Namespace) -> None:
        """Start the process and wait until its tables are there."""
        self.timeout = options.timeout
        home = contest.data / "homes" / self.name
        home.mkdir(parents=True, exist_ok=True)
        env = os.environ | {"LAKEBED_ROOT": str(home), "LAKEBED_IGNORE_CHECKPOINTS": "1"}
        if options.memory:
            env["LAKEBED_MEMORY"] = options.memory
        with open(home / "stderr", "wb") as log:
            self.process = subprocess.Popen(
                [self.python, str(Path(__file__).with_name("sql_system.py")), self.name,
                 str(contest.data), str(home), options.memory or "", *contest.tables],
                env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        size = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
        say(f"{self.name}: ready after {answer['seconds']:.1f} s, {size >> 20} MiB of its own")

    def ask(self, query: str) -> dict:
        """Run a query once."""
        with contextlib.suppress(BrokenPipeError):  # that there is no answer is said below
            self.process.stdin.write(json.dumps(query) + "\n")
            self.process.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.wait(timeout=60)

    def _answer(self) -> dict:
        watchdog = threading.Timer(self.timeout, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        return json.loads(line) if line else {"error": "its process ended, or took too long"}


def measured(
    number: int, contest: Contest, systems: list[System], options: argparse.Namespace
) -> int:
    """One query on all systems; how much went wrong."""
    failures, running = 0, list(systems)
    rows: dict[str, list] = {}
    for turn in range(options.runs + 1):
        for system in list(running):
            times = system.times.setdefault(number, Times())
            if turn > 0 and times.seconds and times.seconds[-1] > ONCE_IS_ENOUGH:
                continue
            answer = system.ask(contest.queries[number])
            if "error" in answer:
                say(f"q{number}: {system.name} failed: {answer['error']}")
                running.remove(system)
                failures += 1
                continue
            rows[system.name] = answer["rows"]
            if turn > 0 or answer["seconds"] > ONCE_IS_ENOUGH:
                times.seconds.append(answer["seconds"])
                times.cpu.append(answer["cpu"])
                times.peak_mib = max(times.peak_mib, answer["peak_mib"])
    for system in running:
        times = system.times[number]
        print(json.dumps({
            "workload": f"{contest.name}_q{number}", "system": system.name,
            "seconds": {"min": min(times.seconds)}, "cpu_seconds": min(times.cpu),
            "peak_mib": times.peak_mib, "runs": len(times.seconds), "rows": len(rows[system.name]),
            **contest.size, "version": system.version, "commit": machine.commit(),
            "machine": machine.machine(),
        }), flush=True)  # fmt: skip
    if number in contest.unordered:
        rows = {name: [[len(found)]] for name, found in rows.items()}
    first = next(iter(rows.values()), [])
    for name, found in rows.items():
        difference = differs(found, first)
        if difference:
            say(f"q{number}: {name} found other rows: {difference}")
            failures += 1
    return failures


def differs(ours: list, theirs: list) -> str | None:
    """Where two results differ: numbers may in their last digits, as sums of floats do, and ties in their order."""
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, not {len(theirs)}"
    in_order = differing_row(ours, theirs)
    return in_order and differing_row(sorted(ours, key=roughly), sorted(theirs, key=roughly))


def roughly(row: list) -> list[str]:
    """A key that numbers have in common when they differ in their last digits."""
    return [f"{value:.6g}" if isinstance(value, float) else str(value) for value in row]


def differing_row(ours: list, theirs: list) -> str | None:
    """The first row that differs."""
    for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if len(one) != len(other) or not all(map(is_same, one, other)):
            return f"row {at}: {one}, not {other}"
    return None


def is_same(one: object, other: object) -> bool:
    """Whether two values are one as far as decimals and floats can tell."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        # One system rounds an average to six digits, another does not.
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-4)
    return one == other


def summary(systems: list[System]) -> None:
    """A table: seconds and CPU of lakebed, and the same of the others as multiples of it."""
    ours = next((system for system in systems if system.name == OURS), None)
    others = [system for system in systems if system is not ours]
    if ours is None or not others:
        return
    heads = "".join(f"{system.name:>28}" for system in others)
    say(f"lakebed ÷ other, time (CPU){heads}     peak MiB")
    ratios: dict[str, list[tuple[float, float]]] = {system.name: [] for system in others}
    for number, times in ours.times.items():
        if not times.seconds:
            continue
        shown = f"q{number:<3} {min(times.seconds):7.3f} s ({min(times.cpu):7.3f})    "
        for other in others:
            theirs = other.times.get(number, Times())
            if not theirs.seconds:
                shown += f"{'-':>28}"
                continue
            ratio = min(times.seconds) / min(theirs.seconds), min(times.cpu) / min(theirs.cpu)
            ratios[other.name].append(ratio)
            shown += f"{ratio[0]:19.2f} ({ratio[1]:5.2f}) "
        peaks = [system.times.get(number, Times()).peak_mib for system in (ours, *others)]
        say(f"{shown}     {' '.join(map(str, peaks))}")
    means = ""
    for pairs in ratios.values():
        time, cpu = (mean([pair[at] for pair in pairs]) for at in (0, 1))
        means += f"{time:19.2f} ({cpu:5.2f}) "
    say(f"{'geometric mean':27}{means}")


def mean(values: list[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def say(text: str) -> None:
    """Progress, beside the records."""
    print(text, file=sys.stderr, flush=True)
