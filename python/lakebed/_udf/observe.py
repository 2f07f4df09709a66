"""Files that set-ups and functions read through Python, and whether these are as they were.

What a function opens is written down below the root when it is first seen, with what it
held then. From then on the function's code is also what is in those of the files that
hold something else now. So results stand for what was read, and when a file is as before,
so are they.

Only `open` is heard, which nearly all of Python goes through, on the threads that call a
function and those that it starts; not what compiled code and other processes open on
their own, nor files of Python and its packages, of the system, or below the root. A file
that came into being while the function ran, and is gone, was no input.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import stat
import sys
import sysconfig
import threading
import time
import weakref
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from lakebed._native import born
from lakebed._udf.notes import name_of, notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakebed._udf.notes import Notes

_MOST_BYTES = 256 << 20
"""Larger files are told by size, times and number alone."""

_CHUNK_BYTES = 1 << 20

_MOST_IN_CALLS = 64
"""Calls that open more than this read a file for each row."""

_CLOCK = 5 if sys.platform == "linux" else time.CLOCK_REALTIME
"""That of file systems, `CLOCK_REALTIME_COARSE`; the other is a little ahead of it."""

_THREAD_STARTS = ("_thread.start_new_thread", "_thread.start_joinable_thread")

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
        is_made: Whether it came into being while the function ran: that it is gone
            afterwards is as it was before.
    """

    stamp: str
    content: str
    is_made: bool = False


class Reads:
    """What is opened for one function or set-up.

    Args:
        root: What is below it does not count.
        notes: Where what was read is written down, if it is.

    Attributes:
        files: What was read and not written.
        in_setup: Whether rows are not called yet.
    """

    def __init__(self, root: str | None = None, notes: Notes | None = None) -> None:
        self.files: dict[str, Seen] = {}
        self.in_setup = True
        self._root = None if root is None else os.path.realpath(root) + os.sep
        self._notes = notes
        self._left = _MOST_IN_CALLS
        self._own: set[str] = set()
        self._since = time.clock_gettime_ns(_CLOCK)

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
                self.add(name, seen._replace(is_made=_born(name) >= self._since))

    def add(self, name: str, seen: Seen) -> None:
        """Note a file that held this."""
        if name in self.files or (self._root and name.startswith(self._root)):
            return
        self.files[name] = seen
        if self._notes is not None:
            self._notes.put(name_of(name), json.dumps([name, *seen]))

    def end(self) -> None:
        """The function is not called any more: files of its own that are gone are forgotten."""
        for name, seen in list(self.files.items()):
            if seen.is_made and not os.path.exists(name):  # noqa: PTH110  pathlib is slow
                self._forget(name)

    def _write(self, name: str) -> None:
        """What a function writes is its result, also where it reads that again."""
        self._own.add(name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        if self.files.pop(name, None) and self._notes is not None:
            self._notes.remove(name_of(name))


_reads: dict[int, Reads] = {}
"""By the threads that call functions, while they do. Those of the engine lose what is local to them
between two calls."""

_started: WeakKeyDictionary[threading.Thread, weakref.ref[Reads]] = WeakKeyDictionary()
"""For whom threads were started that functions started."""

_deaf: set[int] = set()
"""Threads whose files do not count."""


def reads_of(spec: Mapping[str, Any]) -> Reads | None:
    """What notes the files of a function that is about to be set up, if that is of use."""
    root, key = spec.get("root"), spec.get("reads")
    if not (root and key):
        return None
    _install()
    return Reads(root, notes_of(root, key))


def end() -> None:
    """This thread calls the function no more."""
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
        end()
        follow(outer)


@contextlib.contextmanager
def own_input() -> Iterator[None]:
    """A row's own file is opened, which counts as the row's; in a set-up there is none."""
    thread = threading.get_ident()
    if thread in _deaf or all(reads.in_setup for reads in _listening(thread)):
        yield
        return
    _deaf.add(thread)
    try:
        yield
    finally:
        _deaf.discard(thread)


def are_same(files: Mapping[str, Seen]) -> bool:
    """Whether the files hold what they held."""
    return all(_changed(name, seen) is None for name, seen in files.items())


def with_reads(notes: Notes, code: str) -> str:
    """The digest of code and of what is in the files that it read, where that changed."""
    changed = []
    for note, text in notes.all():
        name, *fields = json.loads(text)
        seen = Seen(*fields)
        now = _changed(name, seen)
        if now is not None:
            changed.append((name, now))
        elif seen.is_made and not os.path.exists(name):  # noqa: PTH110  pathlib is slow
            # of a run that was killed
            notes.remove(note)
    return blake2b(repr((code, changed)).encode(), digest_size=32).hexdigest() if changed else code


@functools.cache
def _install() -> None:
    sys.addaudithook(_hear)
    if sys.version_info < (3, 12):
        # it says nothing when a thread starts
        start = threading.Thread.start

        @functools.wraps(start)
        def followed(self: threading.Thread) -> None:
            _follow_start(self)
            start(self)

        threading.Thread.start = followed  # type: ignore[method-assign]


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("open", *_THREAD_STARTS):
        return
    thread = threading.get_ident()
    if thread in _deaf or not (_reads or _started):
        return
    # what is opened in here is not the function's
    _deaf.add(thread)
    try:
        if event != "open":
            _follow_start(getattr(arguments[0], "__self__", None))
            return
        for reads in _listening(thread):
            reads.opened(arguments[0], arguments[2])
    except Exception:  # noqa: BLE001, S110  an error would be the user's
        pass
    finally:
        _deaf.discard(thread)


def _follow_start(begun: Any) -> None:
    """A thread is started; what it opens counts where it was started for a function."""
    if not isinstance(begun, threading.Thread):
        return
    if reads := current():
        _started[begun] = weakref.ref(reads)
    elif reference := _started.get(threading.current_thread()):
        _started[begun] = reference


def _listening(thread: int) -> list[Reads]:
    """For whom this thread opens files."""
    if reads := _reads.get(thread):
        return [reads]
    reference = _started.get(threading.current_thread()) if _started else None
    if reference is None:
        return []
    # functions may share the threads of a pool: it is for one that is called now, or who began it
    starter = reference()
    return list({*_reads.values(), *([] if starter is None else [starter])})


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


def _born(name: str) -> int:
    """When a file came into being; where that is not known, when anything about it changed last."""
    found = born(name)
    return os.stat(name).st_ctime_ns if found is None else found  # noqa: PTH116


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
        return None if seen.is_made else "gone"
    return None if seen.stamp == now.stamp or seen.content == now.content else now.content
