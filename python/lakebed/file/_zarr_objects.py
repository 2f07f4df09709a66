"""`Objects`: a store of Zarr in a bucket, read as the session reads files. Imports `zarr`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from lakebed._storage import storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence


class Objects(Store):  # type: ignore[misc]
    """The objects below a URI; none is written."""

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, uri: str) -> None:
        """The store at a URI, in the buckets of this process."""
        super().__init__(read_only=True)
        self._uri = uri.rstrip("/")
        self._storage = storage()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Objects) and other._uri == self._uri

    def __hash__(self) -> int:
        return hash(self._uri)

    def __str__(self) -> str:
        return self._uri

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """The bytes of an object, or some of them; None if there is none."""
        content = await asyncio.to_thread(self._read, key, byte_range)
        return None if content is None else prototype.buffer.from_bytes(content)

    async def get_partial_values(
        self, prototype: Any, key_ranges: Iterable[tuple[str, Any]]
    ) -> Sequence[Any]:
        """The same for several."""
        asked = (self.get(key, prototype, byte_range) for key, byte_range in key_ranges)
        return list(await asyncio.gather(*asked))

    async def exists(self, key: str) -> bool:
        """Whether there is an object."""
        return await asyncio.to_thread(self._size, key) is not None

    async def set(self, key: str, value: Any) -> None:  # noqa: ARG002
        """It refuses: nothing is written."""
        self._check_writable()

    async def delete(self, key: str) -> None:  # noqa: ARG002
        """It refuses as well."""
        self._check_writable()

    async def list(self) -> AsyncIterator[str]:
        """The keys of all objects."""
        for key in await asyncio.to_thread(self._keys, "", recursive=True):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """The keys of the objects below a folder."""
        for key in await asyncio.to_thread(self._keys, prefix, recursive=True):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The names of what is in a folder."""
        for key in await asyncio.to_thread(self._keys, prefix, recursive=False):
            yield key.rstrip("/").rpartition("/")[2]

    def _at(self, key: str) -> str:
        return f"{self._uri}/{key.strip('/')}"

    def _size(self, key: str) -> int | None:
        try:
            return self._storage.head(self._at(key))[0]
        except FileNotFoundError:
            return None

    def _read(self, key: str, byte_range: Any) -> bytes | None:
        size = self._size(key)
        if size is None:
            return None
        start, stop = 0, size
        match byte_range:
            case RangeByteRequest(start=start, end=end):
                stop = min(end, size)
            case OffsetByteRequest(offset=start):
                pass
            case SuffixByteRequest(suffix=length):
                start = max(0, size - length)
        return self._storage.read(self._at(key), start, stop) if start < stop else b""

    def _keys(self, folder: str, *, recursive: bool) -> Sequence[str]:
        below = f"{self._at(folder).rstrip('/')}/"
        pages = self._storage.list(below, recursive)
        return [entry[0].removeprefix(f"{self._uri}/") for page in pages for entry in page]
