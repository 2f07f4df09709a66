"""What a listing says about a local file, and whether that is still true."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

EPOCH = datetime.fromtimestamp(0, UTC)
"""The modification time of a file whose real one is not known."""

_TIME_DIGITS = 16
"""Nanoseconds since 1970 have no more; the tags of object stores do."""

_PARTS = (2, 4)
"""How many parts a listing's tag has; those of earlier versions had fewer."""

MICROSECOND = timedelta(microseconds=1)


def status(path: str) -> os.stat_result | None:
    """What the file system says now; None if there is nothing to be seen."""
    try:
        return os.stat(path)  # noqa: PTH116  pathlib is slow
    except OSError:
        return None


def etag(found: os.stat_result) -> str:
    """Nanoseconds and bytes; then the file's number, and when it was changed in any way."""
    time, changed = max(found.st_mtime_ns, 0), max(found.st_ctime_ns, 0)
    return f"{time:x}-{found.st_size:x}-{found.st_ino:x}-{changed:x}"


def modified(found: os.stat_result) -> datetime:
    """Microseconds, rounded down, and nothing before 1970."""
    return EPOCH + max(found.st_mtime_ns, 0) // 1000 * MICROSECOND


def change(size: int, time: datetime, tag: str, found: os.stat_result) -> str | None:
    """How a file differs from what was listed; None if it does not, as far as is known.

    A file that no listing gave has no time, and perhaps no size: both are then defaults.
    """
    if _content(tag) == _content(etag(found)):
        return None
    # WHY: the time of a file may be the default; the tag that a listing gives tells
    is_timed = time != EPOCH or tag.startswith("0-")
    if found.st_size != size and (size or is_timed):
        return f"had {size} bytes when it was listed and has {found.st_size} now"
    if is_timed and not is_time(time, modified(found)):
        return f"was of {time} when it was listed and is of {modified(found)} now"
    listed, _, rest = _content(tag).partition("-")
    if is_timed and rest == f"{size:x}" and len(listed) <= _TIME_DIGITS:
        # a tag of the form that a listing gives: time and size were looked at, but not that closely
        return "was written anew since it was listed"
    return None


def _content(tag: str) -> str:
    """What a tag says about what is in a file: one that was moved has another number."""
    parts = tag.split("-")
    return "-".join(parts[:2]) if len(parts) in _PARTS else tag


def is_time(listed: datetime, found: datetime) -> bool:
    """Whether a time is the listed one, which may have lost digits on its way."""
    if listed.tzinfo is None:
        listed = listed.replace(tzinfo=UTC)
    if listed.microsecond % 1000:
        # a time as `float` is not exact
        return abs(listed - found) <= MICROSECOND
    unit = 1000 if listed.microsecond else 1_000_000
    return listed == found.replace(microsecond=found.microsecond // unit * unit)
