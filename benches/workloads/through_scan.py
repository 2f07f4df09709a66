"""All rows of a dataset, by lakebed itself and as a table of Python's `datafusion`: what the border of two libraries costs."""

from __future__ import annotations

import prepared
from task import Case, Task, systems

DATA = "files"
NEEDS = ("datafusion", "pyarrow")


def lakebed(case: Case) -> Task:
    import pyarrow as pa

    chain = prepared.lakebed_dataset(case, "files")
    return Task(lambda: _rows(pa.RecordBatchReader.from_stream(chain)))


def lakebed_datafusion(case: Case) -> Task:
    import datafusion
    import pyarrow as pa

    context = datafusion.SessionContext()
    context.register_table("files", prepared.lakebed_dataset(case, "files"))
    query = context.sql("SELECT * FROM files")
    return Task(lambda: _rows(pa.RecordBatchReader.from_stream(query)))


def _rows(batches) -> int:
    return sum(batch.num_rows for batch in batches)


SYSTEMS = systems(lakebed, lakebed_datafusion)
