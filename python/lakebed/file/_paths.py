"""Paths and URIs of files: how they are put together, taken apart and checked."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lakebed.exceptions import DataChainParamsError, FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL = "file://"


def is_remote(uri: str) -> bool:
    """Whether it has a scheme that is not that of local files."""
    return "://" in uri and not uri.startswith(LOCAL)


def split(uri: str) -> tuple[str, str]:
    """Source and path of a path or URI: a bucket and a key, or a folder and a name.

    Raises:
        DataChainParamsError: It names a folder.
    """
    if uri.endswith("/"):
        msg = f"invalid file `{uri}`: a trailing `/` names a folder"
        raise DataChainParamsError(msg)
    if is_remote(uri):
        scheme, _, rest = uri.partition("://")
        bucket, _, path = rest.partition("/")
        return f"{scheme}://{bucket}", path.lstrip("/")
    folder, _, name = str(local_of(uri)).rpartition("/")
    return f"{LOCAL}{folder or '/'}", name


def local_of(text: str) -> Path:
    """The absolute OS path of a path or `file://` URI; `..` is taken literally away."""
    return Path(os.path.abspath(Path(text.removeprefix(LOCAL)).expanduser()))  # noqa: PTH100


def check(path: str, uri: str) -> None:
    """Refuse what is no file or leads out of its root.

    Raises:
        FileError: It is or does.
    """
    parts = path.split("/")
    if not path:
        rule = "it is empty"
    elif path.endswith("/"):
        rule = "it names a folder"
    elif path.startswith("/"):
        rule = "it must not be absolute"
    elif {".", "..", ""} & set(parts):
        rule = "it must not contain `.`, `..` or an empty part"
    elif "\0" in path:
        rule = "it must not contain a zero byte"
    else:
        return
    msg = f"unsafe path `{path}`: {rule}: `{uri}`"
    raise FileError(msg)


def rebased(uri: str, old_base: str, new_base: str, suffix: str, extension: str) -> str:
    """A URI below another base; see `File.rebase`."""
    whole, base = uri.removeprefix(LOCAL), old_base.removeprefix(LOCAL).strip("/")
    # a base without a scheme may stand anywhere between two `/`
    place = f"/{base}/" if base else "/"
    text = whole if "://" in base else f"/{whole.lstrip('/')}"
    at = 0 if "://" in base and whole.startswith(f"{base}/") else text.find(place)
    if at < 0 or ("://" in base and at > 0):
        msg = f"`{old_base}` is no base of `{uri}`"
        raise DataChainParamsError(msg)
    rest = text[len(base) + 1 :] if "://" in base else text[at + len(place) :]
    found = PurePosixPath(rest)
    ending = f".{extension.removeprefix('.')}" if extension else found.suffix
    name = found.with_name(f"{found.stem}{suffix}{ending}")
    return f"{new_base.rstrip('/')}/{name}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A scratch file beside `path` that takes its place when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{uuid.uuid4().hex[:16]}.tmp")
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
