"""What set-ups and functions read beside their arguments, and whether that is as it was.

What a function opens is written down below the root when it is first seen, with what it
held then: files, listings of folders, variables of the environment, datasets, and code that
only a run leads to. From then on the function's code is also what is in those of them that
hold something else now. So results stand for what was read, and when a file is as before,
so are they.

Heard are `open`, which nearly all of Python goes through, listings, the readers in
`openers.py`, databases of SQLite and the files that commands name, on the threads that
call a function and those that it starts; not what other compiled code opens on its own,
nor files of Python and its packages, of the system, or below the root (`reads.py`). A file that
came into being while the function ran, and is gone, was no input.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import threading
import weakref
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lakebed._udf import inputs, openers
from lakebed._udf.inputs import Seen
from lakebed._udf.listeners import Listeners
from lakebed._udf.notes import notes_of
from lakebed._udf.reads import ELSEWHERE, LIBRARY, Reads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lakebed._udf.notes import Notes

_THREAD_STARTS = ("_thread.start_new_thread", "_thread.start_joinable_thread")

_LISTINGS = ("os.listdir", "os.scandir")

_ASKING = ("os", "collections.abc", "_collections_abc", openers.__name__)

_IMPORTING = ("importlib", "_frozen_importlib_external", "pkgutil", "pkg_resources", "zipimport")

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
    reads = Reads(_all, root, notes_of(root, key))
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
    outer, inner = current(), Reads(_all)
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
    if frame.f_code.co_filename.startswith(("<frozen", *ELSEWHERE, LIBRARY)):
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
