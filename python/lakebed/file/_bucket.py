"""Files in buckets: read by ranges or from the cache, written as a whole."""

from __future__ import annotations

import io
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from lakebed import _storage
from lakebed._listed import EPOCH, MICROSECOND
from lakebed._udf import observe
from lakebed.exceptions import (
    ExistingFileError,
    MissingFileError,
    MissingPathError,
    NotSupportedError,
)
from lakebed.file._place import COPY_BYTES, Place, Status, as_text, changed, difference
from lakebed.file._range import RangeReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakebed._native import Writer
    from lakebed.file.file import File

_WRITE_BYTES = 256 << 10
"""What is handed to the engine at a time."""


class Bucket(Place):
    """An object of a bucket."""

    def __init__(self, file: File, uri: str, client_config: Mapping[str, Any] | None) -> None:
        super().__init__(file)
        self.uri = uri
        self.storage = _storage.storage(client_config)

    def status(self) -> Status:
        with _missing():
            return status_of(self.storage.head(self.uri, self.file.version))

    def reader(self, block_size: int | None = None) -> IO[bytes]:
        stream = self._here()
        return stream or cast("IO[bytes]", io.BufferedReader(self._range(block_size)))

    def part(self, start: int, stop: int) -> IO[bytes]:
        return self._here() or cast("IO[bytes]", self._range(None, (start, stop)))

    def whole(self) -> IO[bytes]:
        self._keep()
        return self.reader()

    def opened(self, mode: str, options: Mapping[str, Any], block_size: int | None) -> IO[Any]:
        return as_text(self.reader(block_size), mode, options)

    @contextmanager
    def writing(
        self, mode: str, options: Mapping[str, Any], attributes: Mapping[str, str]
    ) -> Iterator[IO[Any]]:
        if "a" in mode:
            msg = f"objects cannot be appended to; hint: write it anew with `w`: `{self.uri}`"
            raise NotSupportedError(msg)
        if "x" in mode:
            self._check_absent()
        upload = _Upload(self.storage.writer(self.uri, dict(attributes)))
        buffered = cast("IO[bytes]", io.BufferedWriter(upload, _WRITE_BYTES))
        stream = as_text(buffered, mode, options)
        try:
            yield stream
            # closes the upload too, after what is left
            stream.close()
        except BaseException:
            upload.abort()
            stream.close()
            raise
        self.file._take(upload.complete())

    def receive(self, source: Place, attributes: Mapping[str, str]) -> Status:
        path = source.local_path()
        if path is not None:
            found = status_of(self.storage.upload(path, self.uri, dict(attributes)))
            source.local_path()
            return found
        with source.whole() as stream:
            upload = _Upload(self.storage.writer(self.uri, dict(attributes)))
            try:
                shutil.copyfileobj(stream, upload, COPY_BYTES)
                return upload.complete()
            except BaseException:
                upload.abort()
                raise

    def put(self, data: bytes, attributes: Mapping[str, str]) -> Status:
        return status_of(self.storage.put(self.uri, bytes(data), dict(attributes)))

    def copy_to(self, target: Path) -> None:
        self._keep()
        if stream := self._here():
            with stream, target.open("wb") as copy:
                shutil.copyfileobj(stream, copy, COPY_BYTES)
            return
        known = self._known()
        with _missing():
            self.storage.download(self.uri, str(target), etag=known.etag, version=known.version)

    def local_path(self) -> str | None:
        return self._cached()

    def ensure_cached(self) -> None:
        known = self._known()
        with _missing():
            self.storage.fetch(self.uri, known.size, etag=known.etag, version=known.version)

    def sign(self, expires: int) -> str:
        try:
            return self.storage.sign(self.uri, expires, self.file.version)
        except NotSupportedError:
            if not self.file.version:
                raise
        # where only the newest version can be signed, it has to be the listed one
        with _missing():
            found = status_of(self.storage.head(self.uri))
        if how := difference(self.file, found):
            raise changed(self.file, how)
        return self.storage.sign(self.uri, expires)

    def _known(self) -> Status:
        """What was listed; where that was not enough to tell a file by, what is there now."""
        file = self.file
        if file.size and (file.etag or file.version):
            return Status(file.size, file.etag, file.version, file.last_modified)
        found = self.status()
        if how := difference(file, found):
            raise changed(file, how)
        return found

    def _range(self, block_size: int | None, within: tuple[int, int] | None = None) -> RangeReader:
        known, storage, uri = self._known(), self.storage, self.uri

        def read(start: int, stop: int) -> bytes:
            with _missing():
                return storage.read(uri, start, stop, etag=known.etag, version=known.version)

        return RangeReader(read, known.size, block_size, within)

    def _cached(self) -> str | None:
        file = self.file
        if not (file.etag or file.version):
            return None
        return self.storage.cached(self.uri, file.size, etag=file.etag, version=file.version)

    def _here(self) -> IO[bytes] | None:
        """The file on this machine, if it was fetched."""
        path = self._cached()
        # another process may empty the cache
        with suppress(FileNotFoundError):
            return None if path is None else _open(path)
        return None

    def _keep(self) -> None:
        """Fetch the file if it is to be kept; where there is no room it is read from afar."""
        if _storage.keeps():
            known = self._known()
            etag, version = known.etag, known.version
            with _missing():
                self.storage.fetch_if_room(self.uri, known.size, etag=etag, version=version)

    def _check_absent(self) -> None:
        try:
            self.storage.head(self.uri)
        except FileNotFoundError:
            return
        msg = f"file exists already: `{self.uri}`"
        raise ExistingFileError(msg)


class _Upload(io.RawIOBase):
    """What is written becomes an object once it is complete."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer: Writer | None = writer
        self._found: Status | None = None
        self._written = 0

    def tell(self) -> int:
        return self._written

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        block = bytes(data)
        if self._writer is not None:
            self._writer.write(block)
        self._written += len(block)
        return len(block)

    def complete(self) -> Status:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self._found = status_of(writer.close())
        if self._found is None:
            msg = "write to an upload that was given up"
            raise ValueError(msg)
        return self._found

    def abort(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()


@contextmanager
def _missing() -> Iterator[None]:
    """A path that is not there is a file that is not there."""
    try:
        yield
    except MissingPathError as error:
        raise MissingFileError(str(error)) from error


def _open(path: str) -> IO[bytes]:
    with observe.own_input():
        return Path(path).open("rb")


def status_of(head: tuple[int, str, str, int]) -> Status:
    size, etag, version, microseconds = head
    return Status(size, etag, version, EPOCH + microseconds * MICROSECOND)
