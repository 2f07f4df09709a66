"""`TextFile`: a file that is read as text."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Literal, overload

from lakebed.file.file import File

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class TextFile(File):
    """A file that is read as text."""

    @overload
    def open(self, mode: Literal["r", "rb", "rt"] = "r", **options: Any) -> IO[Any]: ...
    @overload
    def open(self, mode: str, **options: Any) -> AbstractContextManager[IO[Any]]: ...
    def open(self, mode: str = "r", **options: Any) -> IO[Any] | AbstractContextManager[IO[Any]]:
        """As `File.open`, in text mode unless told otherwise."""
        return File.open(self, mode, **options)

    def read(self, length: int = -1, **options: Any) -> str:
        """The content as text, or its first `length` characters."""
        return self._text(length, options)
