"""Progress bars on stderr, one for each stage; nothing where nobody watches."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Report = Callable[[list[tuple[str, int]]], None]


@contextmanager
def progress() -> Iterator[Report | None]:
    """What the engine should call with its progress; None when nobody watches."""
    # WHY: tqdm is not even imported unless a terminal shows it
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    bars: dict[str, Any] = {}
    try:
        yield lambda stages: _show(bars, stages)
    finally:
        for bar in bars.values():
            bar.close()


def _show(bars: dict[str, Any], stages: list[tuple[str, int]]) -> None:
    from tqdm.auto import tqdm

    for stage, rows in stages:
        bar = bars.get(stage)
        if bar is None:
            bar = bars[stage] = tqdm(
                desc=stage, unit=" rows", unit_scale=True, disable=None, position=len(bars)
            )
        bar.update(rows - bar.n)
