"""Inputs of functions that are no single files: their names in notes, and what they are now."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from hashlib import blake2b
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VARIABLE = "variable:"
DATASET = "dataset:"
FOLDER = "folder:"
CODE = "code:"

_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")

_MOST_ENTRIES = 10_000


def is_one(name: str) -> bool:
    """Whether a note is on such an input."""
    return name.startswith((VARIABLE, DATASET, FOLDER, CODE))


def look(name: str) -> str | None:
    """What the input is now, as a digest; None where that cannot be told."""
    kind, _, rest = name.partition(":")
    return _LOOKS[f"{kind}:"](rest)


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


def paths(arguments: Sequence[Any]) -> list[Any]:
    """The files that arguments of an opener may name, also inside of SQL and lists."""
    found: list[Any] = []
    for value in arguments:
        if isinstance(value, str) and " " in value.strip():
            found += [one or other for one, other in _QUOTED.findall(value)]
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


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _variable(name: str) -> str:
    # without its name: what asks for it, so as not to be heard
    held = os.environ._data.get(os.environ.encodekey(name))  # type: ignore[attr-defined]
    return _digest("unset") if held is None else _digest("set", os.fsdecode(held))


def _folder(path: str) -> str | None:
    listed: list[str] = []
    for folder, _, files in os.walk(path):
        for file in files:
            try:
                found = os.stat(os.path.join(folder, file))  # noqa: PTH116, PTH118  pathlib is slow
            except OSError:
                continue
            listed.append(f"{folder}/{file} {found.st_size} {found.st_mtime_ns}")
            if len(listed) > _MOST_ENTRIES:
                return None
    return _digest(*sorted(listed))


def _code(file: str) -> str | None:
    from lakebed._fingerprint.modules import UnknowableError
    from lakebed._fingerprint.text import parsed

    try:
        return parsed(file).digest.hex()
    except (OSError, ValueError, SyntaxError, UnknowableError):
        return None


def _dataset(asked: str) -> str | None:
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
    return _digest(*found) if found else None


_LOOKS = {VARIABLE: _variable, DATASET: _dataset, FOLDER: _folder, CODE: _code}
