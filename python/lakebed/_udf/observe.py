"""Files that set-ups and functions read through Python, and whether these are as they were.

What a function opens is written down below the root when it is first seen, with what it
held then. From then on the function's code is also what is in those of the files that
hold something else now. So results stand for what was read, and when a file is as before,
so are they.

Only `open` is heard, which nearly all of Python goes through; not what compiled code
opens on its own, nor files of Python and its packages, of the system, or below the root.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import stat
import sys
import sysconfig
import tempfile
import threading
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_BYTES = 256 << 20
"""Larger files are told by size, times and number alone."""

_CHUNK_BYTES = 1 << 20

_MOST_IN_CALLS = 64
"""Calls that open more than this read a file for each row."""

_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd")
"""What a function's digest covers, or a release."""

_ELSEWHERE = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {
        *("/dev", "/etc", "/proc", "/sys", sys.prefix),
        *(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


class Seen(NamedTuple):
    """What a file held.

    Attributes:
        stamp: Its size, times and number.
        content: The digest of its bytes, or the stamp of a large one.
    """

    stamp: str
    content: str


class Reads:
    """What one thread opens, for one function or set-up.

    Args:
        root: What is below it does not count.
        folder: Where what was read is written down, if it is.

    Attributes:
        files: What was read and not written.
        in_setup: Whether rows are not called yet.
    """

    def __init__(self, root: str | None = None, folder: Path | None = None) -> None:
        self.files: dict[str, Seen] = {}
        self.in_setup = True
        self._root = None if root is None else os.path.realpath(root) + os.sep
        self._folder = folder
        self._left = _MOST_IN_CALLS
        self._own: set[str] = set()

    def opened(self, path: Any, flags: Any) -> None:
        """Note a file that is being opened."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.path.realpath(os.fsdecode(path))
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
            self._write(name)
        elif name not in self._own and name not in self.files and not _is_elsewhere(name):
            if not self.in_setup:
                self._left -= 1
            if self._left >= 0 and (seen := _look(name)):
                self.add(name, seen)

    def add(self, name: str, seen: Seen) -> None:
        """Note a file that held this."""
        if name in self.files or (self._root and name.startswith(self._root)):
            return
        self.files[name] = seen
        if self._folder is not None:
            _put(self._folder, name, seen)

    def _write(self, name: str) -> None:
        """What a function writes is its result, also where it reads that again."""
        self._own.add(name)
        if self.files.pop(name, None) and self._folder is not None:
            _record(self._folder, name).unlink(missing_ok=True)


_reads: dict[int, Reads] = {}
"""By thread. Those of the engine lose what is local to them between two calls."""


def begin(spec: Mapping[str, Any]) -> None:
    """From now on this thread sets a function up."""
    _reads.pop(threading.get_ident(), None)
    root, key = spec.get("root"), spec.get("reads")
    if root and key:
        _install()
        _reads[threading.get_ident()] = Reads(root, folder_of(root, key))


def calling() -> None:
    """From now on it calls the function."""
    if reads := current():
        reads.in_setup = False


def end() -> None:
    """This thread is done with the function."""
    _reads.pop(threading.get_ident(), None)


def current() -> Reads | None:
    """What notes the files that this thread opens."""
    return _reads.get(threading.get_ident())


def follow(reads: Reads | None) -> None:
    """This thread calls the function of another one."""
    if reads is not None:
        _reads[threading.get_ident()] = reads


@contextlib.contextmanager
def collecting() -> Iterator[Reads]:
    """What is opened meanwhile, apart."""
    _install()
    outer, inner = current(), Reads()
    _reads[threading.get_ident()] = inner
    try:
        yield inner
    finally:
        _reads.pop(threading.get_ident(), None)
        follow(outer)


@contextlib.contextmanager
def own_input() -> Iterator[None]:
    """A row's own file is opened, which counts as the row's; in a set-up there is none."""
    reads = current()
    if reads is None or reads.in_setup:
        yield
        return
    del _reads[threading.get_ident()]
    try:
        yield
    finally:
        follow(reads)


def are_same(files: Mapping[str, Seen]) -> bool:
    """Whether the files hold what they held."""
    return all(_changed(name, seen) is None for name, seen in files.items())


def folder_of(root: str, key: str) -> Path:
    """Where it is written down what a function read."""
    return Path(root) / "reads" / key


def with_reads(folder: Path, code: str) -> str:
    """The digest of code and of what is in the files that it read, where that changed."""
    changed = []
    for record in sorted(folder.glob("*.json")):
        name, *seen = json.loads(record.read_text())
        now = _changed(name, Seen(*seen))
        if now is not None:
            changed.append((name, now))
    return blake2b(repr((code, changed)).encode(), digest_size=32).hexdigest() if changed else code


@functools.cache
def _install() -> None:
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open":
        return
    # what is opened in here is not the function's
    reads = _reads.pop(threading.get_ident(), None)
    if reads is None:
        return
    # an error would be the user's
    with contextlib.suppress(Exception):
        reads.opened(arguments[0], arguments[2])
    follow(reads)


def _is_elsewhere(name: str) -> bool:
    return name.startswith(_ELSEWHERE) or name.endswith(_CODE) or "/__pycache__/" in name


def _look(name: str) -> Seen | None:
    try:
        found = os.stat(name)  # noqa: PTH116  pathlib is slow
        if not stat.S_ISREG(found.st_mode):
            return None
        stamp = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
        return Seen(stamp, stamp if found.st_size > _MOST_BYTES else _content(name, stamp))
    except OSError:
        return None


@functools.lru_cache(maxsize=256)
def _content(name: str, _stamp: str) -> str:
    digest = blake2b(digest_size=32)
    with Path(name).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _changed(name: str, seen: Seen) -> str | None:
    """What a file holds now; None if it is what it held."""
    now = _look(name)
    if now is None:
        return "gone"
    return None if seen.stamp == now.stamp or seen.content == now.content else now.content


def _record(folder: Path, name: str) -> Path:
    return folder / f"{blake2b(os.fsencode(name), digest_size=16).hexdigest()}.json"


def _put(folder: Path, name: str, seen: Seen) -> None:
    """Write down what a file held when it was first seen."""
    record = _record(folder, name)
    if record.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False) as file:
        file.write(json.dumps([name, *seen]))
    os.replace(file.name, record)  # noqa: PTH105  pathlib is slow
