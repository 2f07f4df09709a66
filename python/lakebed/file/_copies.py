"""`Copies`: many files copied into a folder, in threads; what is there already is left."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed.exceptions import DataChainParamsError
from lakebed.file import _export, _paths
from lakebed.file._local import Local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakebed.file._place import Place
    from lakebed.file.file import File

_SECOND = 1_000_000_000
_AHEAD = 4
"""How many files each thread may be behind."""


class Copies(NamedTuple):
    """How files are copied.

    Attributes:
        output: The folder.
        placement: As for `File.export`.
        link_type: The same.
        threads: How many files are copied at a time.
        client_config: How to connect to buckets.
    """

    output: str
    placement: str
    link_type: str
    threads: int
    client_config: Mapping[str, Any] | None

    def check(self, files: Iterable[File]) -> int:
        """The number of files; none is written.

        Raises:
            DataChainParamsError: Two of them would get one name.
            FileError: One would lie outside of the folder.
        """
        taken: dict[str, tuple[str, bytes]] = {}
        count = 0
        for file in files:
            copy = _export.target(file, self.output, self.placement)
            name, mark = copy._fs_path(), _mark(file)
            other, same = taken.setdefault(name, (file.get_uri(), mark))
            if same != mark and not self._is_content(file):
                raise self._collision(other, file.get_uri(), name)
            count += 1
        if not _paths.is_remote(self.output):
            self._check_folders({name: uri for name, (uri, _) in taken.items()})
        return count

    def run(self, files: Iterable[File], report: Callable[[int, int], object]) -> None:
        """Copy them; the first error ends it.

        Args:
            files: The files.
            report: Called with the number of those that are there and that were there before.
        """
        done = kept = 0
        seen: set[bytes] = set()
        with ThreadPoolExecutor(self.threads, "lakebed-copy") as pool:
            running: deque[Any] = deque()
            try:
                for file in files:
                    # WHY: a file that is in several rows would be written by several threads
                    if (mark := _mark(file, self._is_content(file))) in seen:
                        continue
                    seen.add(mark)
                    running.append(pool.submit(copy_context().run, self._copy, file))
                    if len(running) >= _AHEAD * self.threads:
                        kept += running.popleft().result()
                        done += 1
                        report(done, kept)
                while running:
                    kept += running.popleft().result()
                    done += 1
                    report(done, kept)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _copy(self, file: File) -> bool:
        """Copy a file; whether it was there already."""
        copy = _export.target(file, self.output, self.placement)
        if self.link_type == "symlink" and _export.link(file, copy) is not None:
            return False
        place = copy._place(self.client_config)
        if _is_there(file, place):
            return True
        source = file._place(self.client_config)
        place.receive(source, {})
        if isinstance(place, Local):
            seconds = int(file.last_modified.timestamp()) or int(time.time())
            os.utime(place.path, ns=(seconds * _SECOND, seconds * _SECOND + _digits(file)))
        return False

    def _check_folders(self, taken: Mapping[str, str]) -> None:
        """Refuse a file whose name is that of a folder of another."""
        for name, uri in taken.items():
            for parent in PurePosixPath(name).parents:
                if (other := taken.get(str(parent))) is not None:
                    raise self._collision(other, uri, str(parent))

    def _collision(self, one: str, other: str, name: str) -> DataChainParamsError:
        whole = self.placement == "fullpath"
        hint = "" if whole else "; hint: placement `fullpath` keeps their folders"
        msg = f"two files would be written to one place, `{name}`: `{one}` and `{other}`{hint}"
        return DataChainParamsError(msg)

    def _is_content(self, file: File) -> bool:
        """Whether the name says what is in the file: that of a bucket's etag does."""
        return self.placement == "etag" and _paths.is_remote(file.source)


def _is_there(file: File, place: Place) -> bool:
    """Whether a copy of exactly this version is at its place already."""
    if not (file.etag or file.version):
        return False
    if isinstance(place, Local):
        try:
            found = os.lstat(place.path)
        except OSError:
            return False
        same = (found.st_size, found.st_mtime_ns % _SECOND) == (file.size, _digits(file))
        return same and place.path.is_file() and not place.path.is_symlink()
    try:
        status = place.status()
    except FileNotFoundError:
        return False
    return status.size == file.size and status.etag in (file.etag, _content(file, status.etag))


def _digits(file: File) -> int:
    """What the fraction of a second in the time of a copy says: of which version it is."""
    return int.from_bytes(_mark(file)[:8], "big") % _SECOND


def _mark(file: File, of_content: bool = False) -> bytes:  # noqa: FBT001, FBT002
    what = file.etag if of_content else f"{file.get_uri()}\0{file.get_hash()}\0{file.size}"
    return hashlib.blake2b(what.encode(), digest_size=16).digest()


def _content(file: File, etag: str) -> str | None:
    """The digest of a local file, where the etag may be one."""
    if len(etag) != hashlib.md5(usedforsecurity=False).digest_size * 2:
        return None
    path = file._place().local_path()
    if path is None:
        return None
    with open(path, "rb") as stream:  # noqa: PTH123  pathlib is slow
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
