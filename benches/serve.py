"""How long `lakebed serve` takes to answer, beside PostgreSQL, and what many clients do to its memory.

Saves `--rows` rows, lets `lakebed serve` answer a search for one of them and a sum by groups, one client
after the other, and prints the median and the 99th percentile of each in milliseconds. With
`--postgres URI` the same rows are put into a table of that database, with an index, and it is asked the
same. Then `--clients` clients ask for `--seconds`, and every ten seconds a line says how many statements
there were and how much memory the server has. Needs lakebed, psycopg and numpy.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

POINT = "SELECT word FROM items WHERE id = %s"
GROUPS = "SELECT kind, count(*), sum(size) FROM items GROUP BY kind"

SAVE = """
import sys
import numpy as np
import lakebed as dc
rows = int(sys.argv[1])
id = np.arange(rows)
columns = dict(id=id, kind=id % 100, size=(id * 7919) % 10_007)
frame = __import__("pandas").DataFrame(columns)
frame["word"] = "word " + frame["id"].astype(str)
dc.read_pandas(frame).save("items")
"""

FILL = """
DROP TABLE IF EXISTS items;
CREATE TABLE items AS SELECT id, id % 100 AS kind, (id * 7919) % 10007 AS size, 'word ' || id AS word
FROM generate_series(0, {rows} - 1) AS id;
CREATE INDEX ON items (id);
ANALYZE items;
"""


@contextmanager
def served(root: Path, rows: int) -> Iterator[tuple[str, int]]:
    """Where the server is, and its process."""
    env = {**os.environ, "LAKEBED_ROOT": str(root)}
    subprocess.run([sys.executable, "-c", SAVE, str(rows)], env=env, check=True)
    command = [sys.executable, "-m", "lakebed.cli", "serve", "--postgres", "127.0.0.1:0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().removeprefix("postgres: ").strip(), server.pid
        server.terminate()


def ask(connection: psycopg.Connection[Any], number: int, rows: int) -> None:
    """One statement: of eleven, one sums and the others search."""
    if number % 11:
        connection.execute(POINT, ((number * 104_729) % rows,)).fetchall()
    else:
        connection.execute(GROUPS).fetchall()


def latencies(uri: str, rows: int, times: int) -> dict[str, list[float]]:
    """Milliseconds of each kind of statement."""
    found: dict[str, list[float]] = {"point": [], "groups": []}
    with psycopg.connect(uri, autocommit=True) as connection:
        for number in range(times):
            for kind, is_point in (("point", True), ("groups", False)):
                began = time.perf_counter()
                ask(connection, number * 11 + is_point, rows)
                found[kind].append((time.perf_counter() - began) * 1000)
    return found


def report(system: str, found: dict[str, list[float]]) -> None:
    """A line for each kind."""
    for kind, times in found.items():
        percentile = statistics.quantiles(times, n=100)[98]
        print(f"{system:10} {kind:7} p50 {statistics.median(times):8.2f} p99 {percentile:8.2f} ms")


def crowd(uri: str, pid: int, options: argparse.Namespace) -> None:
    """Many clients at once, and what they do to the server."""
    ended, counts = threading.Event(), [0] * options.clients

    def client(at: int) -> None:
        with psycopg.connect(uri, autocommit=True) as connection:
            while not ended.is_set():
                ask(connection, counts[at] * options.clients + at, options.rows)
                counts[at] += 1

    threads = [threading.Thread(target=client, args=(at,)) for at in range(options.clients)]
    for thread in threads:
        thread.start()
    for at in range(10, options.seconds + 1, 10):
        time.sleep(10)
        print(f"{at:5} s {sum(counts):8} statements {memory(pid):6} MiB")
    ended.set()
    for thread in threads:
        thread.join()


def memory(pid: int) -> int:
    """What the process holds, in MiB."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--postgres", metavar="URI")
    options = parser.parse_args()
    if options.postgres:
        with psycopg.connect(options.postgres, autocommit=True) as connection:
            connection.execute(FILL.format(rows=options.rows))
        report("postgresql", latencies(options.postgres, options.rows, options.times))
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), options.rows) as (uri, pid):
        report("lakebed", latencies(uri, options.rows, options.times))
        crowd(uri, pid, options)


if __name__ == "__main__":
    main()
