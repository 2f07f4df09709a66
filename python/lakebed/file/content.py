"""What a file holds, or a value with files in it, as a digest: `content_of` and `contents_of`."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from lakebed.file.file import File

if TYPE_CHECKING:
    from collections.abc import Iterable

_PIECE = 1 << 20

_MOST_READ = 10_000
"""Digests of so many files are remembered: frames of a video name the same one again and again."""

_read: dict[str, str] = {}


def content_of(file: File | None) -> str | None:
    """The digest of a file's bytes; of one that cannot be read, of what it is known by."""
    if file is None:
        return None
    return _content(file) or f"unread {file.get_hash()}"


def contents_of(value: object) -> str | None:
    """The digest of a value in which files count by their bytes."""
    if value is None:
        return None
    digest = hashlib.blake2b(digest_size=32)
    for piece in _pieces(value):
        digest.update(len(piece).to_bytes(8))
        digest.update(piece)
    return digest.hexdigest()


def _pieces(value: Any) -> Iterable[bytes]:
    """What makes up a value, so that values of the same pieces are the same."""
    if isinstance(value, File):
        content = _content(value)
        yield f"file {content}".encode()
        # what a class adds to a file counts too, and all of one that cannot be read
        names = [n for n in type(value).model_fields if n not in File.model_fields or not content]
        yield from _fields(value, names)
    elif isinstance(value, BaseModel):
        yield b"model"
        yield from _fields(value, list(type(value).model_fields))
    elif isinstance(value, (list, tuple)):
        yield f"list {len(value)}".encode()
        for item in value:
            yield from _pieces(item)
    else:
        # equal bytes are equal values
        yield pickle.dumps(value, protocol=4)


def _fields(value: BaseModel, names: list[str]) -> Iterable[bytes]:
    yield repr(names).encode()
    for name in names:
        yield from _pieces(getattr(value, name))


def _content(file: File) -> str | None:
    """The digest of a file's bytes, if these can be read."""
    known_by = file.get_hash() if file.etag or file.version else None
    if known_by in _read:
        return _read[known_by]
    digest = hashlib.blake2b(digest_size=32)
    try:
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except Exception:  # noqa: BLE001  the function that was asked for finds out why
        return None
    if known_by is not None:
        if len(_read) >= _MOST_READ:
            _read.clear()
        _read[known_by] = digest.hexdigest()
    return digest.hexdigest()
