"""`content_of`: what a file holds, as a digest."""

from __future__ import annotations

import hashlib

from lakebed.file.file import File  # noqa: TC001  the annotations are read

_PIECE = 1 << 20


def content_of(file: File | None) -> str | None:
    """The digest of a file's bytes; of one that cannot be read, of what it is known by."""
    if file is None:
        return None
    digest = hashlib.blake2b(digest_size=32)
    try:
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except Exception:  # noqa: BLE001  the function that was asked for finds out why
        return f"unread {file.get_hash()}"
    return digest.hexdigest()
