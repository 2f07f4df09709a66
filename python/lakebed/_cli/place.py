"""`Place`: a path or URI that a command was given, and `Entry`: what is there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed.exceptions import DataChainParamsError, MissingPathError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Place:
    """A file or folder on this machine or in a bucket, whether or not it is there.

    Attributes:
        root: `s3://bucket`; empty for this machine.
        key: The path, or the key in the bucket without `/` at its end.
        is_open: Whether a `/` was at its end: what is meant is what the folder holds.
    """

    root: str
    key: str
    is_open: bool = False

    @classmethod
    def of(cls, text: str) -> Place:
        """What a user wrote."""
        scheme = _SCHEME.match(text)
        if scheme is None or scheme[1].lower() == "file":
            path = os.path.expanduser(text[scheme.end() :] if scheme else text)  # noqa: PTH111
            return cls("", path.rstrip("/") or path[:1] or ".", path.endswith("/"))
        bucket, _, key = text[scheme.end() :].partition("/")
        if not bucket:
            msg = f"`{text}` names no bucket: give one, as `{scheme[0]}bucket`"
            raise DataChainParamsError(msg)
        return cls(f"{scheme[0]}{bucket}", key.rstrip("/"), not key or key.endswith("/"))

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return not self.root

    @property
    def is_web(self) -> bool:
        """Whether it is on a web server, which tells nobody what it has."""
        return self.root.startswith("http")

    @property
    def uri(self) -> str:
        """What storage is asked for."""
        return f"{self.root}/{self.key}" if self.root else self.key

    @property
    def name(self) -> str:
        """Its last part; empty for a bucket."""
        return self.key.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """On this machine."""
        return Path(self.key)

    def child(self, below: str) -> Place:
        """What is below it."""
        above = self.key.rstrip("/") if self.is_local else self.key
        key = below if not (above or self.is_local) else f"{above}/{below}"
        return replace(self, key=key, is_open=False)

    def __str__(self) -> str:
        return self.uri.rstrip("/") or "/"


@dataclass(frozen=True)
class Entry:
    """What a listing tells: a file, or a folder, whose `path` ends with `/`.

    Attributes:
        path: Below what was listed; empty when it is what was asked for.
        size: Bytes.
        etag: Changes with the content; empty where the store has none.
        version: Names the content for good; empty where the store keeps only the newest.
        modified: Microseconds since 1970.
    """

    path: str
    size: int = 0
    etag: str = ""
    version: str = ""
    modified: int = 0

    @property
    def is_folder(self) -> bool:
        """Whether it is one."""
        return self.path.endswith("/")


def file_at(place: Place) -> Entry | None:
    """The file there; None for a folder.

    Raises:
        MissingPathError: Nothing is there.
    """
    if place.is_local:
        return _local_file(place)
    if place.key and not place.is_open:
        try:
            return Entry("", *_storage().head(place.uri))
        except FileNotFoundError:
            pass
    if place.key and next(iter(children(place)), None) is None:
        raise missing(place)
    return None


def children(place: Place) -> Iterator[Entry]:
    """The files and folders in a folder, in no order; none if there is no such folder."""
    if not place.is_local:
        yield from _listed(place, recursive=False)
    elif place.path.is_dir():
        with os.scandir(place.path) as found:
            for entry in found:
                if entry.is_dir():
                    yield Entry(f"{entry.name}/")
                elif entry.is_file():
                    yield _entry(entry.name, entry.stat())


def files_below(place: Place) -> Iterator[Entry]:
    """The files in a folder and in those below."""
    if not place.is_local:
        yield from _listed(place, recursive=True)
        return
    top = os.fspath(place.path)
    seen: set[str] = set()
    for folder, folders, names in os.walk(top, followlinks=True):
        # links may lead to a folder that is on the way
        folders[:] = sorted(
            name
            for name in folders
            if _is_new(os.path.join(folder, name), seen)  # noqa: PTH118
        )
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield _entry(os.path.relpath(path, top), path.stat())


def found_at(given: str, *, patterns: bool = True) -> list[tuple[Place, Entry | None]]:
    """What a user names: places, each with its file, or None for a folder.

    A pattern in the name stands for all that fits; a name that is there is itself.

    Raises:
        MissingPathError: Nothing is there.
    """
    place = Place.of(given)
    is_literal = _MAGIC.search(place.key) is None or (place.is_local and place.path.exists())
    if not patterns or is_literal or place.is_web:
        return [(place, file_at(place))]
    parts = place.key.split("/")
    first = next(at for at, part in enumerate(parts) if _MAGIC.search(part))
    base = replace(place, key="/".join(parts[:first]) or place.key[: place.key.startswith("/")])
    found: list[tuple[Place, Entry | None]] = [(base, None)]
    for part in parts[first:]:
        found = [fit for folder, file in found if file is None for fit in _fitting(folder, part)]
    if not found:
        return [(place, file_at(place))]
    return [(replace(one, is_open=place.is_open), file) for one, file in found]


def _fitting(folder: Place, pattern: str) -> Iterator[tuple[Place, Entry | None]]:
    """What in a folder a pattern fits, by name; hidden files only if it names the dot."""
    here = folder if folder.key or not folder.is_local else replace(folder, key=".")
    for entry in sorted(children(here), key=lambda entry: entry.path):
        name = entry.path.rstrip("/")
        is_hidden = folder.is_local and name.startswith(".") and not pattern.startswith(".")
        if fnmatchcase(name, pattern) and not is_hidden:
            place = folder.child(name) if folder.key else replace(folder, key=name)
            yield place, None if entry.is_folder else replace(entry, path="")


def missing(place: Place) -> Exception:
    """Nothing is there."""
    return MissingPathError(f"no such file or directory: `{place}`")


def _local_file(place: Place) -> Entry | None:
    try:
        found = place.path.stat()
    except OSError as error:
        raise missing(place) from error
    return None if place.path.is_dir() else _entry("", found)


def _entry(path: str, found: os.stat_result) -> Entry:
    from lakebed import _listed

    return Entry(path, found.st_size, _listed.etag(found), "", found.st_mtime_ns // 1000)


def _is_new(folder: str, seen: set[str]) -> bool:
    real = os.path.realpath(folder)
    is_new = real not in seen
    seen.add(real)
    return is_new


def _listed(place: Place, *, recursive: bool) -> Iterator[Entry]:
    for page in _storage().list(place.uri, recursive):
        for row in page:
            if row[0]:  # WHY: consoles store an empty object as the mark of a folder
                yield Entry(*row)


def _storage() -> Any:
    from lakebed._storage import storage

    return storage()
