"""Copies one file, piece by piece; it appears under its name when it is complete."""

from __future__ import annotations

import mimetypes
import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from lakebed.exceptions import FileChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lakebed._cli.place import Entry, Place
    from lakebed._native import Storage

_PIECE = 8 << 20
"""So much of a file is in memory."""


@dataclass(frozen=True)
class Job:
    """A file to copy, and where to."""

    source: Place
    entry: Entry
    target: Place


def transfer(job: Job, files: Storage, tick: Callable[[int], None]) -> None:
    """Copy a file; `tick` hears of each piece, and may raise to end it.

    Raises:
        FileChangedError: The source is not what was listed.
    """
    if job.target.is_local:
        with _replacing(job.target.path, job.entry.modified) as target:
            for piece in _pieces(job, files):
                target.write(piece)
                tick(len(piece))
    elif job.entry.size <= _PIECE:
        data = b"".join(_pieces(job, files))
        files.put(job.target.uri, data, _attributes(job))
        tick(len(data))
    else:
        _upload(job, files, tick)


def _upload(job: Job, files: Storage, tick: Callable[[int], None]) -> None:
    writer = files.writer(job.target.uri, _attributes(job))
    try:
        for piece in _pieces(job, files):
            writer.write(piece)
            tick(len(piece))
    except BaseException:
        writer.abort()
        raise
    writer.close()


def _pieces(job: Job, files: Storage) -> Iterator[bytes]:
    """The bytes of the source, as many as were listed."""
    size, etag, version = job.entry.size, job.entry.etag, job.entry.version
    if job.source.is_local:
        yield from _local_pieces(job)
        return
    for start in range(0, size, _PIECE):
        end = min(start + _PIECE, size)
        piece = files.read(job.source.uri, start, end, etag=etag, version=version)
        yield _whole(piece, end - start, job)


def _local_pieces(job: Job) -> Iterator[bytes]:
    with job.source.path.open("rb") as source:
        for start in range(0, job.entry.size, _PIECE):
            wanted = min(_PIECE, job.entry.size - start)
            yield _whole(source.read(wanted), wanted, job)
        if source.read(1):
            raise _changed(job)


def _whole(piece: bytes, wanted: int, job: Job) -> bytes:
    if len(piece) != wanted:
        raise _changed(job)
    return piece


def _changed(job: Job) -> Exception:
    return FileChangedError(f"it was written to while it was copied: `{job.source}`")


def _attributes(job: Job) -> dict[str, str]:
    """What browsers are told of it, by its name."""
    kind, encoding = mimetypes.guess_type(job.target.name)
    return {"content-type": kind} if kind and not encoding else {}


@contextmanager
def _replacing(path: Path, modified: int) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its place, with this time, when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name[:60]}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with scratch.open("xb") as file:
            yield file
        os.utime(scratch, ns=(modified * 1000, modified * 1000))
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
