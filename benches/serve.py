"""How long `lakebed serve` takes to answer, beside PostgreSQL, and what many clients do to its memory.

    python benches/serve.py --rows 1000000 --clients 50 --seconds 60

Both have the same rows: `lakebed serve` in a dataset, PostgreSQL in a table, once with an index on the key that is searched
and once without. One client asks for one row and for a sum by groups, in turn. Then `--clients` clients ask for
`--seconds`: all for one row, all for the sum, and ten times for one row before each sum. Prints one JSON line for each.
A server's memory is what its processes hold together, shared pages counted once, looked at every half second.

Needs lakebed, psycopg, pandas, and the binaries of PostgreSQL, whose `pgbench` is the clients; as root there has to be a
user `postgres`. PostgreSQL is started on the loopback with its defaults in a temporary folder, and ended.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import psycopg

POINT = "SELECT word FROM items WHERE id = {}"
GROUPS = "SELECT kind, count(*), sum(size) FROM items GROUP BY kind"
# What each of the clients asks for: how often for one row, and how often for the sum.
LOADS = {"point": (1, 0), "groups": (0, 1), "mixed": (10, 1)}

SAVE = """
import sys
import numpy as np
import pandas as pd
import lakebed as dc
id = np.arange(int(sys.argv[1]))
frame = pd.DataFrame(dict(id=id, kind=id % 100, size=(id * 7919) % 10_007))
frame["word"] = "word " + frame["id"].astype(str)
dc.read_pandas(frame).save("items")
"""

FILL = """
CREATE TABLE items AS SELECT id, id % 100 AS kind, (id * 7919) % 10007 AS size, 'word ' || id AS word
FROM generate_series(0, {rows}::bigint - 1) AS id;
"""
INDEX = "CREATE INDEX ON items (id)"


@dataclass(frozen=True)
class Server:
    """One that answers."""

    uri: str
    pid: int


def main() -> int:
    """Ask all; 1 if a statement failed, 2 if there are no clients."""
    options = parse()
    binaries = postgres_binaries()
    if binaries is None:
        say("no PostgreSQL, and so no clients; hint: apt-get install postgresql")
        return 2
    clients = Clients(binaries / "pgbench", options)
    with tempfile.TemporaryDirectory() as folder, lakebed(Path(folder), options.rows) as server:
        clients.ask("lakebed", server)
    with postgresql(binaries, options.rows) as server:
        clients.ask("postgresql_no_index", server)
        with psycopg.connect(server.uri, autocommit=True) as connection:
            connection.execute(INDEX)
            connection.execute("ANALYZE items")
        clients.ask("postgresql", server)
    return 1 if clients.errors else 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=200, help="that one client alone asks")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60, help="of each load")
    parser.add_argument("--loads", nargs="*", choices=LOADS, default=list(LOADS))
    return parser.parse_args()


def postgres_binaries() -> Path | None:
    """Where `postgres` and `pgbench` are."""
    on_path = shutil.which("postgres")
    places = [Path(on_path).resolve().parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pgbench").exists()), None)


@contextmanager
def lakebed(root: Path, rows: int) -> Iterator[Server]:
    """`lakebed serve` over a dataset."""
    python = os.environ.get("LAKEBED_PYTHON") or sys.executable
    env = {**os.environ, "LAKEBED_ROOT": str(root)}
    subprocess.run([python, "-c", SAVE, str(rows)], env=env, check=True)
    command = [python, "-m", "lakebed.cli", "serve", "--postgres", "127.0.0.1:0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield Server(server.stdout.readline().removeprefix("postgres: ").strip(), server.pid)
        finally:
            server.terminate()


@contextmanager
def postgresql(binaries: Path, rows: int) -> Iterator[Server]:
    """PostgreSQL over a table without an index. It refuses to run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user:
        shutil.chown(folder, user)
    data, port = str(folder / "data"), free_port()
    make = [str(binaries / "initdb"), "-D", data, "-U", "bench", "--auth=trust", "--no-sync"]
    run = [str(binaries / "postgres"), "-D", data, "-p", str(port), "-k", str(folder)]
    quiet: dict[str, Any] = {
        "user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
    }  # fmt: skip
    try:
        subprocess.run(make, check=True, **quiet)
        with subprocess.Popen([*run, "-c", "listen_addresses=127.0.0.1"], **quiet) as server:
            try:
                uri = f"postgresql://bench@127.0.0.1:{port}/postgres"
                with psycopg.connect(until_there(uri), autocommit=True) as connection:
                    connection.execute(FILL.format(rows=rows))
                    connection.execute("VACUUM ANALYZE items")
                yield Server(uri, server.pid)
            finally:
                server.send_signal(signal.SIGINT)
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_there(uri: str) -> str:
    """`uri`, once its server answers."""
    for _ in range(100):
        try:
            psycopg.connect(uri).close()
            break
        except psycopg.OperationalError:
            time.sleep(0.1)
    return uri


class Clients:
    """Those who ask, and what went wrong."""

    def __init__(self, pgbench: Path, options: argparse.Namespace) -> None:
        self.pgbench, self.options, self.errors = pgbench, options, 0

    def ask(self, system: str, server: Server) -> None:
        """One client alone, then many."""
        for kind, times in self.alone(server.uri).items():
            self.record(system, kind, 1, {kind: times}, sum(times) / 1000, 0, memory(server.pid))
        for load in self.options.loads:
            self.record(system, load, self.options.clients, *self.crowd(server, load))

    def alone(self, uri: str) -> dict[str, list[float]]:
        """Milliseconds of each kind of statement."""
        found: dict[str, list[float]] = {"point": [], "groups": []}
        with psycopg.connect(uri, autocommit=True) as connection:
            for number in range(self.options.times):
                key = (number * 104_729) % self.options.rows
                for kind, statement in (("point", POINT.format("%s")), ("groups", GROUPS)):
                    began = time.perf_counter()
                    connection.execute(statement, (key,) if kind == "point" else None).fetchall()
                    found[kind].append((time.perf_counter() - began) * 1000)
        return found

    def crowd(self, server: Server, load: str) -> tuple[dict[str, list[float]], float, int, int]:
        """Milliseconds of each kind, seconds, clients that had an error, and the most memory in MiB."""
        options = self.options
        with tempfile.TemporaryDirectory() as folder:
            scripts = {"point": Path(folder, "point.sql"), "groups": Path(folder, "groups.sql")}
            search = POINT.format(":key")
            scripts["point"].write_text(f"\\set key random(0, {options.rows - 1})\n{search};\n")
            scripts["groups"].write_text(f"{GROUPS};\n")
            shares = zip(scripts.values(), LOADS[load], strict=True)
            files = [word for script, share in shares for word in ("-f", f"{script}@{share}")]
            command = [
                str(self.pgbench), "-n", "-M", "prepared", "-l", "--log-prefix", f"{folder}/log",
                "-c", str(options.clients), "-j", "2", "-T", str(options.seconds), *files, server.uri,
            ]  # fmt: skip
            began, most = time.perf_counter(), 0
            with open(f"{folder}/said", "w") as said:
                asking = subprocess.Popen(command, stdout=said, stderr=said)
                while asking.poll() is None:
                    most = max(most, memory(server.pid))
                    time.sleep(0.5)
            seconds = time.perf_counter() - began
            told = Path(folder, "said").read_text()
            errors = told.count("aborted in")
            if asking.returncode:
                errors = max(errors, 1)
                say(f"{load}: pgbench ended with {asking.returncode}: {told[-500:]}")
            found: dict[str, list[float]] = {}
            for log in Path(folder).glob("log.*"):
                for line in log.read_text().splitlines():
                    _, _, micros, script, *_ = line.split()
                    found.setdefault(list(scripts)[int(script)], []).append(int(micros) / 1000)
        self.errors += errors
        return found, seconds, errors, most

    def record(
        self,
        system: str,
        load: str,
        clients: int,
        found: dict,
        seconds: float,
        errors: int,
        mib: int,
    ) -> None:
        """A line for each kind of statement."""
        for kind, times in found.items():
            p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
            line = {
                "workload": f"serve_{load}", "statement": kind, "system": system, "clients": clients,
                "p50_ms": round(p50, 3), "p99_ms": round(p99, 3),
                "statements": len(times), "per_second": round(len(times) / seconds, 1),
                "errors": errors, "memory_mib": mib, "rows": self.options.rows,
                "commit": machine.commit(), "machine": machine.machine(),
            }  # fmt: skip
            print(json.dumps(line), flush=True)
            say(f"{system:20} {clients:3} x {load:7} {kind:7} p50 {p50:9.2f} p99 {p99:9.2f} ms "
                f"{line['per_second']:9.1f}/s {errors} errors {mib:6} MiB")  # fmt: skip


def memory(pid: int) -> int:
    """What a process and those that it started hold together, in MiB."""
    total = 0
    for each in family(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:  # it is over
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total >> 10


def family(pid: int) -> Iterator[int]:
    """A process and those that it started."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def say(text: str) -> None:
    """Progress, beside the records."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
