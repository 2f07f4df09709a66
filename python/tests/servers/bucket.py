"""What the double keeps: buckets of objects in memory, in the order of their keys."""

from __future__ import annotations

import hashlib
import itertools
import time
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import NamedTuple

_numbers = itertools.count(int(time.time() * 1_000_000))
"""Generations: larger ones are later."""

_LAST = chr(0x10FFFF)
"""Sorts after every other character."""


class Problem(Exception):  # noqa: N818  says what is the case
    """A request that is refused: a status and a code of S3."""

    def __init__(self, status: int, code: str) -> None:
        """Keep both."""
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(slots=True)
class Stored:
    """A version of an object; one without an etag marks that it was deleted."""

    key: str
    size: int
    etag: str
    attributes: dict[str, str] = field(default_factory=dict)
    data: bytes | None = None
    generation: int = field(default_factory=lambda: next(_numbers))
    modified: float = field(default_factory=time.time)

    @property
    def is_marker(self) -> bool:
        """Whether it says that the object was deleted."""
        return not self.etag

    def content(self) -> bytes:
        """All bytes."""
        return self.read(0, self.size)

    def read(self, start: int, end: int) -> bytes:
        """A range of the bytes; those of filled-in objects are made when they are wanted."""
        if self.data is not None:
            return self.data[start:end]
        seed = f"{self.key}:{self.generation};".encode()
        skipped = start % len(seed)
        return (seed * ((end - start) // len(seed) + 2))[skipped : skipped + end - start]

    def http_time(self) -> str:
        """When it was written, to the second, as in headers."""
        return formatdate(self.modified, usegmt=True)

    def iso_time(self) -> str:
        """When it was written, to the millisecond, as in listings."""
        parts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.modified))
        return f"{parts}.{int(self.modified % 1 * 1000):03}Z"


class Page(NamedTuple):
    """A part of a listing; `end` is where the next one begins, empty at the end."""

    objects: list[Stored]
    folders: list[str]
    end: str


class Bucket:
    """Objects by key, and their earlier versions when the bucket is versioned."""

    def __init__(self, *, public: bool = False, versioned: bool = False) -> None:
        """An empty bucket."""
        self.public = public
        self.versioned = versioned
        self.keys: list[str] = []
        self.history: dict[str, list[Stored]] = {}
        self.uploads: dict[str, Upload] = {}

    def put(self, key: str, data: bytes, attributes: dict[str, str], etag: str = "") -> Stored:
        """Store a new version of an object, which is then the one that counts."""
        etag = etag or hashlib.md5(data, usedforsecurity=False).hexdigest()
        return self._add(Stored(key, len(data), etag, attributes, data))

    def touch(self, key: str) -> Stored:
        """Write the same bytes again: a later time, another generation and etag."""
        found = self.latest(key)
        etag = hashlib.md5(f"{key}{next(_numbers)}".encode(), usedforsecurity=False).hexdigest()
        return self._add(Stored(key, found.size, etag, found.attributes, found.content()))

    def fill(self, keys: list[str], size: int) -> None:
        """Store many objects of `size` bytes at once."""
        for key in keys:
            etag = hashlib.md5(f"{key}:{size}".encode(), usedforsecurity=False).hexdigest()
            self.history[key] = [Stored(key, size, etag)]
        self.keys = sorted({*self.keys, *keys})

    def delete(self, key: str, version: str = "") -> Stored | None:
        """Remove an object, or one of its versions; the marker that takes its place, if any."""
        versions = self.history.get(key, [])
        if version:
            self.history[key] = [found for found in versions if str(found.generation) != version]
        elif self.versioned:
            return self._add(Stored(key, 0, ""))
        else:
            self.history[key] = []
        if not self.history[key]:
            del self.history[key]
        self._index(key)
        return None

    def latest(self, key: str, version: str = "") -> Stored:
        """An object, or the given version of it."""
        versions = self.history.get(key, [])
        if version:
            for found in versions:
                if str(found.generation) == version and not found.is_marker:
                    return found
            raise Problem(404, "NoSuchVersion")
        if not versions or versions[-1].is_marker:
            raise Problem(404, "NoSuchKey")
        return versions[-1]

    def page(self, prefix: str, after: str, delimiter: str, limit: int) -> Page:
        """At most `limit` objects and folders below `prefix`, from beyond `after`."""
        objects: list[Stored] = []
        folders: list[str] = []
        at = max(bisect_left(self.keys, prefix), bisect_right(self.keys, after) if after else 0)
        end = after
        while at < len(self.keys) and self.keys[at].startswith(prefix):
            if len(objects) + len(folders) == limit:
                return Page(objects, folders, end)
            key = self.keys[at]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                objects.append(self.history[key][-1])
                end = key
                at += 1
            else:
                folders.append(key[: cut + len(delimiter)])
                end = folders[-1] + _LAST
                at = bisect_right(self.keys, end, at)
        return Page(objects, folders, "")

    def versions(self, prefix: str, after: tuple[str, int], limit: int) -> list[Stored]:
        """At most `limit` versions from beyond `after`: by key, the latest first."""
        keys = sorted(key for key in self.history if key.startswith(prefix) and key >= after[0])
        found = (one for key in keys for one in reversed(self.history[key]))
        rest = (one for one in found if one.key != after[0] or one.generation < after[1])
        return list(itertools.islice(rest, limit))

    def _add(self, new: Stored) -> Stored:
        kept = self.history.get(new.key, []) if self.versioned else []
        self.history[new.key] = [*kept, new]
        self._index(new.key)
        return new

    def _index(self, key: str) -> None:
        """Bring `keys` up to date with `history`."""
        versions = self.history.get(key)
        at = bisect_left(self.keys, key)
        is_listed = at < len(self.keys) and self.keys[at] == key
        if bool(versions and not versions[-1].is_marker) == is_listed:
            return
        if is_listed:
            del self.keys[at]
        else:
            insort(self.keys, key)


@dataclass
class Upload:
    """A multipart upload that is under way."""

    key: str
    attributes: dict[str, str]
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, number: int, data: bytes) -> str:
        """Keep a part; its etag."""
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.parts[number] = (etag, data)
        return etag

    def joined(self, wanted: list[tuple[int, str]]) -> tuple[bytes, str]:
        """The bytes of the named parts, and the etag of the whole."""
        if not wanted or any(self.parts.get(at, ("", b""))[0] != etag for at, etag in wanted):
            raise Problem(400, "InvalidPart")
        if [at for at, _ in wanted] != sorted({at for at, _ in wanted}):
            raise Problem(400, "InvalidPartOrder")
        digests = b"".join(bytes.fromhex(etag) for _, etag in wanted)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(wanted)}"
        return b"".join(self.parts[at][1] for at, _ in wanted), etag
