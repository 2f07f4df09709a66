"""What readers have in common: paths, and options that are not there yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lakebed.exceptions import DataChainParamsError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PathLike = str | os.PathLike[str]

_PEER_DEFAULTS = {"partitioning": "hive"}
"""Written out, they ask for nothing."""


def refuse(function: str, **options: Any) -> None:
    """Options that would change the result, but are not there yet."""
    for name, value in options.items():
        means_nothing = value is None or value is False or value in ("", {}, ())
        if not means_nothing and value != _PEER_DEFAULTS.get(name):
            msg = f"option `{name}` of {function} is not supported yet: `{value!r}` was given"
            raise NotSupportedError(msg)


def paths_of(given: PathLike | Sequence[PathLike]) -> list[str]:
    listed = [given] if isinstance(given, (str, os.PathLike)) else list(given)
    if not listed:
        msg = "no path was given"
        raise DataChainParamsError(msg)
    return [_utf8(path) for path in listed]


def _utf8(path: PathLike) -> str:
    """The path as text; file systems also have names that are none."""
    text = os.fsdecode(path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        msg = f"the path `{os.fsencode(path)!r}` is not UTF-8; hint: rename the file or folder"
        raise NotSupportedError(msg) from error
    return text


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
