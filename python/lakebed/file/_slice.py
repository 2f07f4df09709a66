"""`FileSlice`: a part of a stream as a file of its own."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import IO, TYPE_CHECKING, Any

from lakebed.exceptions import VFileError
from lakebed.file._seekable import Seekable

if TYPE_CHECKING:
    from collections.abc import Sequence


class FileSlice(Seekable):
    """A part of a stream as a file of its own, which owns the stream.

    Args:
        stream: Where the bytes are.
        offset: Where they begin.
        size: How many there are.
        name: What the file is called.
        pieces: Where it has holes: position and length of what is stored. The stored pieces
            follow each other in the stream, the rest is zeros.
    """

    def __init__(
        self,
        stream: IO[bytes],
        offset: int,
        size: int,
        name: str = "",
        pieces: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(size)
        self.name = name
        self._stream = stream
        stored = [(0, size)] if pieces is None else [(at, n) for at, n in pieces if n]
        self._starts = [at for at, _ in stored]
        self._stops = [at + length for at, length in stored]
        self._places = [offset, *accumulate((n for _, n in stored), initial=offset)][1:]

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        view = view[: max(0, self._size - self._at)]
        if not view:
            return 0
        piece = bisect_right(self._starts, self._at) - 1
        if piece >= 0 and self._at < self._stops[piece]:
            view = view[: self._stops[piece] - self._at]
            count = self._stored(piece, view)
        else:
            after = self._starts[piece + 1] if piece + 1 < len(self._starts) else self._size
            count = min(len(view), after - self._at)
            view[:count] = bytes(count)
        self._at += count
        return count

    def readall(self) -> bytes:
        content = bytearray(max(0, self._size - self._at))
        done = 0
        while done < len(content):
            done += self.readinto(memoryview(content)[done:])
        return bytes(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

    def _stored(self, piece: int, view: memoryview) -> int:
        self._stream.seek(self._places[piece] + self._at - self._starts[piece])
        count: int = self._stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            msg = (
                f"`{self.name}` ends after {self._at} of {self._size} bytes: its archive is cut off"
            )
            raise VFileError(msg)
        return count
