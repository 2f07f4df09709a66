"""What is written beside the bytes of an object: its content type and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from lakebed._hint import did_you_mean
from lakebed.exceptions import DataChainParamsError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {
    "content_type": "content-type",
    "content_disposition": "content-disposition",
    "cache_control": "cache-control",
    "content_encoding": "content-encoding",
}
NAMES = (*_HEADERS, "metadata", "write_options")


class Attributes(TypedDict, total=False):
    """Options of whatever writes to a bucket; local files have no place for them.

    Attributes:
        content_type: Such as `image/png`.
        content_disposition: Such as `attachment; filename="a.png"`.
        cache_control: Such as `max-age=3600`.
        content_encoding: Such as `gzip`, of bytes that are compressed already.
        metadata: Keys and values of the user's own.
        write_options: Options of one cloud alone; not supported.
    """

    content_type: str | None
    content_disposition: str | None
    cache_control: str | None
    content_encoding: str | None
    metadata: Mapping[str, str] | None
    write_options: Mapping[str, Any] | None


def checked(given: Mapping[str, Any]) -> dict[str, str]:
    """The attributes by the names that the engine has for them.

    Raises:
        DataChainParamsError: A name is unknown or a value is no text.
        NotSupportedError: There are options of one cloud alone.
    """
    found: dict[str, str] = {}
    for name, value in given.items():
        if name not in NAMES:
            msg = f"unknown option `{name}`{did_you_mean(name, NAMES)}"
            raise DataChainParamsError(msg)
        if not value:
            continue
        if name == "write_options":
            msg = f"write_options is not supported: `{sorted(value)}` were given"
            raise NotSupportedError(msg)
        if name == "metadata":
            found |= {_text("metadata", f"metadata:{key}"): _text(key, value[key]) for key in value}
        else:
            found[_HEADERS[name]] = _text(name, value)
    return found


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        msg = f"`{name}` takes one line of text, not `{value!r}`"
        raise DataChainParamsError(msg)
    return value
