"""`Listeners`: something is on from the first one on that listens, until the last one is gone."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Listeners"]


class Listeners:
    """Those that listen. False when there are none.

    Args:
        begin: Called when there is a first one.
        end: Called when the last one is gone.
    """

    def __init__(self, begin: Callable[[], object], end: Callable[[], object]) -> None:
        self._begin = begin
        self._end = end
        self._all: set[weakref.ref[Any]] = set()
        # Those that were let go, as by an error. Python code that is called then would swallow
        # a Ctrl-C, so they are only put down here.
        self._gone: deque[weakref.ref[Any]] = deque()
        self._lock = threading.RLock()

    def add(self, one: object) -> weakref.ref[Any]:
        """One more listens, as long as it lives; what is to be removed before."""
        place = weakref.ref(one, self._gone.append)
        with self._lock:
            self._all.add(place)
            self._settle()
            if len(self._all) == 1:
                self._begin()
        return place

    def remove(self, place: weakref.ref[Any]) -> None:
        """This one does not listen any more."""
        with self._lock:
            if place in self._all:
                self._all.discard(place)
                if not self._all:
                    self._end()

    def __bool__(self) -> bool:
        # another thread may begin, and wait for one that asks
        if self._gone and self._lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._lock.release()
        return bool(self._all)

    def _settle(self) -> None:
        while self._gone:
            self.remove(self._gone.popleft())
