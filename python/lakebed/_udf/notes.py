"""`Notes`: where it is written down what a function read, below any root."""

from __future__ import annotations

import os
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lakebed._storage import storage

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIX = ".json"


class Notes(Protocol):
    """Short texts by name; the first one that is written stays."""

    def all(self) -> Iterator[tuple[str, str]]:
        """Names and texts, in the order of the names."""

    def put(self, name: str, text: str) -> None:
        """Write a text, unless there is one."""

    def remove(self, name: str) -> None:
        """Remove a text, if there is one."""


def notes_of(root: str, key: str, what: str = "reads") -> Notes:
    """The notes on a function of this digest: what it reads, or its `parts`."""
    if "://" in root:
        return _InBucket(f"{root.rstrip('/')}/{what}/{key}")
    return _InFolder(Path(root) / what / key)


def name_of(path: str) -> str:
    """The name of the note on a file."""
    return blake2b(os.fsencode(path), digest_size=16).hexdigest() + _SUFFIX


class _InFolder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> Iterator[tuple[str, str]]:
        for note in sorted(self._folder.glob(f"*{_SUFFIX}")):
            yield note.name, note.read_text()

    def put(self, name: str, text: str) -> None:
        note = self._folder / name
        if note.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=self._folder, suffix=".tmp", delete=False
        ) as file:
            file.write(text)
        os.replace(file.name, note)  # noqa: PTH105  pathlib is slow

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


class _InBucket:
    def __init__(self, uri: str) -> None:
        self._uri = uri

    def all(self) -> Iterator[tuple[str, str]]:
        files = storage()
        for page in files.list(self._uri, True):  # noqa: FBT003  of the native class
            for name, size, *_ in sorted(page):
                yield name, files.read(f"{self._uri}/{name}", 0, size).decode()

    def put(self, name: str, text: str) -> None:
        files, uri = storage(), f"{self._uri}/{name}"
        try:
            files.head(uri)
        except FileNotFoundError:
            files.put(uri, text.encode(), {})

    def remove(self, name: str) -> None:
        storage().delete(f"{self._uri}/{name}")
