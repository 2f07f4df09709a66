"""`Seekable`: a stream of bytes whose number is known, with a position."""

from __future__ import annotations

import io


class Seekable(io.RawIOBase):
    """What streams over a part of something have in common.

    Args:
        size: How many bytes there are.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            msg = f"negative position {base + offset}"
            raise ValueError(msg)
        self._at = base + offset
        return self._at
