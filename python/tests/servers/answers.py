"""The XML that S3 and Google's XML interface answer with."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers.bucket import Bucket, Page, Stored

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_SPECIAL = re.compile('[&<>"\x00-\x1f]')


def escaped(text: str) -> str:
    """Text of an element; control characters as S3 writes them, though XML knows few of them."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)


def error(code: str, resource: str) -> str:
    """Why a request was refused."""
    return f"{_HEAD}<Error><Code>{code}</Code><Resource>{escaped(resource)}</Resource></Error>"


def element(name: str, **values: str) -> str:
    """An answer of one level."""
    inner = "".join(f"<{key}>{escaped(value)}</{key}>" for key, value in values.items())
    return f"{_HEAD}<{name} {_SPACE}>{inner}</{name}>"


def buckets(names: list[str]) -> str:
    """All buckets."""
    each = "".join(
        f"<Bucket><Name>{name}</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket>"
        for name in names
    )
    owner = "<Owner><ID>owner</ID></Owner>"
    return (
        f"{_HEAD}<ListAllMyBucketsResult {_SPACE}>{owner}<Buckets>{each}</Buckets>"
        "</ListAllMyBucketsResult>"
    )


def listing(name: str, page: Page, query: dict[str, str], limit: int) -> str:
    """A page of ListObjectsV2."""
    text = _encoder(query)
    parts = [
        f"{_HEAD}<ListBucketResult {_SPACE}><Name>{name}</Name>",
        _echo(query, text),
        f"<MaxKeys>{limit}</MaxKeys><KeyCount>{len(page.objects) + len(page.folders)}</KeyCount>",
        f"<IsTruncated>{'true' if page.end else 'false'}</IsTruncated>",
    ]
    if page.end:
        token = base64.urlsafe_b64encode(page.end.encode()).decode()
        parts.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
    parts += [
        f"<Contents><Key>{text(found.key)}</Key>{_facts(found)}"
        f"<Generation>{found.generation}</Generation></Contents>"
        for found in page.objects
    ]
    parts += [
        f"<CommonPrefixes><Prefix>{text(folder)}</Prefix></CommonPrefixes>"
        for folder in page.folders
    ]
    return "".join([*parts, "</ListBucketResult>"])


def versions(
    name: str, bucket: Bucket, found: list[Stored], query: dict[str, str], limit: int
) -> str:
    """A page of ListObjectVersions; one that is full may be followed by an empty one."""
    text = _encoder(query)
    full = len(found) == limit
    parts = [
        f"{_HEAD}<ListVersionsResult {_SPACE}><Name>{name}</Name>",
        _echo(query, text),
        f"<MaxKeys>{limit}</MaxKeys><IsTruncated>{'true' if full else 'false'}</IsTruncated>",
    ]
    if full:
        parts.append(
            f"<NextKeyMarker>{text(found[-1].key)}</NextKeyMarker>"
            f"<NextVersionIdMarker>{found[-1].generation}</NextVersionIdMarker>"
        )
    for one in found:
        tag = "DeleteMarker" if one.is_marker else "Version"
        latest = "true" if bucket.history[one.key][-1] is one else "false"
        version = str(one.generation) if bucket.versioned else "null"
        facts = f"<LastModified>{one.iso_time()}</LastModified>" if one.is_marker else _facts(one)
        parts.append(
            f"<{tag}><Key>{text(one.key)}</Key><VersionId>{version}</VersionId>"
            f"<IsLatest>{latest}</IsLatest>{facts}</{tag}>"
        )
    return "".join([*parts, "</ListVersionsResult>"])


def deleted(keys: list[str]) -> str:
    """What a bulk delete removed."""
    each = "".join(f"<Deleted><Key>{escaped(key)}</Key></Deleted>" for key in keys)
    return f"{_HEAD}<DeleteResult {_SPACE}>{each}</DeleteResult>"


def after(query: dict[str, str]) -> str:
    """Where a listing goes on, by its token or by the key that the client names."""
    token = query.get("continuation-token")
    if token:
        return base64.urlsafe_b64decode(token).decode()
    return query.get("start-after") or query.get("marker") or ""


def wanted_parts(body: bytes) -> list[tuple[int, str]]:
    """Number and etag of the parts that an upload is completed with."""
    root = ET.fromstring(body)  # noqa: S314  from a test
    return [
        (int(part.findtext("{*}PartNumber") or 0), (part.findtext("{*}ETag") or "").strip('"'))
        for part in root.iterfind("{*}Part")
    ]


def wanted_keys(body: bytes) -> list[tuple[str, str]]:
    """Key and version of the objects to delete."""
    root = ET.fromstring(body)  # noqa: S314
    return [
        (found.findtext("{*}Key") or "", found.findtext("{*}VersionId") or "")
        for found in root.iterfind("{*}Object")
    ]


def _facts(found: Stored) -> str:
    return (
        f"<LastModified>{found.iso_time()}</LastModified><ETag>&quot;{found.etag}&quot;</ETag>"
        f"<Size>{found.size}</Size><StorageClass>STANDARD</StorageClass>"
    )


def _encoder(query: dict[str, str]) -> Callable[[str], str]:
    """How names are written: boto3 asks for them as in URLs."""
    if query.get("encoding-type") == "url":
        return lambda text: quote(text, safe="/")
    return escaped


def _echo(query: dict[str, str], text: Callable[[str], str]) -> str:
    names = {"prefix": "Prefix", "delimiter": "Delimiter", "start-after": "StartAfter"}
    echoed = [f"<{tag}>{text(query[name])}</{tag}>" for name, tag in names.items() if name in query]
    if query.get("encoding-type") == "url":
        echoed.append("<EncodingType>url</EncodingType>")
    return "".join(echoed)
