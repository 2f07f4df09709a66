"""Rows that arrive in parts, as a query or a loader gives them: one chain, in bounded memory."""

from __future__ import annotations

import uuid
from functools import reduce
from typing import TYPE_CHECKING, Any

from lakebed._progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed._native import Chain
    from lakebed.session import Session

PART_BYTES = 64 << 20
"""How large a part should get: what fits into one stays in memory."""


def joined(parts: Iterator[Chain], session: Session) -> Chain:
    """All rows of the parts, in order; one may have None where another has not.

    A single part stays as it is. Several are kept as they come, then put together as one
    dataset, which is there until the session ends.

    Args:
        parts: At least one, with the same columns.
        session: Where they are kept.
    """
    first = next(parts)
    second = next(parts, None)
    if second is None:
        return first
    names: list[str] = []

    def kept(part: Chain) -> Chain:
        names.append(uuid.uuid4().hex[:12])
        # a list is no vector just because those of one part have the same length
        return part.persist(session.name, names[-1], session._job_id(), False, None)  # noqa: FBT003

    try:
        chains = [kept(first), kept(second), *map(kept, parts)]
        whole = reduce(lambda rows, part: rows.union(part), chains)
        with progress() as report:
            name, job = session._temporary_name(), session._job_id()
            return whole.persist(session.name, name, job, False, report)  # noqa: FBT003
    finally:
        for name in names:
            session._forget(name)


def exactly_nullable(table: Any) -> Any:
    """The PyArrow table with columns that may be None only where one is."""
    import pyarrow as pa

    fields = [
        field.with_nullable(column.null_count > 0)
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields, table.schema.metadata))
