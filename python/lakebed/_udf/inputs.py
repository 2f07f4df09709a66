"""What an input of functions is now, by the name that notes have for it.

A file by its path; all else by a kind and what is asked: variables of the environment,
datasets, code, SQLite's databases, the files of a folder or a pattern, and the names that
a listing gives.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import json
import os
import re
import shlex
import stat
import sys
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

VARIABLE = "variable:"
DATASET = "dataset:"
FOLDER = "folder:"
NAMES = "names:"
CODE = "code:"
SQLITE = "sqlite:"

GONE = "gone"
"""What an input is that is not there."""

_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")

_SQLITE = b"SQLite format 3\0"

_MOST_BYTES = 256 << 20
"""What is larger is told by sizes, times and numbers alone."""

_CHUNK_BYTES = 1 << 20

_MOST_FILES = 10_000
"""Folders of more are not looked at."""

_MOST_NAMES = 1_000_000

_Look = tuple[str, "Callable[[], str]"]
"""A stamp, which is quickly made, and what digests the content."""


class Seen(NamedTuple):
    """What an input was.

    Attributes:
        stamp: Of files their sizes, times and numbers; of others the content.
        content: The digest of what was in it; of a large file the stamp.
        is_made: Whether it came into being while the function ran: that it is gone
            afterwards is as it was before.
    """

    stamp: str
    content: str
    is_made: bool = False


def look(name: str) -> Seen | None:
    """What the input is now; None where there is none."""
    found = _look(name)
    return None if found is None else Seen(found[0], found[1]())


def changed(name: str, seen: Seen) -> str | None:
    """The digest of what the input is now; None if it is what it was."""
    found = _look(name)
    if found is None:
        return None if seen.is_made or seen.content == GONE else GONE
    if found[0] == seen.stamp:
        return None
    now = found[1]()
    return None if now == seen.content else now


def is_file(name: str) -> bool:
    """Whether a note is on a file."""
    return name.startswith(os.sep)


def _look(name: str) -> _Look | None:
    try:
        if is_file(name):
            return _file(name)
        kind, _, rest = name.partition(":")
        return _LOOKS[f"{kind}:"](rest)
    except OSError:
        return None


# What calls name


def file_of(module: str) -> str | None:
    """The file of a loaded module."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return os.path.realpath(file) if isinstance(file, str) and file.endswith(".py") else None


def source_of(file: str) -> str:
    """The text of a module, if the file is what was compiled of it."""
    folder, name = os.path.split(file)
    if not name.endswith(".pyc"):
        return file
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")  # noqa: PTH118, PTH120


def quoted(text: str) -> list[str]:
    """What stands in quotes in a text of several words, such as SQL."""
    return [one or other for one, other in _QUOTED.findall(text)] if " " in text.strip() else []


def paths(arguments: Sequence[Any]) -> list[Any]:
    """The files that arguments of an opener may name, also inside of SQL and lists."""
    found: list[Any] = []
    for value in arguments:
        if isinstance(value, str):
            found += quoted(value)
        if isinstance(value, (str, bytes, os.PathLike)):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [part for part in value if isinstance(part, (str, os.PathLike))]
    return found


def words(command: Any) -> Iterator[str]:
    """The words of a command that may name files."""
    given = [command] if isinstance(command, (str, bytes)) else list(command or ())
    for word in map(os.fsdecode, given[:64]):
        yield word
        try:
            yield from shlex.split(word)[:64] if " " in word else ()
        except ValueError:
            continue


def is_pattern(text: str) -> bool:
    """Whether a text may stand for the files that match it."""
    return glob.has_magic(text) and not {".", os.sep}.isdisjoint(text)


def is_database(path: str) -> bool:
    """Whether a file is one of SQLite's."""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE
    return False


def database_of(text: str) -> str:
    """The file of a database, which may be given as a URI."""
    if not text.startswith("file:"):
        return text
    place = re.split("[?#]", text.removeprefix("file:"))[0]
    if place.startswith("//"):
        place = os.sep + place[2:].partition("/")[2]
    return unquote(place)


# Looks


def digest(*parts: str) -> str:
    """A short digest of texts."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _told(content: str) -> _Look:
    return content, lambda: content


def _file(path: str) -> _Look | None:
    found = os.stat(path)  # noqa: PTH116  pathlib is slow
    if not stat.S_ISREG(found.st_mode):
        return None
    stamp = _stamp(found)
    return stamp, lambda: stamp if found.st_size > _MOST_BYTES else _content(path, stamp)


def _stamp(found: os.stat_result) -> str:
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


@functools.lru_cache(maxsize=256)
def _content(path: str, _stamp: str) -> str:
    digest = blake2b(digest_size=32)
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _folder(path: str) -> _Look | None:
    """The files below a folder, or those that match a pattern."""
    found: Iterator[str]
    if os.path.isdir(path):  # noqa: PTH112  pathlib is slow
        found = chain.from_iterable(
            (os.path.join(folder, file) for file in files)  # noqa: PTH118
            for folder, _, files in os.walk(path)
        )
    else:
        found = glob.iglob(path, recursive=True)  # noqa: PTH207
    files = sorted(islice(found, _MOST_FILES + 1))
    if len(files) > _MOST_FILES:
        return None
    stats = {}
    for file in files:
        with contextlib.suppress(OSError):
            stats[file] = os.stat(file)  # noqa: PTH116
    stats = {file: one for file, one in stats.items() if stat.S_ISREG(one.st_mode)}
    stamp = digest(*(f"{file} {_stamp(one)}" for file, one in stats.items()))

    def content() -> str:
        if sum(one.st_size for one in stats.values()) > _MOST_BYTES:
            return stamp
        return digest(*(f"{file} {_content(file, _stamp(one))}" for file, one in stats.items()))

    return stamp, content


def names(path: str, without: Container[str] = ()) -> str | None:
    """The digest of the names in a folder, or of what matches a pattern, but some paths."""
    found: Iterator[str]
    is_folder = os.path.isdir(path)  # noqa: PTH112  pathlib is slow
    if is_folder:
        found = (os.path.join(path, name) for name in os.listdir(path))  # noqa: PTH118, PTH208
    else:
        found = glob.iglob(path, recursive=True, include_hidden=True)  # noqa: PTH207
    listed = sorted(islice(found, _MOST_NAMES + 1))
    if len(listed) > _MOST_NAMES or not (is_folder or listed or glob.has_magic(path)):
        return None
    return digest(*(n for n in listed if n not in without and not n.endswith("__pycache__")))


def _names(path: str) -> _Look | None:
    found = names(path)
    return None if found is None else _told(found)


def _database(path: str) -> _Look | None:
    """A database of SQLite as its readers see it, also what still is in its write-ahead log."""
    if (main := _file(path)) is None:
        return None
    log = f"{path}-wal"
    stamps = [main[0]]
    with contextlib.suppress(OSError):
        found = os.stat(log)  # noqa: PTH116
        # readers make one and leave it empty
        stamps += [_stamp(found)] if found.st_size else []
    stamp = " ".join(stamps)
    is_large = sum(int(one.partition(" ")[0]) for one in stamps) > _MOST_BYTES
    return stamp, lambda: stamp if is_large else _image(path, stamp)


@functools.lru_cache(maxsize=16)
def _image(path: str, stamp: str) -> str:
    has_log = stamp.count(" ") > 3  # noqa: PLR2004  two stamps
    # WHY: a reader of a database that has a log leaves files beside it; this one does so only
    # where there are some
    how = "mode=ro" if has_log else "mode=ro&immutable=1"
    import sqlite3

    try:
        database = sqlite3.connect(f"file:{quote(path)}?{how}", uri=True, timeout=0)
        with contextlib.closing(database):
            return blake2b(database.serialize(), digest_size=32).hexdigest()
    except (AttributeError, sqlite3.Error):
        # encrypted, locked, or none at all
        return digest(*(_content(file, stamp) for file in (path, f"{path}-wal")[: 1 + has_log]))


def _variable(name: str) -> _Look:
    # without its name: what asks for it, so as not to be heard
    held = os.environ._data.get(os.environ.encodekey(name))  # type: ignore[attr-defined]
    return _told(digest("unset") if held is None else digest("set", os.fsdecode(held)))


def _code(file: str) -> _Look | None:
    from lakebed._fingerprint.modules import UnknowableError
    from lakebed._fingerprint.text import parsed

    try:
        return _told(parsed(file).digest.hex())
    except (ValueError, SyntaxError, UnknowableError):
        return None


def _dataset(asked: str) -> _Look | None:
    """The version that is read now, on a thread of its own: the engine may be what asks."""
    found: list[str] = []

    def read() -> None:
        from lakebed.catalog import known_version
        from lakebed.session import Session

        session = Session.get()
        version = session._native.read_dataset(*json.loads(asked)).dataset
        found.append(repr((version, getattr(known_version(session, version), "uuid", ""))))

    def tried() -> None:
        try:
            read()
        except Exception:  # noqa: BLE001  it is gone, which a run will tell
            return

    thread = Thread(target=tried)
    thread.start()
    thread.join()
    return _told(digest(*found)) if found else None


_LOOKS: dict[str, Callable[[str], _Look | None]] = {
    VARIABLE: _variable,
    DATASET: _dataset,
    FOLDER: _folder,
    NAMES: _names,
    CODE: _code,
    SQLITE: _database,
}
