"""An event loop that wakes up on time.

`asyncio` waits with epoll, which takes whole milliseconds and so is late by one: a tenth
of what a coroutine waits that sleeps for 10 ms. `select` takes microseconds, and may wait
for epoll's own file.
"""

from __future__ import annotations

import asyncio
import select
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_MOST_FILES = 1024
"""Files with a higher number are none for `select`."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of the kind that the program chose; if that is the default one, punctual."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or not hasattr(selectors, "EpollSelector"):
        return loop
    loop.close()
    return asyncio.SelectorEventLoop(_punctual())


def _punctual() -> selectors.BaseSelector:
    class Punctual(selectors.EpollSelector):
        def select(self, timeout: float | None = None) -> Any:
            if timeout is not None and timeout > 0 and self.fileno() < _MOST_FILES:
                select.select((self,), (), (), timeout)
                timeout = 0
            return super().select(timeout)

    return Punctual()
