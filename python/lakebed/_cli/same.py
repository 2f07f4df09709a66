"""Whether a copy is there already: by size, then by a hash that both sides know, then by time."""

from __future__ import annotations

import filecmp
import re
from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lakebed._cli.place import Entry

_MD5 = re.compile(r"[0-9a-f]{32}")
_OF_PARTS = re.compile(r"[0-9a-f]{32}-([0-9]{1,5})")

_MIB = 1 << 20
_PART_SIZES = tuple(count * _MIB for count in (5, 8, 10, 15, 16, 25, 32, 50, 64, 100, 128))
"""In which clients upload large files; the etag of such a file tells only how many there are."""

_SECOND = 1_000_000
_MILLISECOND = 1_000


def is_same(
    source: Entry, target: Entry, source_path: Path | None, target_path: Path | None
) -> bool:
    """Whether a copy of `source` would make `target` as it is.

    Args:
        source: What is copied.
        target: What is there.
        source_path: Where the source is on this machine, if it is.
        target_path: The same of the target.
    """
    if source.size != target.size:
        return False
    if source_path is not None and target_path is not None:
        is_timed = source.modified == target.modified
        return is_timed or filecmp.cmp(source_path, target_path, shallow=False)
    if target_path is not None and source.modified == target.modified:
        # a download leaves the time of its source
        return True
    known = _by_hash(source, target, source_path or target_path)
    if known is not None:
        return known
    if target_path is not None:
        return _is_time(source.modified, target.modified)
    return source.modified // _SECOND <= target.modified // _SECOND


def _is_time(source: int, target: int) -> bool:
    """Whether a file has the time of its source: listings tell milliseconds, others seconds."""
    is_of_a_store = target % _MILLISECOND == 0
    return is_of_a_store and source // _SECOND == target // _SECOND


def _by_hash(source: Entry, target: Entry, path: Path | None) -> bool | None:
    """What hashes say; None if there is none that both sides know."""
    if path is None:
        if source.etag and source.etag == target.etag:
            return True
        is_hash = _MD5.fullmatch(source.etag) and _MD5.fullmatch(target.etag)
        return False if is_hash else None
    remote = source.etag if _is_hash(source.etag) else target.etag
    if _MD5.fullmatch(remote):
        return _hash(path) == remote
    parts = _OF_PARTS.fullmatch(remote)
    if parts is None:
        return None
    count = int(parts[1])
    sizes = [size for size in _PART_SIZES if -(-source.size // size) == count]
    return True if any(_hash_of_parts(path, size) == remote for size in sizes) else None


def _is_hash(etag: str) -> bool:
    return bool(_MD5.fullmatch(etag) or _OF_PARTS.fullmatch(etag))


def _hash(path: Path) -> str:
    found = md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_MIB):
            found.update(piece)
    return found.hexdigest()


def _hash_of_parts(path: Path, part: int) -> str:
    digests = []
    with path.open("rb") as file:
        while piece := file.read(part):
            digests.append(md5(piece, usedforsecurity=False).digest())
    return f"{md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"
