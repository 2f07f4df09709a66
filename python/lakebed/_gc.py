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
    """What `gc()` removed and what it kept."""

    removed: Sequence[Garbage]
    kept: Sequence[Garbage]
    dry_run: bool

    @property
    def freed(self) -> int:
        """How many bytes were removed; with `dry_run`, how many would be."""
        return sum(found.bytes for found in self.removed)


def gc(
    *,
    ttl: float | None = None,
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
        dry_run: Remove nothing; the report says what would be removed.
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
    removed, kept = held._native.gc(files, results, dry_run)
    return GcReport([Garbage(*row) for row in removed], [Garbage(*row) for row in kept], dry_run)


def _is_seconds(ttl: object) -> bool:
    return isinstance(ttl, (int, float)) and not isinstance(ttl, bool) and 0 <= ttl < math.inf
