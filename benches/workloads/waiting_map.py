"""A function that waits 10 ms, as for a model behind a network, for 2,000 rows.

With 200 rows in flight the best is 0.1 s, with 8 it is 2.5 s; `python_async` is `asyncio` alone.
"""

# No `from __future__ import annotations` here: datachain cannot read annotations that are strings.
import asyncio
import time
from itertools import count

from task import Case, Task, systems

DATA = "rows"
ROWS, SECONDS = 2_000, 0.01
FLIGHT = 200


async def _size_async(file) -> int:
    await asyncio.sleep(SECONDS)
    return file.size


def lakebed(case: Case) -> Task:
    """A coroutine, 200 rows in flight."""
    import lakebed as dc

    return _mapped(dc, case, _size_async, concurrency=FLIGHT)


def lakebed_threads8(case: Case) -> Task:
    import lakebed as dc

    return _mapped(dc, case, _sleeper(), concurrency=8)


def lakebed_parallel8(case: Case) -> Task:
    import lakebed as dc

    return _mapped(dc, case, _sleeper(), parallel=8)


def datachain_parallel8(case: Case) -> Task:
    import datachain as dc

    return _mapped(dc, case, _sleeper(), parallel=8)


def _sleeper():
    """A function that is copied to other processes, which cannot import this module."""
    seconds = SECONDS

    def size(file) -> int:
        time.sleep(seconds)
        return file.size

    return size


def _mapped(dc, case: Case, function, **settings: int) -> Task:
    def prepare() -> None:
        dc.read_parquet(case.rows, source=False).limit(ROWS).save("to_wait")

    case.once("to_wait", prepare)
    chain = dc.read_dataset("to_wait").settings(**settings)
    turn = count()

    def check(saved) -> int:
        total = len(saved.to_values("size"))
        dc.delete_dataset(saved.name, force=True)  # a peer's home is kept for later runs
        return total

    return Task(lambda: chain.map(size=function).save(f"waited_{next(turn)}"), check)


def python_async(case: Case) -> Task:
    """The floor: `asyncio` on objects in memory."""
    from types import SimpleNamespace

    import pyarrow.parquet as pq

    rows = pq.read_table(case.rows)["file"].to_pylist()[:ROWS]
    files = [SimpleNamespace(**row) for row in rows]

    async def run() -> list[int]:
        slots = asyncio.Semaphore(FLIGHT)

        async def one(file) -> int:
            async with slots:
                return await _size_async(file)

        return await asyncio.gather(*map(one, files))

    return Task(lambda: asyncio.run(run()), len)


SYSTEMS = systems(lakebed, python_async, lakebed_threads8, lakebed_parallel8, datachain_parallel8)
