"""How far a run is: a bar for each stage on a terminal, and what it reuses, always."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Stage = tuple[str, int, int | None, int, int]
    """Name, rows, rows in total if known, failed rows, reused rows."""

    Report = Callable[[list[Stage], list[str]], None]

logger = logging.getLogger("lakebed")


@contextmanager
def progress() -> Iterator[Report]:
    """What the engine should call with its stages and messages so far."""
    shown = _Shown()
    try:
        yield shown
    finally:
        shown.close()


class _Shown:
    """What was printed of a run."""

    def __init__(self) -> None:
        # WHY: tqdm is not even imported unless a terminal shows it
        self.watched = sys.stderr is not None and sys.stderr.isatty()
        self.bars: list[Any] = []
        self.told = 0

    def __call__(self, stages: list[Stage], messages: list[str]) -> None:
        for message in messages[self.told :]:
            self._tell(message)
        self.told = len(messages)
        if self.watched:
            for at, stage in enumerate(stages):
                self._show(at, stage)

    def close(self) -> None:
        for bar in self.bars:
            bar.close()

    def _tell(self, message: str) -> None:
        """Log a message; print it too, unless it says that nothing is reused."""
        logger.info("%s", message)
        if message.endswith(": from scratch") or sys.stderr is None:
            return
        if self.bars:
            self.bars[0].write(message, file=sys.stderr)
        else:
            sys.stderr.write(f"{message}\n")

    def _show(self, at: int, stage: Stage) -> None:
        from tqdm.auto import tqdm

        name, rows, total, failed, kept = stage
        if at == len(self.bars):
            self.bars.append(
                tqdm(desc=name, unit=" rows", unit_scale=True, initial=kept, position=at)
            )
        bar = self.bars[at]
        bar.total = total
        notes = {"errors": failed, "reused": kept}
        bar.set_postfix({k: v for k, v in notes.items() if v}, refresh=False)
        bar.update(rows - bar.n)
