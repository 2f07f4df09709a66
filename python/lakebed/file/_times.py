"""Times in media: what a fragment may be, and how it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_span(start: float, end: float | None) -> None:
    """Refuse what is no part of anything.

    Raises:
        DataChainParamsError: It starts before 0, or does not end after it starts.
    """
    if start < 0:
        msg = f"start is a number of seconds, at least 0, not `{start!r}`"
        raise DataChainParamsError(msg)
    if end is not None and end <= start:
        msg = f"end must be after start: `{start!r}` to `{end!r}` was given"
        raise DataChainParamsError(msg)


def spans(duration: float, start: float, end: float) -> Iterator[tuple[float, float]]:
    """Fragments of one length; the last one may be shorter."""
    if duration <= 0:
        msg = f"duration is a number of seconds above 0, not `{duration!r}`"
        raise DataChainParamsError(msg)
    number = 0
    while (begin := start + number * duration) < end:
        yield begin, min(begin + duration, end)
        number += 1


def milliseconds(seconds: float) -> str:
    """For names: `001500` for a second and a half."""
    return f"{round(seconds * 1000):06d}"
