"""The double as tests use it: it runs in another process, and tells what was asked of it."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from servers.process import HOST, own_server
from servers.store import GcsStore, S3Store, Store, control

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Double(Store):
    """A bucket of the double; `S3Double` and `GcsDouble` say how it is spoken to."""

    def fresh(self, *, public: bool = False, versioned: bool = False) -> Self:
        """A new bucket on the same server, empty."""
        other = replace(self, bucket=f"b{uuid.uuid4().hex[:12]}")
        other.control("create", public=int(public), versioned=int(versioned))
        return other

    def fill(self, count: int, size: int = 0, pattern: str = "{n:08}") -> None:
        """Make many objects inside of the server.

        Their names are `pattern` with `n`, the number of the object, and `d`, thousands of it.
        """
        self.control("fill", count=count, bytes=size, pattern=pattern)

    def touch(self, key: str) -> str:
        """Write the same bytes again; the new etag."""
        return str(self.control("touch", key=key)["etag"])

    def counts(self) -> dict[str, int]:
        """How many requests of each kind came since the last `reset`, in all buckets.

        The kinds are GET, HEAD, PUT, DELETE, COPY, LIST, VERSIONS, BULK_DELETE, INITIATE,
        PART, COMPLETE, ABORT and BUCKET.
        """
        return dict(self.control("counts")["kinds"])

    def counts_of(self, key: str) -> dict[str, int]:
        """How many requests of each kind asked for this object."""
        end = f" {self.bucket}/{key}"
        every = self.control("counts")["keys"].items()
        return {name.removesuffix(end): count for name, count in every if name.endswith(end)}

    def transferred(self) -> tuple[int, int]:
        """Bytes of all bodies: received and sent."""
        told = self.control("counts")
        return told.get("received", 0), told.get("sent", 0)

    def log(self) -> list[tuple[str, str, str, int]]:
        """Kind, bucket and key, range and status of the last requests, in their order."""
        return [tuple(line) for line in self.control("log")]

    def reset(self) -> None:
        """Count from zero; objects stay."""
        self.control("reset")

    def control(self, what: str, **query: Any) -> Any:
        """Ask the double itself; none of this is counted."""
        return control(
            self.endpoint, f"/_control/{what}?{urlencode({'bucket': self.bucket, **query})}"
        )


@dataclass(frozen=True)
class S3Double(Double, S3Store):
    """A bucket of the double, spoken to as S3."""


@dataclass(frozen=True)
class GcsDouble(Double, GcsStore):
    """A bucket of the double, spoken to as Google's storage."""


@contextmanager
def s3_double() -> Iterator[S3Double]:
    """An object store in memory that speaks S3, with a private bucket."""
    with own_server("servers.double") as port:
        store = S3Double(f"http://{HOST}:{port}")
        store.create()
        yield store


@contextmanager
def gcs_double() -> Iterator[GcsDouble]:
    """The same, spoken to as Google's storage."""
    with own_server("servers.double") as port:
        store = GcsDouble(f"http://{HOST}:{port}")
        store.create()
        yield store
