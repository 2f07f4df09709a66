"""`RangeReader`: an object in a bucket as a stream, read in windows that grow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from lakebed.exceptions import FileError
from lakebed.file._seekable import Seekable

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_BYTES = 64 << 10
"""What a request asks for at least."""

MOST_BYTES = 8 << 20
"""What it asks for at most, unless more is wanted at once."""

_BUFFER_BYTES = io.DEFAULT_BUFFER_SIZE


class RangeReader(Seekable):
    """Bytes of an object, in windows that double while reading goes on from where it was.

    A jump that is longer than the window makes it small again.

    Args:
        read: Gives the bytes from a start to an end.
        size: How many there are.
        block_size: The size of all windows, instead of one that grows.
        within: The bytes to read; windows do not go beyond them.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        size: int,
        block_size: int | None = None,
        within: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(size)
        self._read = read
        self._stop = size if within is None else min(size, within[1])
        self._first = block_size or FIRST_BYTES
        self._most = block_size or MOST_BYTES
        self._step = 0
        self._window = b""
        self._begin = 0

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        if not self._begin <= self._at < self._begin + len(self._window):
            self._load(wanted)
        offset = self._at - self._begin
        found = self._window[offset : offset + wanted]
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def readall(self) -> bytes:
        offset = self._at - self._begin
        held = self._window[offset:] if 0 <= offset < len(self._window) else b""
        start = self._at + len(held)
        rest = self._bytes(start, self._size) if start < self._size else b""
        self._at = start + len(rest)
        return held + rest

    def close(self) -> None:
        self._window = b""
        super().close()

    def _load(self, wanted: int) -> None:
        """Read the window that holds the next bytes, and what is likely to follow them."""
        skipped = self._at - self._begin - len(self._window)
        goes_on = 0 <= skipped <= self._step
        self._step = min(2 * self._step, self._most) if self._step and goes_on else self._first
        # WHY: a buffered reader asks for whole buffers first, and then for the rest
        stop = self._at + max(self._step, wanted + _BUFFER_BYTES)
        bound = self._stop if self._at < self._stop else self._size
        self._window = self._bytes(self._at, min(stop, bound))
        self._begin = self._at

    def _bytes(self, start: int, stop: int) -> bytes:
        found = self._read(start, stop)
        if len(found) != stop - start:
            msg = f"{stop - start} bytes were asked for from byte {start} on, {len(found)} came"
            raise FileError(msg)
        return found
