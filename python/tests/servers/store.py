"""An object store as tests see it: where it is, and requests to it without any client library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

_AZURE_VERSION = "2021-08-06"


class Refused(Exception):  # noqa: N818  says what is the case
    """The server answered with an error."""

    def __init__(self, status: int, body: bytes) -> None:
        """Keep what it said."""
        super().__init__(f"{status}: {body[:500]!r}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Store:
    """A bucket on a server.

    Attributes:
        endpoint: Where the server listens, without the bucket.
        bucket: The name of the bucket, or of Azure's container.
    """

    endpoint: str
    bucket: str = "bucket"
    scheme: str = field(default="", init=False)

    @property
    def uri(self) -> str:
        """What lakebed is given, for example `s3://bucket`."""
        return f"{self.scheme}://{self.bucket}"

    @property
    def client_config(self) -> dict[str, Any]:
        """The options under the names that users pass as `client_config=`."""
        raise NotImplementedError

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that say the same."""
        raise NotImplementedError

    def at(self, endpoint: str) -> Self:
        """The same bucket, by another address, for example that of a proxy."""
        return replace(self, endpoint=endpoint)

    def fresh(self) -> Self:
        """A new bucket on the same server, empty and private."""
        other = replace(self, bucket=f"b{uuid.uuid4().hex[:12]}")
        other.create()
        return other

    def create(self) -> None:
        """Make the bucket."""
        self.request("PUT")

    def put(self, key: str, data: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Store an object; its etag without quotation marks."""
        _, answered, _ = self.request("PUT", key, body=data, headers=headers)
        return answered.get("etag", "").strip('"')

    def get(self, key: str, headers: Mapping[str, str] | None = None) -> bytes:
        """The bytes of an object."""
        return self.request("GET", key, headers=headers)[2]

    def head(self, key: str) -> dict[str, str]:
        """The headers of an object, names in lower case."""
        return self.request("HEAD", key)[1]

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.request("DELETE", key)

    def list(self, prefix: str = "") -> list[str]:
        """All keys that start with `prefix`."""
        found: list[str] = []
        token = ""
        while True:
            names, token = self._page(prefix, token)
            found += names
            if not token:
                return found

    def request(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """One signed request: status, headers in lower case, body; `Refused` from 400 on."""
        path = self._path() + (f"/{quote(key, safe='/~')}" if key else "")
        target = f"{path}?{urlencode(query)}" if query else path
        signed = self._signed(method, target, len(body), dict(headers or {}))
        return send(self.endpoint, method, target, body, signed)

    def _path(self) -> str:
        return f"/{self.bucket}"

    def _signed(
        self, method: str, target: str, length: int, headers: dict[str, str]
    ) -> dict[str, str]:
        raise NotImplementedError

    def _page(self, prefix: str, token: str) -> tuple[list[str], str]:
        query = {"list-type": "2", "prefix": prefix}
        if token:
            query["continuation-token"] = token
        root = ET.fromstring(self.request("GET", query=query)[2])  # noqa: S314  our own server's
        keys = [found.text or "" for found in root.iterfind("{*}Contents/{*}Key")]
        return keys, root.findtext("{*}NextContinuationToken") or ""


@dataclass(frozen=True)
class S3Store(Store):
    """A bucket of a server that speaks S3; no signature is checked."""

    scheme = "s3"

    @property
    def client_config(self) -> dict[str, Any]:
        """The options `aws_key`, `aws_secret`, `aws_endpoint_url` and `region_name`."""
        return {
            "aws_key": "test",
            "aws_secret": "test",
            "aws_endpoint_url": self.endpoint,
            "region_name": "us-east-1",
        }

    @property
    def env(self) -> dict[str, str]:
        """What every client of AWS reads."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _signed(
        self, method: str, target: str, length: int, headers: dict[str, str]
    ) -> dict[str, str]:
        del method, target, length
        scope = "test/20260101/us-east-1/s3/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        return {"Authorization": signature, **headers}


@dataclass(frozen=True)
class GcsStore(Store):
    """A bucket of a server that speaks the XML interface of Google's storage."""

    scheme = "gs"

    @property
    def client_config(self) -> dict[str, Any]:
        """The options `endpoint_url` and `token`."""
        return {"endpoint_url": self.endpoint, "token": "test-token"}

    @property
    def env(self) -> dict[str, str]:
        """What Google's own clients read, and a token."""
        return {"STORAGE_EMULATOR_HOST": self.endpoint, "GOOGLE_BEARER_TOKEN": "test-token"}

    def _signed(
        self, method: str, target: str, length: int, headers: dict[str, str]
    ) -> dict[str, str]:
        del method, target, length
        return {"Authorization": "Bearer test-token", **headers}


@dataclass(frozen=True)
class AzureStore(Store):
    """A container of Azure's emulator; every request is signed with the account's key."""

    scheme = "az"
    account = "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    @property
    def client_config(self) -> dict[str, Any]:
        """The options `account_name`, `account_key` and `connection_string`."""
        return {
            "account_name": self.account,
            "account_key": self.key,
            "connection_string": self.connection_string,
        }

    @property
    def env(self) -> dict[str, str]:
        """What clients of Azure read."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": self.account,
            "AZURE_STORAGE_ACCOUNT_KEY": self.key,
            "AZURE_STORAGE_CONNECTION_STRING": self.connection_string,
        }

    @property
    def connection_string(self) -> str:
        """All of it in one text, as Azure's portal shows it."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};"
            f"BlobEndpoint={self.endpoint}/{self.account};"
        )

    def create(self) -> None:
        """Make the container."""
        self.request("PUT", query={"restype": "container"})

    def put(self, key: str, data: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Store an object; its etag without quotation marks."""
        return super().put(key, data, {"x-ms-blob-type": "BlockBlob", **(headers or {})})

    def _path(self) -> str:
        return f"/{self.account}/{self.bucket}"

    def _page(self, prefix: str, token: str) -> tuple[list[str], str]:
        query = {"restype": "container", "comp": "list", "prefix": prefix, "marker": token}
        root = ET.fromstring(self.request("GET", query=query)[2])  # noqa: S314
        keys = [found.text or "" for found in root.iterfind("Blobs/Blob/Name")]
        return keys, root.findtext("NextMarker") or ""

    def _signed(
        self, method: str, target: str, length: int, headers: dict[str, str]
    ) -> dict[str, str]:
        headers |= {
            "x-ms-date": format_datetime(datetime.now(UTC), usegmt=True),
            "x-ms-version": _AZURE_VERSION,
        }
        given = {name.lower(): value for name, value in headers.items()}
        own = sorted(f"{name}:{value}" for name, value in given.items() if name[:5] == "x-ms-")
        path, _, query = target.partition("?")
        asked = sorted(f"{k}:{v}" for k, v in parse_qsl(query, keep_blank_values=True))
        standard = [
            "content-encoding", "content-language", "content-length", "content-md5",
            "content-type", "date", "if-modified-since", "if-match", "if-none-match",
            "if-unmodified-since", "range",
        ]  # fmt: skip
        given["content-length"] = str(length or "")
        lines = [method, *(given.get(name, "") for name in standard), *own]
        text = "\n".join([*lines, f"/{self.account}{path}", *asked])
        mac = hmac.digest(base64.b64decode(self.key), text.encode(), hashlib.sha256)
        headers["Authorization"] = f"SharedKey {self.account}:{base64.b64encode(mac).decode()}"
        return headers


def send(
    endpoint: str, method: str, target: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own: status, headers in lower case, body."""
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    if answer.status >= 400:
        raise Refused(answer.status, data)
    return answer.status, {name.lower(): value for name, value in answer.headers.items()}, data


def control(endpoint: str, target: str) -> Any:
    """What a control endpoint of our own servers answers, as JSON."""
    return json.loads(send(endpoint, "GET", target, b"", {})[2])
