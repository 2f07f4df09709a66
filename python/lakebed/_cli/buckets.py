"""`lakebed bucket status`, `index` and `clear-cache`: buckets, and what is kept of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lakebed._cli.place import Place
from lakebed._cli.text import size
from lakebed.exceptions import DataChainParamsError, MissingPathError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_KEPT = 2
"""The folders of files that are kept have names of so many letters."""


def status(arguments: argparse.Namespace) -> None:
    """Print whether a bucket is there, and who may look into it; nothing is listed."""
    from lakebed._storage import storage

    place = Place.of(arguments.uri)
    if place.is_local or place.key:
        msg = f"`{arguments.uri}` is no bucket: name one without a path, as `s3://bucket`"
        raise DataChainParamsError(msg)
    exists, access, error = storage().status(place.root)
    if not exists:
        print("Status: not found")
        raise MissingPathError(error or f"there is no bucket `{place.root}`")
    print(f"Status: exists\nAccess: {access}")


def index(arguments: argparse.Namespace) -> None:
    """List each source, and keep what was found for chains that read it."""
    import lakebed as dc

    for given in arguments.sources:
        anon = arguments.anon or None
        dc.read_storage(given, update=arguments.update, anon=anon).count()


def clear_cache(arguments: argparse.Namespace) -> None:
    """Remove the files that were fetched from buckets; they are fetched again when needed."""
    del arguments
    count = freed = 0
    for path in _cached():
        try:
            found = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            continue  # another process removed it
        count += 1
        freed += found
    print(f"removed {count:,} files, {size(freed)}")


def _cached() -> Iterator[Path]:
    """The files in the cache; those that a running process has for itself stay."""
    folder = _cache_folder()
    if not folder.is_dir():
        return
    for kept in folder.iterdir():
        if len(kept.name) == _KEPT and kept.is_dir():
            yield from kept.iterdir()


def _cache_folder() -> Path:
    """Beside the data, or for a root in a bucket where the user's programs keep such files."""
    from lakebed.session import Session

    root = Session.get().root
    if "://" not in root:
        return Path(root, "cache")
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "lakebed", "files")
