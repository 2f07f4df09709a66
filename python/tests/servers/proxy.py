"""A slow and faulty line to a server: HTTP/1.1 through, with latency, a bandwidth and faults.

    python -m servers.proxy http://127.0.0.1:9000

What happens to the n-th request depends on the seed and on n alone. `/_proxy/…` is for
tests: `set` takes the fields of `Line`, `counts` tells, `reset` counts from zero.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

_CHUNK = 1 << 16
_LIMIT = 1 << 20
_GONE = (ConnectionError, asyncio.IncompleteReadError, EOFError)


@dataclass(frozen=True)
class Line:
    """What the proxy does. Shares are between 0 and 1, of the requests that `only` matches.

    Attributes:
        latency_ms: Added to each answer.
        jitter_ms: At most as much is added on top, by chance.
        bandwidth: Bytes a second, of all connections and both directions together; 0: no limit.
        error_500: Answered with 500, and not passed on.
        error_503: Answered with 503 as a busy S3 does, and not passed on.
        reset: The connection is closed before an answer; not passed on.
        stall: No answer, until the client gives up or `stall_secs` are over; not passed on.
        truncate: The answer ends in the middle of its body.
        lost: Passed on, and then the connection is closed instead of an answer.
        late_500: Passed on, and then answered with 500.
        stall_secs: See `stall`.
        most: Not more faults than these.
        only: A regular expression, on for example `GET /bucket/key?query`.
        seed: Of the generator that chooses.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    bandwidth: float = 0.0
    error_500: float = 0.0
    error_503: float = 0.0
    reset: float = 0.0
    stall: float = 0.0
    truncate: float = 0.0
    lost: float = 0.0
    late_500: float = 0.0
    stall_secs: float = 30.0
    most: int = 1 << 62
    only: str = ""
    seed: int = 0


FAULTS = ("error_500", "error_503", "reset", "stall", "truncate", "lost", "late_500")


@dataclass
class Proxy:
    """The line as it is now, and what came over it."""

    host: str
    port: int
    line: Line = field(default_factory=Line)
    fates: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    matched: int = 0
    under_way: int = 0
    peak: int = 0
    free_at: float = 0

    def fate(self, what: str) -> str:
        """What happens to the next request: one of `FAULTS`, or `ok`."""
        chosen = "ok"
        if re.search(self.line.only, what):
            self.matched += 1
            left = self._chance("fate")
            for fault in FAULTS:
                left -= getattr(self.line, fault)
                if left < 0:
                    chosen = fault
                    break
        faults = self.fates.total() - self.fates["ok"]
        chosen = chosen if faults < self.line.most else "ok"
        self.fates[chosen] += 1
        return chosen

    async def delay(self) -> None:
        """Wait as long as the line is."""
        extra = self._chance("jitter") * self.line.jitter_ms
        await asyncio.sleep((self.line.latency_ms + extra) / 1000)

    async def throttle(self, count: int) -> None:
        """Wait until `count` bytes more have gone over the line."""
        if self.line.bandwidth:
            now = asyncio.get_running_loop().time()
            self.free_at = max(now, self.free_at) + count / self.line.bandwidth
            await asyncio.sleep(self.free_at - now)

    def control(self, what: str, query: dict[str, str]) -> object:
        """What tests ask of the proxy itself."""
        if what == "set":
            kinds = {name: type(value) for name, value in vars(Line()).items()}
            self.line = Line(**{name: kinds[name](value) for name, value in query.items()})
        if what in ("set", "reset"):
            self.fates.clear()
            self.methods.clear()
            self.matched = self.peak = 0
        return {"fates": self.fates, "methods": self.methods, "peak": self.peak}

    def _chance(self, of: str) -> float:
        """Between 0 and 1, the same for the same request and seed."""
        return random.Random(f"{of} {self.line.seed} {self.matched}").random()  # noqa: S311


class Head(NamedTuple):
    """The first line of a message and its headers, as they came."""

    start: str
    lines: list[str]

    def get(self, name: str) -> str:
        """A header, in lower case; empty when it is not there."""
        found = (line.partition(":") for line in self.lines)
        return next((v.strip().lower() for k, _, v in found if k.lower() == name), "")

    def without(self, name: str) -> Head:
        """All but one header."""
        kept = [line for line in self.lines if line.partition(":")[0].lower() != name]
        return Head(self.start, kept)

    def bytes(self) -> bytes:
        """As on the wire."""
        return "\r\n".join([self.start, *self.lines, "", ""]).encode("latin-1")


class Connection:
    """One connection of a client, and the one to the server that it needs."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.proxy = proxy
        self.reader = reader
        self.writer = writer
        self.server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def serve(self) -> None:
        """Request after request, until either side has enough."""
        with suppress(*_GONE):
            while await self._one():
                pass
        self._hang_up()
        self.writer.transport.abort()

    async def _one(self) -> bool:
        """Whether the connection lives on after the next request."""
        head = await _head(self.reader)
        method, target, _ = head.start.split(" ", 2)
        if target.startswith("/_proxy/"):
            url = urlsplit(target)
            what = url.path.removeprefix("/_proxy/")
            told = self.proxy.control(what, dict(parse_qsl(url.query)))
            await self._answer("200 OK", json.dumps(told).encode())
            return True
        if head.get("expect"):
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = head.without("expect")
        self.proxy.under_way += 1
        self.proxy.peak = max(self.proxy.peak, self.proxy.under_way)
        self.proxy.methods[method] += 1
        try:
            return await self._meet(self.proxy.fate(f"{method} {target}"), head)
        finally:
            self.proxy.under_way -= 1

    async def _meet(self, fate: str, head: Head) -> bool:
        """Let happen to a request what was chosen."""
        if fate in ("ok", "truncate", "lost", "late_500"):
            answered = await self._forward(head)
        else:
            await self._body(head, self.reader, None)
        await self.proxy.delay()
        if fate in ("ok", "truncate"):
            return await self._pass_on(answered, head.start.split(" ")[0], fate == "truncate")
        self._hang_up()
        if fate in ("error_500", "late_500"):
            await self._answer("500 Internal Server Error", _error("InternalError"))
        elif fate == "error_503":
            await self._answer("503 Slow Down", _error("SlowDown"))
        elif fate == "stall":
            with suppress(TimeoutError):
                await asyncio.wait_for(self.reader.read(1), self.proxy.line.stall_secs)
        return fate not in ("reset", "stall", "lost")

    async def _forward(self, head: Head) -> Head:
        """Send a request to the server; the head of its answer."""
        if self.server is None:
            self.server = await asyncio.open_connection(
                self.proxy.host, self.proxy.port, limit=_LIMIT
            )
        reader, writer = self.server
        writer.write(head.bytes())
        await self._body(head, self.reader, writer)
        await writer.drain()
        answered = await _head(reader)
        while answered.start.split(" ")[1] == "100":
            answered = await _head(reader)
        return answered

    async def _pass_on(self, answered: Head, method: str, is_cut: bool) -> bool:  # noqa: FBT001
        """Send the answer, or half of it, to the client."""
        if self.server is None:
            return False
        status = answered.start.split(" ")[1]
        self.writer.write(answered.bytes())
        if method == "HEAD" or status in ("204", "304"):
            await self.writer.drain()
            return not is_cut
        size = int(answered.get("content-length") or 0)
        if is_cut:
            self.writer.write(await self.server[0].readexactly(size // 2))
            await self.writer.drain()
            return False
        is_framed = "chunked" in answered.get("transfer-encoding") or answered.get("content-length")
        if is_framed:
            await self._body(answered, self.server[0], self.writer)
        else:
            while chunk := await self.server[0].read(_CHUNK):
                await self._send(chunk, self.writer)
        await self.writer.drain()
        if not is_framed or answered.get("connection") == "close":
            self._hang_up()
            return False
        return True

    async def _body(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None
    ) -> None:
        """Read the body that `head` announces, and write it on."""
        if "chunked" not in head.get("transfer-encoding"):
            await self._exactly(int(head.get("content-length") or 0), reader, writer)
            return
        while True:
            line = await reader.readuntil(b"\r\n")
            await self._send(line, writer)
            size = int(line.partition(b";")[0], 16)
            await self._exactly(size + 2, reader, writer)
            if not size:
                return

    async def _exactly(
        self, count: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None
    ) -> None:
        while count:
            chunk = await reader.read(min(count, _CHUNK))
            if not chunk:
                raise EOFError
            count -= len(chunk)
            await self._send(chunk, writer)

    async def _send(self, chunk: bytes, writer: asyncio.StreamWriter | None) -> None:
        await self.proxy.throttle(len(chunk))
        if writer is not None:
            writer.write(chunk)
            await writer.drain()

    async def _answer(self, status: str, body: bytes) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self.writer.drain()

    def _hang_up(self) -> None:
        """Leave the server; the rest of its answer is nobody's."""
        if self.server is not None:
            self.server[1].close()
            self.server = None


async def _head(reader: asyncio.StreamReader) -> Head:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    return Head(start, lines)


def _error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()


async def _serve(behind: str) -> None:
    server = urlsplit(behind)
    proxy = Proxy(server.hostname or "127.0.0.1", server.port or 80)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(proxy, reader, writer).serve()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, limit=_LIMIT, backlog=1024)
    print(f"listening on {listening.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
