"""`lakebed bucket status`, `index` and `clear-cache`: buckets, and what is kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed._cli.place import Place
from lakebed._cli.text import size
from lakebed.exceptions import DataChainParamsError, MissingPathError

if TYPE_CHECKING:
    import argparse


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
    from lakebed._storage import storage

    del arguments
    count, freed = storage().clear_cache()
    print(f"removed {count:,} files, {size(freed)}")
