"""`gc()`: removes what dead processes and removed versions left behind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lakebed.exceptions import DataChainParamsError
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Garbage", "GcReport", "gc"]

_TTL = 4 * 60 * 60
"""Seconds for which the files of a dead save are kept by default."""

_RESULTS_TTL = 7 * 24 * 60 * 60
"""Seconds for which results of functions are kept by default."""


class Garbage(NamedTuple):
    """What was removed or kept, and why."""

    what: str
    reason: str
    files: int
    bytes: int


@dataclass(frozen=True)
class GcReport:
    """What `gc()` removed, what it kept, and which versions it made of many small files."""

    removed: Sequence[Garbage]
    kept: Sequence[Garbage]
    dry_run: bool
    compacted: Sequence[Garbage] = ()

    @property
    def freed(self) -> int:
        """How many bytes were removed; with `dry_run`, how many would be."""
        return sum(found.bytes for found in self.removed)


def gc(
    *,
    ttl: float | None = None,
    compact: bool = False,
    dry_run: bool = False,
    session: Session | None = None,
    in_memory: bool = False,
) -> GcReport:
    """Remove files that nobody needs any more.

    These are what `persist()` kept for sessions that were killed, what killed saves wrote,
    the data of removed versions, and results of functions that no run used for a while.
    Complete versions stay, and so does all that a living process is saving or has persisted.

    Args:
        ttl: Leave files that are younger than this many seconds. By default, results of
            functions stay for seven days, so that a failed run can go on the next morning
            or after a weekend, and all else for four hours.
        compact: First make a new version, with the same rows in the same order, of each newest
            version whose rows lie in so many small files that reading it costs half as much
            again as it has to, as after many appends. Rows of the new version have other
            `sys.id`s; older versions stay, and keep their files until they are removed. Saves
            that add to a dataset put small files together on their own.
        dry_run: Change nothing; the report says what would be done.
        session: Where to collect; see `Session`.
        in_memory: Use a session in memory.

    Examples:
        >>> import lakebed as dc
        >>> dc.gc(dry_run=True).freed
        0
    """
    if ttl is not None and not _is_seconds(ttl):
        msg = f"ttl is a number of seconds, 0 or more, not `{ttl!r}`"
        raise DataChainParamsError(msg)
    held = Session.get(session, in_memory=in_memory)
    files, results = (_TTL, _RESULTS_TTL) if ttl is None else (ttl, ttl)
    lists = held._native.gc(files, results, compact, dry_run)
    removed, kept, compacted = ([Garbage(*row) for row in rows] for rows in lists)
    return GcReport(removed, kept, dry_run, compacted)


def _is_seconds(ttl: object) -> bool:
    return isinstance(ttl, (int, float)) and not isinstance(ttl, bool) and 0 <= ttl < math.inf
