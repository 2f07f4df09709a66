"""`Place`: where the bytes of a file are, and how they get from there and to it.

On this machine (`_local`), in a bucket (`_bucket`) or inside of another file (`_virtual`).
"""

from __future__ import annotations

import io
import shutil
from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from lakebed import _listed
from lakebed.exceptions import FileChangedError, NotSupportedError
from lakebed.file import _paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from lakebed.file.file import File

COPY_BYTES = 8 << 20
"""How much of a file is in memory while it is copied."""

WRAPPER_OPTIONS = ("line_buffering", "write_through")
"""What Python's text streams know and `open` does not."""


class Status(NamedTuple):
    """What a storage says about a file."""

    size: int
    etag: str
    version: str
    last_modified: datetime


class Place(ABC):
    """Where the bytes of a file are.

    Attributes:
        file: The file.
    """

    def __init__(self, file: File) -> None:
        self.file = file

    @abstractmethod
    def status(self) -> Status:
        """What the storage says now.

        Raises:
            FileNotFoundError: There is no such file.
        """

    @abstractmethod
    def reader(self, block_size: int | None = None) -> IO[bytes]:
        """The listed bytes as a seekable stream.

        Args:
            block_size: How many bytes are read at a time where requests cost.

        Raises:
            MissingFileError: There is no such file.
            FileChangedError: It is another one than what was listed.
        """

    def part(self, start: int, stop: int) -> IO[bytes]:  # noqa: ARG002
        """A stream of which only these bytes will be read."""
        return self.reader()

    def whole(self) -> IO[bytes]:
        """As `reader`, for who wants all of it."""
        return self.reader()

    def opened(self, mode: str, options: Mapping[str, Any], block_size: int | None) -> IO[Any]:
        """A stream to read from, of bytes or of text."""
        return as_text(self.reader(block_size), mode, options)

    @abstractmethod
    def writing(
        self, mode: str, options: Mapping[str, Any], attributes: Mapping[str, str]
    ) -> AbstractContextManager[IO[Any]]:
        """A stream to write to; after the block the file knows what it is now."""

    @abstractmethod
    def receive(self, source: Place, attributes: Mapping[str, str]) -> Status:
        """Become a copy of what is at another place, complete or not at all."""

    @abstractmethod
    def put(self, data: bytes, attributes: Mapping[str, str]) -> Status:
        """Become these bytes, all of them or not at all."""

    def copy_to(self, target: Path) -> None:
        """Write the bytes to a local file that nobody looks at yet."""
        with self.whole() as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, COPY_BYTES)

    def local_path(self) -> str | None:
        """Where on this machine the bytes are; None if not, or not in a file of their own."""
        return None

    @abstractmethod
    def ensure_cached(self) -> None:
        """Have the bytes on this machine."""

    def sign(self, expires: int) -> str:  # noqa: ARG002
        """A URL that needs no credentials."""
        msg = f"only files in buckets have URLs that can be signed: `{self.file.get_uri()}`"
        raise NotSupportedError(msg)


def place_of(file: File, client_config: Mapping[str, Any] | None = None) -> Place:
    """Where a file is.

    Raises:
        FileError: Its path is none, or leaves its source.
    """
    # each needs this module
    from lakebed.file._bucket import Bucket
    from lakebed.file._local import Local
    from lakebed.file._virtual import Virtual

    if file.location is not None:
        return Virtual(file, client_config)
    path = file._fs_path()
    return Bucket(file, path, client_config) if _paths.is_remote(path) else Local(file, path)


def as_text(stream: IO[bytes], mode: str, options: Mapping[str, Any]) -> IO[Any]:
    """The stream as the mode wants it."""
    if "b" in mode:
        return stream
    wrapping = {name: value for name, value in options.items() if name != "buffering"}
    try:
        return io.TextIOWrapper(stream, **wrapping)
    except BaseException:
        stream.close()
        raise


def changed(file: File, how: str) -> FileChangedError:
    """The error for a file that is no longer the listed one."""
    return FileChangedError(
        f"file `{file.get_uri()}` {how}; hint: list it again with "
        "`read_storage(..., update=True)`, or take it as it is with `file.resolve()`"
    )


def difference(file: File, found: Status) -> str | None:
    """How an object differs from what was listed; None if it does not, as far as is known."""
    if file.etag and found.etag:
        same = file.etag == found.etag
        return None if same else f"had etag `{file.etag}` when it was listed, now `{found.etag}`"
    is_timed = file.last_modified != _listed.EPOCH
    if file.size != found.size and (file.size or is_timed):
        return f"had {file.size} bytes when it was listed and has {found.size} now"
    if is_timed and not _listed.is_time(file.last_modified, found.last_modified):
        return f"was of {file.last_modified} when it was listed and is of {found.last_modified} now"
    return None
