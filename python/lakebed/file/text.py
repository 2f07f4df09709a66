"""`TextFile`: a file that is read as text."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from lakebed.file.file import File

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class TextFile(File):
    """A file that is read as text."""

    @contextmanager
    def open(
        self,
        mode: str = "r",
        *,
        client_config: Mapping[str, Any] | None = None,
        block_size: int | None = None,
        **options: Any,
    ) -> Iterator[IO[Any]]:
        """As `File.open`, in text mode unless told otherwise."""
        opened = File.open(
            self, mode, client_config=client_config, block_size=block_size, **options
        )
        with opened as stream:
            yield stream

    def read(self, length: int = -1, **options: Any) -> str:
        """The content as text, or its first `length` characters."""
        return self._text(length, options)
