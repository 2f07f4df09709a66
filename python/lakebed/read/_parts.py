"""Rows that arrive in parts, as a query or a loader gives them: one chain, in bounded memory."""

from __future__ import annotations

import uuid
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any

from lakebed._progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakebed._native import Chain
    from lakebed.session import Session

PART_BYTES = 64 << 20
"""How large a part should get: what fits into one stays in memory."""


_TOGETHER = 4
"""Parts that are put together at once: each is read at the same time as the others."""


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
    kept = _Kept(session)
    try:
        for part in chain((first, second), parts):
            kept.add(part)
        with progress() as report:
            name = session._temporary_name()
            return kept.whole().persist(session.name, name, session._job_id(), _VECTORS, report)
    finally:
        kept.forget(kept.names)


_VECTORS = False
"""A list is no vector just because those of one part have the same length."""


class _Kept:
    """Parts that are kept, put together by fours, and these by fours, and so on."""

    def __init__(self, session: Session) -> None:
        self.names: list[str] = []
        self._session = session
        self._levels: list[list[tuple[str, Chain]]] = []

    def add(self, part: Chain, level: int = 0) -> None:
        if level == len(self._levels):
            self._levels.append([])
        together = self._levels[level]
        together.append(self._keep(part))
        if len(together) == _TOGETHER:
            self._levels[level] = []
            self.add(_union(part for _, part in together), level + 1)
            self.forget([name for name, _ in together])

    def whole(self) -> Chain:
        """All parts, the first ones first."""
        return _union(part for level in reversed(self._levels) for _, part in level)

    def forget(self, names: list[str]) -> None:
        for name in names:
            self._session._forget(name)
        self.names = [name for name in self.names if name not in names]

    def _keep(self, part: Chain) -> tuple[str, Chain]:
        session, name = self._session, uuid.uuid4().hex[:12]
        self.names.append(name)
        return name, part.persist(session.name, name, session._job_id(), _VECTORS, None)


def _union(parts: Iterable[Chain]) -> Chain:
    return reduce(lambda rows, part: rows.union(part), parts)


def exactly_nullable(table: Any) -> Any:
    """The PyArrow table with columns that may be None only where one is."""
    import pyarrow as pa

    fields = [
        field.with_nullable(column.null_count > 0)
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields, table.schema.metadata))
