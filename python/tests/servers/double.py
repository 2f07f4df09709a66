"""An object store in memory that speaks S3 and the XML interface of Google's storage.

    python -m servers.double

One thread answers all requests, each in one go, so that whatever a client asks for on a
condition is atomic. Signatures are not verified: a request is signed if it says so. Who
holds what is `bucket`, how it is written down `answers`; `/_control/…` is for tests.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from servers import answers
from servers.bucket import Bucket, Problem, Stored, Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = (
    "Content-Type",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
)
_USER = ("x-amz-meta-", "x-goog-meta-")
_LARGEST = 10 << 30
_PAGE = 1000
_LOG = 100_000

buckets: dict[str, Bucket] = {}
kinds: Counter[str] = Counter()
by_key: Counter[str] = Counter()
log: deque[list[object]] = deque(maxlen=_LOG)
sent: Counter[str] = Counter()


class Request:
    """What a client asks for: the bucket, the key, the query, and the body once it is read."""

    def __init__(self, raw: web.Request, body: bytes) -> None:
        """Take the path as it was sent: a key may hold `..`, `//` and encoded slashes."""
        path, _, query = raw.raw_path.partition("?")
        name, _, key = path.lstrip("/").partition("/")
        self.method = raw.method
        self.name = unquote(name)
        self.key = unquote(key)
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.headers = raw.headers
        self.body = _dechunked(body) if "STREAMING-" in self.header("sha256") else body

    def header(self, name: str) -> str:
        """A header of S3 or of Google, by the name that both share after their prefix."""
        for prefix in ("x-amz-", "x-goog-"):
            for middle in ("content-", ""):
                if found := self.headers.get(f"{prefix}{middle}{name}"):
                    return found
        return ""

    def kind(self) -> str:
        """Under which word the request is counted."""
        if not self.key:
            if self.method == "GET":
                return "VERSIONS" if "versions" in self.query else "LIST"
            return "BULK_DELETE" if "delete" in self.query else "BUCKET"
        if "uploadId" in self.query or "uploads" in self.query:
            return {"PUT": "PART", "DELETE": "ABORT", "POST": "COMPLETE"}.get(
                self.method if "uploadId" in self.query else "", "INITIATE"
            )
        return "COPY" if self.header("copy-source") else self.method

    def is_signed(self) -> bool:
        """Whether somebody put a name to it."""
        by_query = {"X-Amz-Signature", "X-Goog-Signature", "Signature"}
        return "Authorization" in self.headers or not by_query.isdisjoint(self.query)

    def attributes(self) -> dict[str, str]:
        """The headers that are kept with an object and given back."""
        kept = {name: self.headers[name] for name in _KEPT if name in self.headers}
        kept |= {k: v for k, v in self.headers.items() if k.lower().startswith(_USER)}
        if kept.get("Content-Encoding", "").startswith("aws-chunked"):
            del kept["Content-Encoding"]
        return kept


async def answer(raw: web.Request) -> web.StreamResponse:
    """Read a request whole, answer and count it."""
    body = await raw.read()
    if raw.path.startswith("/_control/"):
        return _control(raw.path.removeprefix("/_control/"), dict(raw.query))
    request = Request(raw, body)
    kind = request.kind()
    try:
        response = _answered(request, kind)
    except Problem as problem:
        response = _refused(problem, request)
    where = f"{request.name}/{request.key}" if request.key else request.name
    kinds[kind] += 1
    by_key[f"{kind} {where}"] += 1
    log.append([kind, where, request.headers.get("Range", ""), response.status])
    sent["received"] += len(body)
    sent["sent"] += len(response.body) if isinstance(response.body, bytes) else 0
    return response


def _answered(request: Request, kind: str) -> web.Response:
    if not request.name:
        _check_signed(request, None)
        return _xml(answers.buckets(sorted(buckets)))
    bucket = buckets.get(request.name)
    if kind == "BUCKET":
        return _of_bucket(request, bucket)
    if bucket is None:
        raise Problem(404, "NoSuchBucket")
    _check_signed(request, bucket)
    return _HANDLERS[kind](request, bucket)


def _check_signed(request: Request, bucket: Bucket | None) -> None:
    if not request.is_signed() and (bucket is None or not bucket.public):
        raise Problem(403, "AccessDenied")


def _of_bucket(request: Request, bucket: Bucket | None) -> web.Response:
    if request.method == "PUT":
        _check_signed(request, None)
        if bucket is None:
            buckets[request.name] = Bucket(public=request.header("acl") == "public-read")
        elif "versioning" in request.query:
            bucket.versioned = b"Enabled" in request.body
        else:
            raise Problem(409, "BucketAlreadyOwnedByYou")
        return web.Response()
    if bucket is None:
        raise Problem(404, "NoSuchBucket")
    _check_signed(request, bucket)
    if request.method == "DELETE":
        if bucket.keys:
            raise Problem(409, "BucketNotEmpty")
        del buckets[request.name]
        return web.Response(status=204)
    return web.Response(headers={"x-amz-bucket-region": "us-east-1"})


def _list(request: Request, bucket: Bucket) -> web.Response:
    query = request.query
    if "location" in query:
        return _xml(answers.element("LocationConstraint"))
    if "versioning" in query:
        status = "Enabled" if bucket.versioned else "Suspended"
        return _xml(answers.element("VersioningConfiguration", Status=status))
    limit = min(int(query.get("max-keys", _PAGE)), _PAGE)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    page = bucket.page(prefix, answers.after(query), delimiter, limit)
    return _xml(answers.listing(request.name, page, query, limit))


def _versions(request: Request, bucket: Bucket) -> web.Response:
    query = request.query
    limit = min(int(query.get("max-keys", _PAGE)), _PAGE)
    after = (query.get("key-marker", ""), int(query.get("version-id-marker") or 0))
    found = bucket.versions(query.get("prefix", ""), after, limit)
    return _xml(answers.versions(request.name, bucket, found, query, limit))


def _get(request: Request, bucket: Bucket) -> web.Response:
    found = bucket.latest(request.key, _version(request))
    _check_read(request.headers, found)
    headers = _headers(bucket, found) | found.attributes
    if request.method == "HEAD":
        return web.Response(headers={**headers, "Content-Length": str(found.size)})
    wanted = request.headers.get("Range")
    if not wanted:
        return web.Response(body=found.content(), headers=headers)
    start, end = _range(wanted, found.size)
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    return web.Response(status=206, body=found.read(start, end), headers=headers)


def _put(request: Request, bucket: Bucket) -> web.Response:
    _check_write(request, bucket)
    new = bucket.put(request.key, request.body, request.attributes())
    return web.Response(headers=_headers(bucket, new))


def _delete(request: Request, bucket: Bucket) -> web.Response:
    _check_write(request, bucket)
    version = _version(request)
    if "x-goog-if-generation-match" not in request.headers and request.key not in bucket.history:
        is_google = request.headers.get("Authorization", "").startswith("Bearer")
        if is_google:
            raise Problem(404, "NoSuchKey")
        return web.Response(status=204)
    marker = bucket.delete(request.key, version)
    return web.Response(status=204, headers=_headers(bucket, marker) if marker else {})


def _delete_many(request: Request, bucket: Bucket) -> web.Response:
    wanted = answers.wanted_keys(request.body)
    for key, version in wanted:
        if key in bucket.history:
            bucket.delete(key, version)
    return _xml(answers.deleted([key for key, _ in wanted]))


def _copy(request: Request, bucket: Bucket) -> web.Response:
    _check_write(request, bucket)
    found = _copied(request)
    replace = request.header("metadata-directive") == "REPLACE"
    attributes = request.attributes() if replace else found.attributes
    new = bucket.put(request.key, found.content(), attributes, found.etag)
    told = answers.element("CopyObjectResult", ETag=f'"{new.etag}"', LastModified=new.iso_time())
    return _xml(told, _headers(bucket, new))


def _initiate(request: Request, bucket: Bucket) -> web.Response:
    name = f"upload-{time.time_ns():x}"
    bucket.uploads[name] = Upload(request.key, request.attributes())
    told = {"Bucket": request.name, "Key": request.key, "UploadId": name}
    return _xml(answers.element("InitiateMultipartUploadResult", **told))


def _part(request: Request, bucket: Bucket) -> web.Response:
    upload, number = _upload(request, bucket), int(request.query["partNumber"])
    if not request.header("copy-source"):
        return web.Response(headers={"ETag": f'"{upload.add(number, request.body)}"'})
    found = _copied(request)
    start, end = _range(request.header("copy-source-range") or "bytes=0-", found.size)
    data = found.read(start, end)
    told = {"ETag": f'"{upload.add(number, data)}"', "LastModified": found.iso_time()}
    return _xml(answers.element("CopyPartResult", **told))


def _complete(request: Request, bucket: Bucket) -> web.Response:
    upload = _upload(request, bucket)
    _check_write(request, bucket)
    data, etag = upload.joined(answers.wanted_parts(request.body))
    new = bucket.put(request.key, data, upload.attributes, etag)
    del bucket.uploads[request.query["uploadId"]]
    told = {"Bucket": request.name, "Key": request.key, "ETag": f'"{etag}"'}
    return _xml(answers.element("CompleteMultipartUploadResult", **told), _headers(bucket, new))


def _abort(request: Request, bucket: Bucket) -> web.Response:
    _upload(request, bucket)
    del bucket.uploads[request.query["uploadId"]]
    return web.Response(status=204)


_HANDLERS = {
    "GET": _get,
    "HEAD": _get,
    "PUT": _put,
    "DELETE": _delete,
    "COPY": _copy,
    "LIST": _list,
    "VERSIONS": _versions,
    "BULK_DELETE": _delete_many,
    "INITIATE": _initiate,
    "PART": _part,
    "COMPLETE": _complete,
    "ABORT": _abort,
}


def _upload(request: Request, bucket: Bucket) -> Upload:
    found = bucket.uploads.get(request.query["uploadId"])
    if found is None or found.key != request.key:
        raise Problem(404, "NoSuchUpload")
    return found


def _copied(request: Request) -> Stored:
    """The object that a copy reads."""
    path, _, version = request.header("copy-source").partition("?versionId=")
    name, _, key = unquote(path).lstrip("/").partition("/")
    if name not in buckets:
        raise Problem(404, "NoSuchBucket")
    version = version or request.headers.get("x-goog-copy-source-generation", "")
    found = buckets[name].latest(key, version)
    wanted = request.header("copy-source-if-match")
    if wanted and wanted.strip('"') != found.etag:
        raise Problem(412, "PreconditionFailed")
    return found


def _check_write(request: Request, bucket: Bucket) -> None:
    """The conditions of a write, on what is there now."""
    history = bucket.history.get(request.key)
    found = history[-1] if history and not history[-1].is_marker else None
    headers = request.headers
    if wanted := headers.get("If-Match"):
        if found is None:
            raise Problem(404, "NoSuchKey")
        if not _matches(wanted, found):
            raise Problem(412, "PreconditionFailed")
    unwanted = headers.get("If-None-Match")
    if unwanted and found is not None and _matches(unwanted, found):
        raise Problem(412, "PreconditionFailed")
    generation = headers.get("x-goog-if-generation-match")
    if generation and int(generation) != (found.generation if found else 0):
        raise Problem(412, "PreconditionFailed")


def _check_read(headers: Mapping[str, str], found: Stored) -> None:
    """The conditions of a read."""
    if (wanted := headers.get("If-Match")) and not _matches(wanted, found):
        raise Problem(412, "PreconditionFailed")
    if (known := headers.get("If-None-Match")) and _matches(known, found):
        raise Problem(304, "NotModified")
    written = int(found.modified)
    before = headers.get("If-Unmodified-Since")
    if before and written > parsedate_to_datetime(before).timestamp():
        raise Problem(412, "PreconditionFailed")
    since = headers.get("If-Modified-Since")
    if since and written <= parsedate_to_datetime(since).timestamp():
        raise Problem(304, "NotModified")


def _matches(wanted: str, found: Stored) -> bool:
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in wanted.split(",")}
    return "*" in tags or found.etag in tags


def _version(request: Request) -> str:
    version = request.query.get("versionId") or request.query.get("generation") or ""
    return "" if version == "null" else version


def _range(wanted: str, size: int) -> tuple[int, int]:
    """The first byte and the one after the last."""
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    if start >= end:
        raise Problem(416, "InvalidRange")
    return start, end


def _headers(bucket: Bucket, found: Stored) -> dict[str, str]:
    headers = {
        "ETag": f'"{found.etag}"',
        "Last-Modified": found.http_time(),
        "Accept-Ranges": "bytes",
        "x-goog-generation": str(found.generation),
        "x-goog-metageneration": "1",
    }
    if bucket.versioned:
        headers["x-amz-version-id"] = str(found.generation)
    if found.is_marker:
        headers["x-amz-delete-marker"] = "true"
    return headers


def _xml(text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=text.encode(), content_type="application/xml", headers=headers)


def _refused(problem: Problem, request: Request) -> web.Response:
    if request.method == "HEAD" or problem.status == 304:
        return web.Response(status=problem.status)
    text = answers.error(problem.code, f"/{request.name}/{request.key}")
    return web.Response(status=problem.status, body=text.encode(), content_type="application/xml")


def _dechunked(body: bytes) -> bytes:
    """The bytes of a body that AWS's clients sign piece by piece."""
    parts = []
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            break
        parts.append(body[:size])
        body = body[size + 2 :]
    return b"".join(parts)


def _control(what: str, query: dict[str, str]) -> web.Response:
    """What tests ask of the double itself."""
    told: object = {}
    if what == "counts":
        told = {"kinds": kinds, "keys": by_key, **sent}
    elif what == "log":
        told = [*log]
    elif what == "reset":
        for kept in (kinds, by_key, sent, log):
            kept.clear()
    elif what == "create":
        is_public, is_versioned = (query.get(name) == "1" for name in ("public", "versioned"))
        buckets[query["bucket"]] = Bucket(public=is_public, versioned=is_versioned)
    elif what == "fill":
        pattern, count = query.get("pattern", "{n:08}"), int(query["count"])
        keys = [pattern.format(n=n, d=n // 1000) for n in range(count)]
        buckets[query["bucket"]].fill(keys, int(query.get("bytes", 0)))
    elif what == "touch":
        told = {"etag": buckets[query["bucket"]].touch(query["key"]).etag}
    else:
        raise web.HTTPNotFound
    return web.json_response(told)


def main() -> None:
    """Serve on a free port until killed."""

    async def serve() -> None:
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, auto_decompress=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        print(f"listening on {runner.addresses[0][1]}", flush=True)  # noqa: T201
        await asyncio.Event().wait()

    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve())


if __name__ == "__main__":
    main()
