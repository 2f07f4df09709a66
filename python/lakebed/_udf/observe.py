"""What set-ups and functions read beside their arguments, and whether that is as it was.

What a function opens is written down below the root when it is first seen, with what it
held then: files, variables of the environment, datasets, and code that only a run leads
to. From then on the function's code is also what is in those of them that hold something
else now. So results stand for what was read, and when a file is as before, so are they.

Heard are `open`, which nearly all of Python goes through, the readers in `openers.py`,
databases of SQLite and the files that commands name, on the threads that call a function
and those that it starts; not what other compiled code opens on its own, nor files of
Python and its packages, of the system, or below the root. A file that came into being
while the function ran, and is gone, was no input.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
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
from lakebed._udf import inputs, openers
from lakebed._udf.notes import name_of, notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lakebed._udf.notes import Notes

_MOST_BYTES = 256 << 20
"""Larger files are told by size, times and number alone."""

_CHUNK_BYTES = 1 << 20

_MOST_IN_CALLS = 64
"""Calls that open more than this read a file for each row."""

_LONGEST = 4096
"""No name of a file is longer."""

_CLOCK = 5 if sys.platform == "linux" else time.CLOCK_REALTIME
"""That of file systems, `CLOCK_REALTIME_COARSE`; the other is a little ahead of it."""

_THREAD_STARTS = ("_thread.start_new_thread", "_thread.start_joinable_thread")

_CODE = (".pyc", ".pyi", ".so", ".pyd")
"""What a function's digest covers, or a release."""

_EVENTS = frozenset(
    {"open", "sqlite3.connect", "ctypes.dlopen", "subprocess.Popen", "os.system"}
    | {"pickle.find_class", *_THREAD_STARTS}
)

_SECRETS = re.compile(
    r"(^|_)((API|ACCESS|PRIVATE)_?KEY|SECRETS?|TOKEN|PASSW\w*|CREDENTIALS?)(_|$)", re.IGNORECASE
)
"""Variables that let in, and do not decide what is found."""

_MOST_VARIABLES = 32
"""Who asks for more goes through all of them."""

_MOST_FILES = 64
"""Of the files that arguments name."""

_ASKING = ("os", "collections.abc", "_collections_abc")

_LIBRARY = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep  # noqa: PTH120

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
        self._shared: set[str] = set()
        self._variables = 0
        self.covered: frozenset[str] = frozenset()
        self._since = time.clock_gettime_ns(_CLOCK)

    def opened(self, path: Any, flags: Any) -> None:
        """Note a file that is being opened."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.path.realpath(os.fsdecode(path))
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
            self._write(name)
        elif name.endswith((".py", ".pyc")):
            if _is_import():
                self.ran(inputs.source_of(name))
        else:
            self._read(name)

    def named(self, path: Any) -> None:
        """Note a file that something else opens, perhaps to write into it."""
        text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not text or "\0" in text or len(text) > _LONGEST:
            return
        name = os.path.realpath(text.removeprefix("file://"))
        if os.path.isdir(name):  # noqa: PTH112  pathlib is slow
            self.noted(inputs.FOLDER + name)
        elif name not in self.files and os.path.exists(name):  # noqa: PTH110
            self._shared.add(name)
            self._read(name)

    def asked(self, variable: str) -> None:
        """Note a variable of the environment."""
        if not _SECRETS.search(variable):
            self._variables += 1
            if self._variables <= _MOST_VARIABLES:
                self.noted(inputs.VARIABLE + variable)

    def ran(self, file: str) -> None:
        """Note code of the project that was not known to run."""
        if file in self.covered or file.startswith((*_ELSEWHERE, _LIBRARY)):
            return
        from lakebed._fingerprint.releases import is_installed

        if not is_installed(file):
            self.noted(inputs.CODE + file)

    def noted(self, name: str) -> None:
        """Note what is no file."""
        if name not in self.files and (now := inputs.look(name)) is not None:
            self.add(name, Seen(now, now))

    def _read(self, name: str) -> None:
        if name in self._own or name in self.files or _is_elsewhere(name):
            return
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
            is_gone = seen.is_made and not os.path.exists(name)  # noqa: PTH110  pathlib is slow
            if is_gone or (name in self._shared and _changed(name, seen) is not None):
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
    reads = Reads(root, notes_of(root, key))
    reads.covered = frozenset(spec.get("covered", ()))
    for name in spec.get("named", ()):
        reads.named(name)
    return reads


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


def content_of(path: str) -> str:
    """The digest of what a file, or each file of a folder, holds now."""
    if not os.path.isdir(path):  # noqa: PTH112  pathlib is slow
        seen = _look(os.path.realpath(path))
        return "gone" if seen is None else seen.content
    digest = blake2b(digest_size=32)
    for file in sorted(Path(path).rglob("*")):
        if seen := _look(os.path.realpath(file)):
            digest.update(f"{file.relative_to(path)} {seen.content}\0".encode())
    return digest.hexdigest()


def changes(notes: Notes) -> Iterator[tuple[str, str, str]]:
    """What was read and holds something else now: its name, and digests of then and of now."""
    for _, text in notes.all():
        name, *fields = json.loads(text)
        seen = Seen(*fields)
        if (now := _changed(name, seen)) is not None:
            yield name, seen.content, now


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
    openers.install(_hear_arguments, _hear_variable)
    if sys.version_info < (3, 12):
        # it says nothing when a thread starts
        start = threading.Thread.start

        @functools.wraps(start)
        def followed(self: threading.Thread) -> None:
            _follow_start(self)
            start(self)

        threading.Thread.start = followed  # type: ignore[method-assign]


def dataset(name: str, *asked: str | None) -> None:
    """A saved dataset is read by what this thread calls."""
    with _listeners() as listening:
        for reads in listening:
            reads.noted(inputs.DATASET + json.dumps([name, *asked]))


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    with _listeners() as listening:
        if event in _THREAD_STARTS:
            _follow_start(getattr(arguments[0], "__self__", None))
        for reads in listening:
            if event == "open":
                reads.opened(arguments[0], arguments[2])
            elif event == "pickle.find_class":
                if file := inputs.file_of(arguments[0]):
                    reads.ran(file)
            elif event in ("sqlite3.connect", "ctypes.dlopen"):
                reads.named(arguments[0])
            else:
                for word in inputs.words(arguments[0] if event == "os.system" else arguments[1]):
                    reads.named(word)


def _hear_arguments(arguments: Sequence[Any]) -> None:
    with _listeners() as listening:
        for reads in listening:
            for path in inputs.paths(arguments)[:_MOST_FILES]:
                reads.named(path)


def _hear_variable(name: str) -> None:
    with _listeners() as listening:
        if not listening:
            return
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_globals.get("__name__") in (
            *_ASKING,
            __name__,
            "contextlib",
            openers.__name__,
        ):
            frame = frame.f_back
        file = frame.f_code.co_filename
        if not file.startswith(("<frozen", *_ELSEWHERE, _LIBRARY)):
            for reads in listening:
                reads.asked(name)


@contextlib.contextmanager
def _listeners() -> Iterator[list[Reads]]:
    """For whom this thread reads something; what is opened meanwhile is nobody's.

    An error would be the user's, so there is none.
    """
    thread = threading.get_ident()
    if thread in _deaf or not (_reads or _started):
        yield []
        return
    _deaf.add(thread)
    try:
        with contextlib.suppress(Exception):
            yield _listening(thread)
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


def _is_import() -> bool:
    """Whether a file is opened to run it, and not to be shown."""
    frame: Any = sys._getframe(1)
    for _ in range(12):
        if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
            break
        frame = frame.f_back
    else:
        return False
    return frame is not None


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
    if inputs.is_one(name):
        found = inputs.look(name)
        return None if found == seen.content else str(found)
    now = _look(name)
    if now is None:
        return None if seen.is_made else "gone"
    return None if seen.stamp == now.stamp or seen.content == now.content else now.content
