"""A Python function on a `File`, saved: what a step costs that itself does nothing.

The files do not exist: nobody opens them. Both would fetch them first, so their prefetchers are off.
"""

# No `from __future__ import annotations` here: datachain cannot read annotations that are strings.
from itertools import count

from task import Case, Task, systems

DATA = "rows"
NEEDS = ("pyarrow",)


def lakebed(case: Case) -> Task:
    import lakebed as dc

    return _mapped(dc, case, prefetch=0)


def lakebed_parallel2(case: Case) -> Task:
    """In two processes: what handing the rows over costs."""
    import lakebed as dc

    return _mapped(dc, case, prefetch=0, parallel=2)


def datachain_prefetch0(case: Case) -> Task:
    import datachain as dc

    return _mapped(dc, case, prefetch=0)


def _mapped(dc, case: Case, **settings: int) -> Task:
    case.once("to_map", lambda: dc.read_values(file=_files(dc, case)).save("to_map"))
    chain = dc.read_dataset("to_map").settings(**settings)
    turn = count()

    def twice(file: dc.File) -> int:
        return file.size * 2

    def check(saved) -> int:
        total = sum(saved.to_values("twice"))
        dc.delete_dataset(saved.name, force=True)  # a peer's home is kept for later runs
        return total

    return Task(lambda: chain.map(twice=twice).save(f"file_mapped_{next(turn)}"), check)


def _files(dc, case: Case) -> list:
    import pyarrow.parquet as pq

    names = ("source", "path", "size", "etag")
    rows = pq.read_table(case.rows)["file"].to_pylist()
    return [dc.File(**{name: row[name] for name in names}) for row in rows]


SYSTEMS = systems(lakebed, lakebed_parallel2, datachain_prefetch0)
