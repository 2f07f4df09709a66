"""TPC-H: lakebed's datasets beside DuckDB's own tables, DuckDB and `datafusion` on Parquet.

    python benches/tpch.py --scale 1 > tpch.jsonl

Makes the tables with `tpchgen-cli`, once, and saves them in each system's own form, untimed. Each system has one process;
for each query the processes take turns (A B A B). Prints one JSON line for each query and system, and a table of ratios on
standard error. All systems have to find the same rows. The peak is that of the system's process during the query.
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
from tpch_queries import QUERIES

CACHE = Path.home() / ".cache" / "lakebed"
OURS = "lakebed"
SYSTEMS = ("lakebed", "datafusion_parquet", "duckdb_table", "duckdb_parquet")
TINY = 0.01
# A run longer than this is not repeated.
ONCE_IS_ENOUGH = 10.0


def main() -> int:
    """Measure; 1 if a system failed or two found other rows, 2 if there is nothing to measure with."""
    options = parse()
    folder = Path(os.environ.get("LAKEBED_PEERS") or CACHE / "peers")
    pythons = [peers.theirs(folder), peers.ours()]
    data = Path(os.environ.get("LAKEBED_BENCH_DATA") or CACHE / "bench") / f"tpch-{options.scale:g}"
    if not generated(data, options.scale, folder):
        say(f"no data in `{data}`; hint: pip install tpchgen-cli into `{folder}`")
        return 2
    found: list[System] = []
    for name in options.systems:
        python = peers.choose(name, (), pythons)
        if python is None:
            say(f"{name}: skipped, needs {', '.join(peers.needs(name))}")
            continue
        found.append(System(name, python.path, python.versions.get(peers.base(name))))
    failures = 0
    try:
        for system in found:
            system.start(data, options)
        for number in options.queries:
            failures += measured(number, found, options)
    finally:
        for system in found:
            system.stop()
        if not options.keep:
            shutil.rmtree(data / "homes", ignore_errors=True)
    summary(found)
    return 1 if failures else 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="the scale factor (default 1)")
    parser.add_argument("--queries", nargs="+", type=int, choices=QUERIES, default=list(QUERIES),
                        metavar="N")  # fmt: skip
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS, metavar="SYSTEM")
    parser.add_argument("--runs", type=int, default=3, help="after the warm-up (default 3)")
    parser.add_argument("--memory", help="a ceiling for lakebed and DuckDB, such as 4GiB")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one run")
    parser.add_argument(
        "--keep", action="store_true", help="keep the systems' own forms of the data"
    )
    parser.add_argument("--tiny", action="store_true", help="a look that everything works")
    options = parser.parse_args()
    if options.tiny:
        options.scale, options.runs = TINY, 1
    return options


def generated(data: Path, scale: float, peers_folder: Path) -> bool:
    """Whether there are Parquet files of all tables, made now if need be."""
    done = data / "DONE"
    generator = peers_folder / "bin" / "tpchgen-cli"
    if not done.exists() and generator.exists():
        say(f"generating TPC-H {scale:g} into `{data}`, once")
        data.mkdir(parents=True, exist_ok=True)
        command = [str(generator), "parquet", "-s", f"{scale:g}", "--quiet", "--overwrite"]
        subprocess.run(command, cwd=data, check=True)
        done.touch()
    return done.exists()


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

    def start(self, data: Path, options: argparse.Namespace) -> None:
        """Start the process and wait until its tables are there."""
        self.timeout = options.timeout
        home = data / "homes" / self.name
        home.mkdir(parents=True, exist_ok=True)
        env = os.environ | {"LAKEBED_ROOT": str(home), "LAKEBED_IGNORE_CHECKPOINTS": "1"}
        if options.memory:
            env["LAKEBED_MEMORY"] = options.memory
        with open(home / "stderr", "wb") as log:
            self.process = subprocess.Popen(
                [self.python, str(Path(__file__).with_name("tpch_system.py")), self.name,
                 str(data), str(home), options.memory or ""],
                env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        say(f"{self.name}: ready after {self._answer()['seconds']:.1f} s")

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


def measured(number: int, systems: list[System], options: argparse.Namespace) -> int:
    """One query on all systems; how much went wrong."""
    query = QUERIES[number].format(fraction=f"{0.0001 / options.scale:.12f}".rstrip("0"))
    failures, running = 0, list(systems)
    rows: dict[str, list] = {}
    for turn in range(options.runs + 1):
        for system in list(running):
            times = system.times.setdefault(number, Times())
            if turn > 0 and times.seconds and times.seconds[-1] > ONCE_IS_ENOUGH:
                continue
            answer = system.ask(query)
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
            "workload": f"tpch_q{number}", "system": system.name,
            "seconds": {"min": min(times.seconds)}, "cpu_seconds": min(times.cpu),
            "peak_mib": times.peak_mib, "runs": len(times.seconds), "rows": len(rows[system.name]),
            "scale": options.scale, "version": system.version, "commit": machine.commit(),
            "machine": machine.machine(),
        }), flush=True)  # fmt: skip
    first = next(iter(rows.values()))
    for name, found in rows.items():
        difference = differs(found, first)
        if difference:
            say(f"q{number}: {name} found other rows: {difference}")
            failures += 1
    return failures


def differs(ours: list, theirs: list) -> str | None:
    """Where two results differ: numbers may in their last digits, as sums of floats do."""
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, not {len(theirs)}"
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


if __name__ == "__main__":
    sys.exit(main())
