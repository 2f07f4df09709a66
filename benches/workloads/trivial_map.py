"""A Python function on a struct, the product of two of its fields, saved.

What is timed is everything around the user's code: `python_loop` is that code alone.
"""

# No `from __future__ import annotations` here: datachain cannot read annotations that are strings.
from itertools import count

import prepared
from task import Case, Task, systems

DATA = "rows"


def _product(file) -> int:
    return file.width * file.height


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "rows")
    turn = count()
    return Task(
        run=lambda: chain.map(area=_product).save(f"mapped_{next(turn)}"),
        check=lambda saved: sum(saved.to_values("area")),
    )


def datachain(case: Case) -> Task:
    return _datachain(prepared.datachain_dataset(case, "rows"))


def datachain_prefetch0(case: Case) -> Task:
    """Without the prefetcher, through which the default sends every row."""
    return _datachain(prepared.datachain_dataset(case, "rows").settings(prefetch=0))


def _datachain(chain) -> Task:
    import datachain as dc

    turn = count()

    def check(saved) -> int:
        total = sum(saved.to_values("area"))
        dc.delete_dataset(saved.name, force=True)  # this home is kept for later runs
        return total

    return Task(lambda: chain.map(area=_product).save(f"mapped_{next(turn)}"), check)


def daft(case: Case) -> Task:
    """On two scalars, which is Daft's cheapest form."""
    import daft
    import pyarrow.dataset as ds

    @daft.func
    def product(width: int, height: int) -> int:
        return width * height

    turn = count()

    def run() -> str:
        target = str(case.scratch / f"{next(turn)}")
        file = daft.col("file")
        area = product(file["width"], file["height"]).alias("area")
        daft.read_parquet(case.rows).select("file", area).write_parquet(target)
        return target

    return Task(run, lambda target: sum(ds.dataset(target).to_table(["area"])["area"].to_pylist()))


def python_loop(case: Case) -> Task:
    """On objects in memory, nothing saved: the floor."""
    from types import SimpleNamespace

    import pyarrow.parquet as pq

    rows = [SimpleNamespace(**row) for row in pq.read_table(case.rows)["file"].to_pylist()]
    return Task(lambda: [_product(row) for row in rows], sum)


SYSTEMS = systems(lakebed, daft, python_loop, datachain_prefetch0, datachain)
