"""Buckets in memory in place of the engine's storage, which count what is asked of them."""

from __future__ import annotations

import hashlib
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lakebed import _storage
from lakebed.exceptions import FileChangedError, MissingPathError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Head = tuple[int, str, str, int]

MINUTE = 60_000_000


class Stored(NamedTuple):
    data: bytes
    head: Head
    attributes: Mapping[str, str]


class Buckets:
    """What `_native.Storage` does, over a dict.

    Attributes:
        objects: The versions of each object, the newest last.
        calls: What was asked, as name and arguments.
    """

    def __init__(self, cache: Path) -> None:
        self.objects: dict[str, list[Stored]] = {}
        self.calls: list[tuple[object, ...]] = []
        self._cache = cache
        self._clock = count(1_700_000_000_000_000, MINUTE)

    def head(self, uri: str, version: str = "") -> Head:
        self.calls.append(("head", uri))
        return self._found(uri, version).head

    def read(self, uri: str, start: int, end: int, *, etag: str = "", version: str = "") -> bytes:
        self.calls.append(("read", start, end))
        return self._checked(uri, etag, version)[start:end]

    def fetch(self, uri: str, size: int, *, etag: str, version: str) -> str:
        self.calls.append(("fetch", uri))
        data = self._checked(uri, etag, version)
        assert len(data) == size
        path = self._path(uri, etag, version)
        path.write_bytes(data)
        return str(path)

    fetch_if_room = fetch

    def cached(self, uri: str, _size: int, *, etag: str, version: str) -> str | None:
        path = self._path(uri, etag, version)
        return str(path) if path.exists() else None

    def put(self, uri: str, data: bytes, attributes: dict[str, str]) -> Head:
        self.calls.append(("put", uri))
        versions = self.objects.setdefault(uri, [])
        etag = hashlib.md5(data).hexdigest()  # noqa: S324
        head = (len(data), etag, f"v{len(versions)}", next(self._clock))
        versions.append(Stored(data, head, attributes))
        return head

    def upload(self, path: str, uri: str, attributes: dict[str, str]) -> Head:
        return self.put(uri, Path(path).read_bytes(), attributes)

    def download(self, uri: str, path: str, *, etag: str = "", version: str = "") -> None:
        self.calls.append(("download", uri))
        Path(path).write_bytes(self._checked(uri, etag, version))

    def writer(self, uri: str, attributes: dict[str, str]) -> Writer:
        return Writer(self, uri, attributes)

    def list(self, uri: str, *, recursive: bool) -> Iterator[list[tuple[str, int, str, str, int]]]:
        assert recursive
        yield [(key, *found[-1].head) for key, found in self.objects.items() if key.startswith(uri)]

    def delete(self, uri: str) -> None:
        del self.objects[uri]

    def sign(self, uri: str, expires: int, version: str = "") -> str:
        return f"{uri}?expires={expires}&version={version}"

    def reads(self) -> list[tuple[object, ...]]:
        """The ranges that were read since the last time, in order."""
        found = [call[1:] for call in self.calls if call[0] == "read"]
        self.calls.clear()
        return found

    def _found(self, uri: str, version: str) -> Stored:
        for stored in reversed(self.objects.get(uri, [])):
            if version in ("", stored.head[2]):
                return stored
        msg = f"file not found: `{uri}`"
        raise MissingPathError(msg)

    def _checked(self, uri: str, etag: str, version: str) -> bytes:
        stored = self._found(uri, version)
        if etag not in ("", stored.head[1]):
            msg = f"file `{uri}` changed"
            raise FileChangedError(msg)
        return stored.data

    def _path(self, uri: str, etag: str, version: str) -> Path:
        self._cache.mkdir(exist_ok=True)
        return self._cache / hashlib.sha256(f"{uri} {etag} {version}".encode()).hexdigest()


class Writer:
    """An upload in parts."""

    def __init__(self, buckets: Buckets, uri: str, attributes: dict[str, str]) -> None:
        self._to = buckets, uri, attributes
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        self._parts.append(data)

    def close(self) -> Head:
        buckets, uri, attributes = self._to
        return buckets.put(uri, b"".join(self._parts), attributes)

    def abort(self) -> None:
        self._to[0].calls.append(("abort", self._to[1]))


@pytest.fixture
def buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Buckets:
    """Empty buckets of any name."""
    found = Buckets(tmp_path / "cache")
    monkeypatch.setattr(_storage, "storage", lambda _=None: found)
    return found
