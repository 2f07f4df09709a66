"""Where exported files are put; never outside of the folder that was given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from lakebed.exceptions import DataChainParamsError, FileError, NotSupportedError
from lakebed.file import _paths

if TYPE_CHECKING:
    from lakebed.file.file import File

Placement = Literal["fullpath", "filepath", "filename", "etag", "checksum"]
"""How what is exported is named."""

LINKS = ("copy", "symlink")

FileT = TypeVar("FileT", bound="File")


def name_of(file: File, placement: str) -> str:
    """The path below the folder."""
    match placement:
        case "filename":
            return file.name
        case "filepath":
            return file.path.lstrip("/")
        case "fullpath":
            bucket = file.source.partition("://")[2] if _paths.is_remote(file.source) else ""
            return f"{bucket}/{file.path.lstrip('/')}".lstrip("/")
        case "etag" if file.etag:
            # the etags of web servers may look like `W/"1"`
            tag = file.etag.replace('"', "").replace("/", "_")
            return f"{tag}{file.get_file_suffix()}"
        case "etag":
            msg = f"file without an etag cannot be named by it: `{file.get_uri()}`"
            raise FileError(msg)
        case "checksum":
            msg = "placement `checksum` is not supported; hint: `etag` names files by their version"
            raise NotSupportedError(msg)
    names = [name for name in get_args(Placement) if name != "checksum"]
    msg = f"unknown placement `{placement}`: use {', '.join(names[:-1])} or {names[-1]}"
    raise DataChainParamsError(msg)


def target(file: FileT, output: str | os.PathLike[str], placement: str) -> FileT:
    """The copy that an export makes, of which nothing is known yet.

    Raises:
        FileError: It would lie outside of the folder.
    """
    folder, name = os.fspath(output), name_of(file, placement)
    if not folder:
        msg = "no folder was given to export to"
        raise DataChainParamsError(msg)
    if "\0" in file.path or file.path.startswith("/"):
        # what is taken away above says where the file is from
        _paths.check(file.path, file.get_uri())
    _paths.check(name, file.get_uri())
    copy = type(file).at(f"{folder.rstrip('/')}/{name}")
    if not _paths.is_remote(folder):
        parent = Path(copy._fs_path()).parent
        if not parent.resolve().is_relative_to(_paths.local_of(folder).resolve()):
            msg = f"unsafe path `{name}`: it leads out of the folder `{folder}`"
            raise FileError(msg)
    return copy


def link(file: File, copy: FileT) -> FileT | None:
    """Make the copy a link to a local file; None if either is not local."""
    if file.location is not None or any(_paths.is_remote(f._fs_path()) for f in (file, copy)):
        return None
    found, place = Path(file.get_fs_path()).resolve(), Path(copy._fs_path())
    if found != place.resolve():
        with _paths.replacing(place) as scratch:
            scratch.symlink_to(found)
    return copy.resolve()
