"""`lakebed clone`: copy files as `cp` does, and save what they are as a dataset."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import reduce
from typing import TYPE_CHECKING

from lakebed._cli.copying import cp
from lakebed._cli.place import Place

if TYPE_CHECKING:
    import argparse

    from lakebed.chain import DataChain


def clone(arguments: argparse.Namespace) -> None:
    """Copy the sources; a dataset of the output's name has a row for each of their files."""
    name = _checked_name(arguments.output)
    if not arguments.no_cp:
        cp(arguments)
    files = [_files(source, arguments) for source in arguments.sources]
    saved = reduce(lambda one, other: one.union(other), files).save(name)
    if not getattr(arguments, "quiet", False):
        print(f"saved {name}@{saved.version}")


def _checked_name(output: str) -> str:
    """The dataset's name, which is known to be one before anything is copied."""
    import lakebed as dc
    from lakebed.exceptions import DatasetNotFoundError

    place = Place.of(output)
    name = os.path.basename(os.path.abspath(place.key)) if place.is_local else place.name  # noqa: PTH100, PTH119
    with suppress(DatasetNotFoundError):
        dc.read_dataset(name)
    return name


def _files(source: str, arguments: argparse.Namespace) -> DataChain:
    import lakebed as dc

    return dc.read_storage(
        source,
        update=arguments.update,
        anon=arguments.anon or None,
        recursive=arguments.recursive,
    )
