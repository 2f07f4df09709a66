"""Files on this machine: opened where they are, never copied."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lakebed import _listed
from lakebed._udf import observe
from lakebed.exceptions import ExistingFileError, FileError, MissingFileError
from lakebed.file import _paths
from lakebed.file._place import WRAPPER_OPTIONS, Place, Status, as_text, changed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakebed.file.file import File


class Local(Place):
    """A path of the operating system."""

    def __init__(self, file: File, path: str) -> None:
        super().__init__(file)
        self.path = Path(path)

    def status(self) -> Status:
        found = self.path.stat()
        return Status(found.st_size, _listed.etag(found), "", _listed.modified(found))

    def reader(self, block_size: int | None = None) -> IO[bytes]:  # noqa: ARG002
        return self._checked(self._open("rb", {}))

    def part(self, start: int, stop: int) -> IO[bytes]:  # noqa: ARG002
        return self._checked(self._open("rb", {"buffering": 0}))

    def opened(self, mode: str, options: Mapping[str, Any], block_size: int | None) -> IO[Any]:  # noqa: ARG002
        return self._checked(self._open(mode, options))

    @contextmanager
    def writing(
        self,
        mode: str,
        options: Mapping[str, Any],
        attributes: Mapping[str, str],  # noqa: ARG002
    ) -> Iterator[IO[Any]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open(mode, options) as stream:
            yield stream
        self.file._take(self.status())

    def receive(self, source: Place, attributes: Mapping[str, str]) -> Status:  # noqa: ARG002
        with self._replacing() as scratch:
            source.copy_to(scratch)
        return self.status()

    def put(self, data: bytes, attributes: Mapping[str, str]) -> Status:  # noqa: ARG002
        with self._replacing() as scratch:
            scratch.write_bytes(data)
        return self.status()

    def copy_to(self, target: Path) -> None:
        if not self.path.is_file():
            raise self._missing()
        with observe.own_input():
            shutil.copyfile(self.path, target)
        self.check_unchanged(self.path.stat())

    def local_path(self) -> str | None:
        found = _listed.status(str(self.path))
        if found is None:
            return None
        self.check_unchanged(found)
        return str(self.path)

    def ensure_cached(self) -> None:
        """It is read where it is."""

    def check_unchanged(self, found: os.stat_result) -> None:
        """Refuse what is not the file that was listed."""
        file = self.file
        how = _listed.change(file.size, file.last_modified, file.etag, found)
        if how:
            raise changed(file, how)

    def _open(self, mode: str, options: Mapping[str, Any]) -> IO[Any]:
        with_wrapper = not options.keys().isdisjoint(WRAPPER_OPTIONS)
        try:
            with observe.own_input():
                if with_wrapper:
                    return as_text(self.path.open(f"{mode.rstrip('t')}b"), mode, options)
                stream: IO[Any] = self.path.open(mode, **options)
                return stream
        except FileNotFoundError as error:
            raise self._missing() from error
        except FileExistsError as error:
            msg = f"file exists already: `{self.file.get_uri()}`"
            raise ExistingFileError(msg) from error

    def _checked(self, stream: IO[Any]) -> IO[Any]:
        try:
            self.check_unchanged(os.fstat(stream.fileno()))
        except BaseException:
            stream.close()
            raise
        return stream

    @contextmanager
    def _replacing(self) -> Iterator[Path]:
        try:
            with _paths.replacing(self.path) as scratch:
                yield scratch
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            msg = f"cannot write `{self.file.get_uri()}`: {error.strerror}: `{error.filename}`"
            raise FileError(msg) from error

    def _missing(self) -> MissingFileError:
        return MissingFileError(f"file not found: `{self.file.get_uri()}`")
