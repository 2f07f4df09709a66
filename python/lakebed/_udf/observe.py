"""What set-ups and functions read beside their arguments, and whether that is as it was.

What a function opens is written down below the root when it is first seen, with what it
held then: files, listings of folders, variables of the environment, datasets, and code that
only a run leads to. From then on the function's code is also what is in those of them that
hold something else now. So results stand for what was read, and when a file is as before,
so are they.

Heard are `open`, which nearly all of Python goes through, listings, the readers in
`openers.py`, databases of SQLite and the files that commands name, on the threads that
call a function and those that it starts; not what other compiled code opens on its own,
nor files of Python and its packages, of the system, or below the root. A file that came
into being while the function ran, and is gone, was no input.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import json
import os
import re
import sys
import sysconfig
import threading
import time
import weakref
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lakebed._native import born
from lakebed._udf import inputs, openers
from lakebed._udf.inputs import Seen
from lakebed._udf.listeners import Listeners
from lakebed._udf.notes import name_of, notes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lakebed._udf.notes import Notes

_MOST_IN_CALLS = 64
"""Calls that open more than this read a file for each row."""

_LONGEST = 4096
"""No name of a file is longer."""

_CLOCK = 5 if sys.platform == "linux" else time.CLOCK_REALTIME
"""That of file systems, `CLOCK_REALTIME_COARSE`; the other is a little ahead of it."""

_THREAD_STARTS = ("_thread.start_new_thread", "_thread.start_joinable_thread")

_LISTINGS = ("os.listdir", "os.scandir")

_CODE = (".pyc", ".pyi", ".so", ".pyd")
"""What a function's digest covers, or a release."""

_SECRETS = re.compile(
    r"(^|_)((API|ACCESS|PRIVATE)_?KEY|SECRETS?|TOKEN|PASSW\w*|CREDENTIALS?)(_|$)", re.IGNORECASE
)
"""Variables that let in, and do not decide what is found."""

_ASKING = ("os", "collections.abc", "_collections_abc", openers.__name__)

_IMPORTING = ("importlib", "_frozen_importlib_external", "pkgutil", "pkg_resources", "zipimport")

_LIBRARY = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep  # noqa: PTH120

_ELSEWHERE = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {
        *("/dev", "/etc", "/proc", "/sys", sys.prefix),
        *(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


class Reads:
    """What is opened for one function or set-up; while there are any, there is hearing.

    Args:
        root: What is below it does not count.
        notes: Where what was read is written down, if it is.

    Attributes:
        files: What was read and not written, by the names that `inputs.py` gives.
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
        self.covered: frozenset[str] = frozenset()
        self._since = time.clock_gettime_ns(_CLOCK)
        self._place = _all.add(self)

    def opened(self, path: Any, mode: Any, flags: Any) -> None:
        """Note a file that is being opened."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        text = os.fsdecode(path)
        if text.startswith("<") and text.endswith(">"):
            # the place of code without a file, which Python 3.13 looks for
            return
        is_written = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        if self._left < 0 and not (is_written or text.endswith((".py", ".pyc"))):
            # of no use any more
            return
        name = os.path.realpath(text)
        if mode is None and not (os.path.isabs(text) or os.path.lexists(name)):  # noqa: PTH117
            # by `os.open`, perhaps in a folder that is given as a number
            return
        if is_written:
            self.wrote(name)
        elif name.endswith((".py", ".pyc")):
            if _is_import():
                self.ran(inputs.source_of(name))
        else:
            self._read(name)

    def named(self, path: Any) -> str | None:
        """Note files that something else opens, a single one perhaps to write into it."""
        text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not text or "\0" in text or len(text) > _LONGEST or self._left < 0:
            return None
        name = os.path.realpath(text.removeprefix("file://"))
        if name in self.files:
            return None
        if os.path.isdir(name):  # noqa: PTH112  pathlib is slow
            return self.noted(inputs.FOLDER + name)
        if inputs.is_database(name):
            self.written(self.connected(name))
        elif os.path.exists(name):  # noqa: PTH110
            self._shared.add(name)
            self._read(name)
        elif inputs.is_pattern(text):
            return self.noted(inputs.FOLDER + os.path.abspath(text))  # noqa: PTH100
        return None

    def commanded(self, path: Any) -> None:
        """Note files that a command names, perhaps to write into them."""
        self.written(self.named(path))

    def connected(self, database: Any) -> str | None:
        """Note a database of SQLite; the name of the note, if it has a file."""
        text = os.fsdecode(database) if isinstance(database, (str, bytes, os.PathLike)) else ""
        path = os.path.realpath(inputs.database_of(text))
        if path in self._own or not os.path.isfile(path):  # noqa: PTH113
            return None
        self.noted(inputs.SQLITE + path)
        return inputs.SQLITE + path

    def written(self, name: str | None) -> None:
        """What has this note may be written to."""
        if name is not None:
            self._shared.add(name)

    def listed(self, folder: Any) -> None:
        """Note which names a folder holds."""
        if isinstance(folder, int):
            # of what is being removed
            return
        name = os.path.realpath(os.fsdecode(folder or "."))
        if not self._is_new(name):
            self.noted(inputs.NAMES + name)

    def matched(self, folder: Any, pattern: Any) -> None:
        """Note which names match a pattern."""
        base = glob.escape(os.path.abspath(os.fsdecode(folder)))  # noqa: PTH100
        self.noted(inputs.NAMES + os.path.join(base, os.fsdecode(pattern)))  # noqa: PTH118

    def asked(self, variable: str) -> None:
        """Note a variable of the environment."""
        if not _SECRETS.search(variable):
            self.noted(inputs.VARIABLE + variable)

    def ran(self, file: str) -> None:
        """Note code of the project that was not known to run."""
        if file in self.covered or file.startswith((*_ELSEWHERE, _LIBRARY)):
            return
        from lakebed._fingerprint.releases import is_installed

        if not is_installed(file):
            self.noted(inputs.CODE + file)

    def noted(self, name: str) -> str | None:
        """Note what is no file; its name, if it is there and new."""
        is_of_files = name.startswith((inputs.FOLDER, inputs.NAMES, inputs.SQLITE))
        if name in self.files or (is_of_files and not self._counts(name.partition(":")[2])):
            return None
        now = inputs.look(name)
        if now is None and name.startswith(inputs.NAMES):
            now = Seen(inputs.GONE, inputs.GONE)
        if now is not None:
            self.add(name, now)
        return name

    def _read(self, name: str) -> None:
        if name in self._own or name in self.files or not self._counts(name):
            return
        if seen := inputs.look(name):
            self.add(name, seen._replace(is_made=self._is_new(name)))
        elif not os.path.lexists(name):
            self.add(name, Seen(inputs.GONE, inputs.GONE))

    def _counts(self, path: str) -> bool:
        """Whether a place may be an input, and is not one of too many."""
        if _is_elsewhere(path) or (self._root and f"{path}{os.sep}".startswith(self._root)):
            return False
        if not self.in_setup:
            self._left -= 1
        return self._left >= 0

    def add(self, name: str, seen: Seen) -> None:
        """Note what held this."""
        if name in self.files:
            return
        self.files[name] = seen
        if self._notes is not None:
            self._notes.put(name_of(name), json.dumps([name, *seen]))

    def end(self) -> None:
        """The function is not called any more: what it made or wrote was no input."""
        for name, seen in list(self.files.items()):
            if self._is_own(name, seen):
                self._forget(name)
            elif name.startswith(inputs.NAMES) and self._differs_by_own(name, seen):
                self._forget(name)
                if now := inputs.look(name):
                    # as the next run finds it
                    self.add(name, now)
        self.close()

    def _is_own(self, name: str, seen: Seen) -> bool:
        path = name.removeprefix(inputs.NAMES)
        if seen.is_made:
            is_own = not os.path.exists(path)  # noqa: PTH110  pathlib is slow
        else:
            is_own = seen.content == inputs.GONE and self._is_new(path)
        return is_own or (name in self._shared and inputs.changed(name, seen) is not None)

    def _differs_by_own(self, name: str, seen: Seen) -> bool:
        """Whether what the function wrote is all that is other in a listing."""
        path = name.removeprefix(inputs.NAMES)
        is_other = inputs.changed(name, seen) is not None
        return is_other and inputs.names(path, self._own) == seen.content

    def _is_new(self, path: str) -> bool:
        """Whether a file or folder came into being since this listens."""
        try:
            found = born(path)
            # where that is not known, when anything about it changed last
            return (os.stat(path).st_ctime_ns if found is None else found) >= self._since  # noqa: PTH116
        except OSError:
            return False

    def close(self) -> None:
        """Nothing is noted any more."""
        _all.remove(self._place)

    def wrote(self, path: Any) -> None:
        """What a function writes is its result, also where it reads that again."""
        if isinstance(path, (str, bytes, os.PathLike)):
            name = os.path.realpath(os.fsdecode(path))
            self._own.add(name)
            self._forget(name)

    def made(self, folder: Any) -> None:
        """The same for a folder that was not there."""
        if not os.path.exists(folder):  # noqa: PTH110  pathlib is slow
            self.wrote(folder)

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

_EVENTS: dict[str, Callable[[Reads, tuple[Any, ...]], object]] = {
    "open": lambda reads, given: reads.opened(*given),
    "os.listdir": lambda reads, given: reads.listed(given[0]),
    "os.scandir": lambda reads, given: reads.listed(given[0]),
    "glob.glob/2": lambda reads, given: reads.matched(given[2] or "", given[0]),
    "pathlib.Path.glob": lambda reads, given: reads.matched(*given),
    "pathlib.Path.rglob": lambda reads, given: reads.matched(given[0], f"**{os.sep}{given[1]}"),
    "os.mkdir": lambda reads, given: reads.made(given[0]),
    "os.rename": lambda reads, given: reads.wrote(given[1]),
    "sqlite3.connect": lambda reads, given: _connecting(reads, given[0]),
    "ctypes.dlopen": lambda reads, given: reads.named(given[0]),
    "subprocess.Popen": lambda reads, given: _command(reads, given[1]),
    "os.system": lambda reads, given: _command(reads, given[0]),
    "pickle.find_class": lambda reads, given: _found(reads, given[0]),
    **dict.fromkeys(_THREAD_STARTS, lambda *_: None),
}
"""What the events of Python's audit tell."""


_places: dict[int, str | None] = {}
"""Which notes are on the databases that threads are connecting to."""

_ONLY_READING = frozenset({19, 20, 21, 22, 31, 33})
"""SQLite's codes for a pragma, a column, a query, a transaction, a function and a recursion."""

_ATTACHING = 24


def _connecting(reads: Reads, database: Any) -> None:
    _places[threading.get_ident()] = reads.connected(database)


def _connected(connection: Any) -> None:
    """Ask a new connection what its statements do: what others write is an input."""
    place = _places.get(threading.get_ident())

    def allow(action: int, argument: str | None, _: Any, schema: str | None, _by: Any) -> int:
        if action not in _ONLY_READING and schema != "temp":
            with _listeners() as listening:
                for reads in listening:
                    reads.written(reads.connected(argument) if action == _ATTACHING else place)
        return 0

    connection.set_authorizer(allow)


def _command(reads: Reads, command: Any) -> None:
    for word in inputs.words(command):
        reads.commanded(word)


def _found(reads: Reads, module: str) -> None:
    if file := inputs.file_of(module):
        reads.ran(file)


def reads_of(spec: Mapping[str, Any]) -> Reads | None:
    """What notes the files of a function that is about to be set up, if that is of use."""
    root, key = spec.get("root"), spec.get("reads")
    if not (root and key):
        return None
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
    outer, inner = current(), Reads()
    _reads[threading.get_ident()] = inner
    try:
        yield inner
    finally:
        end()
        follow(outer)
        inner.end()


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
    return all(inputs.changed(name, seen) is None for name, seen in files.items())


def content_of(path: str) -> str:
    """The digest of what a file, or each file of a folder, holds now."""
    if not os.path.isdir(path):  # noqa: PTH112  pathlib is slow
        seen = inputs.look(os.path.realpath(path))
        return inputs.GONE if seen is None else seen.content
    digest = blake2b(digest_size=32)
    for file in sorted(Path(path).rglob("*")):
        if seen := inputs.look(os.path.realpath(file)):
            digest.update(f"{file.relative_to(path)} {seen.content}\0".encode())
    return digest.hexdigest()


def changes(notes: Notes) -> Iterator[tuple[str, str, str]]:
    """What was read and holds something else now: its name, and digests of then and of now."""
    for _, text in notes.all():
        name, *fields = json.loads(text)
        seen = Seen(*fields)
        if (now := inputs.changed(name, seen)) is not None:
            yield name, seen.content, now


def with_reads(notes: Notes, code: str) -> str:
    """The digest of code and of what is in the files that it read, where that changed."""
    changed = []
    for note, text in notes.all():
        name, *fields = json.loads(text)
        seen = Seen(*fields)
        now = inputs.changed(name, seen)
        if now is not None:
            changed.append((name, now))
        elif seen.is_made and not os.path.exists(name):  # noqa: PTH110  pathlib is slow
            # of a run that was killed
            notes.remove(note)
    return blake2b(repr((code, changed)).encode(), digest_size=32).hexdigest() if changed else code


def dataset(name: str, *asked: str | None) -> None:
    """A saved dataset is read by what this thread calls."""
    with _listeners() as listening:
        for reads in listening:
            reads.noted(inputs.DATASET + json.dumps([name, *asked]))


# Hearing


def _begin() -> None:
    _add_hook()
    openers.install(_hear_arguments, _hear_variable, _connected)
    if sys.version_info < (3, 12):
        # it says nothing when a thread starts
        openers.replace(threading.Thread, "start", _followed(threading.Thread.start))


_all = Listeners(_begin, openers.remove)


@functools.cache
def _add_hook() -> None:
    """There is no way to take it back."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS or not _all:
        return
    with _listeners() as listening:
        if event in _THREAD_STARTS:
            _follow_start(getattr(arguments[0], "__self__", None))
        elif listening and not (event in _LISTINGS and _is_part_of_more()):
            for reads in listening:
                _EVENTS[event](reads, arguments)


def _hear_arguments(arguments: Sequence[Any]) -> None:
    with _listeners() as listening:
        for reads in listening:
            for path in inputs.paths(arguments):
                reads.named(path)


def _hear_variable(name: str) -> None:
    thread = threading.get_ident()
    if not (thread in _reads or _started):
        return
    if thread in _deaf or all(inputs.VARIABLE + name in r.files for r in _listening(thread)):
        return
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") in _ASKING:
        frame = frame.f_back
    if frame.f_code.co_filename.startswith(("<frozen", *_ELSEWHERE, _LIBRARY)):
        return
    with _listeners() as listening:
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


def _followed(start: Callable[[threading.Thread], None]) -> Any:
    @functools.wraps(start)
    def followed(self: threading.Thread) -> None:
        _follow_start(self)
        start(self)

    return followed


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


def _is_part_of_more() -> bool:
    """Whether a folder is listed to import from it, or for a pattern, which was noted."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module in ("glob", *_IMPORTING):
            return True
        if module == "pathlib" and frame.f_code.co_name in ("glob", "rglob"):
            return True
        if module not in ("os", "pathlib"):
            return False
        frame = frame.f_back
    return False


def _is_elsewhere(name: str) -> bool:
    return name.startswith(_ELSEWHERE) or name.endswith(_CODE) or "/__pycache__/" in name
