"""`Output`: where `lakebed cp` writes, with what is there already; nothing leads out of it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from lakebed._cli.place import Entry, Place, children, file_at, files_below
from lakebed._cli.text import shown
from lakebed.exceptions import DataChainParamsError, FileError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEW = 32
"""So many files are looked at one by one; more, and their folder is listed."""


class Output:
    """A file or folder to write to.

    Attributes:
        place: As the user wrote it.
        is_there: Whether it is a folder that is there.
    """

    def __init__(self, given: str) -> None:
        """Look whether it is there."""
        self.place = Place.of(given)
        if self.place.is_web:
            msg = f"nothing can be written to a web server: `{given}`"
            raise DataChainParamsError(msg)
        self.is_there = is_folder(self.place)
        self._links: dict[Place, bool] = {}

    def target(self, below: str) -> Place:
        """The place of a file in this folder.

        Raises:
            FileError: The name leads out of it.
        """
        parts = below.split("/")
        if not {"", ".", ".."}.isdisjoint(parts) or "\0" in below:
            msg = f"unsafe name `{shown(below)}`: it could lead out of `{self.place}`"
            raise FileError(msg)
        if self.place.is_local:
            for end in range(1, len(parts)):
                self._check_no_link(self.place.child("/".join(parts[:end])))
        return self.place.child(below)

    def _check_no_link(self, folder: Place) -> None:
        if folder not in self._links:
            self._links[folder] = folder.path.is_symlink()
        if self._links[folder]:
            msg = f"`{folder}` is a link: nothing is written to where it leads"
            raise FileError(msg)


def is_folder(place: Place) -> bool:
    """Whether it is a folder that is there; a bucket is one, also when it is empty."""
    if place.is_local:
        return place.path.is_dir()
    return not place.key or next(iter(children(place)), None) is not None


def existing(targets: Sequence[Place]) -> dict[Place, Entry]:
    """Those of the targets that are there."""
    if targets and targets[0].is_local:
        return {target: found for target in targets if (found := _local(target)) is not None}
    if len(targets) <= _FEW:
        return {target: found for target in targets if (found := _in_bucket(target)) is not None}
    folder = os.path.commonpath([os.path.dirname(target.key) for target in targets])  # noqa: PTH120
    base = replace(targets[0], key=folder)
    wanted = set(targets)
    listed = ((base.child(entry.path), entry) for entry in files_below(base))
    return {target: entry for target, entry in listed if target in wanted}


def _local(target: Place) -> Entry | None:
    if target.path.is_symlink():
        # of no size: a copy is never the same, and takes its place
        return Entry("", -1)
    return file_at(target) if target.path.exists() else None


def _in_bucket(target: Place) -> Entry | None:
    try:
        return file_at(target)
    except FileNotFoundError:
        return None
