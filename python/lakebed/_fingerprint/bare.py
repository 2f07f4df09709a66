"""Values that carry no result: locks, streams, connections, and clients of services.

What holds one counts by all else that it holds. Clients count by their class, their
release and what they hold in plain values, such as an address; not by what lets them in.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import releases

if TYPE_CHECKING:
    from collections.abc import Iterator

_BARE = {
    ("_thread", "RLock"),
    ("_thread", "_local"),
    ("_thread", "lock"),
    ("asyncio.locks", "Condition"),
    ("asyncio.locks", "Event"),
    ("asyncio.locks", "Lock"),
    ("asyncio.locks", "Semaphore"),
    ("concurrent.futures.process", "ProcessPoolExecutor"),
    ("concurrent.futures.thread", "ThreadPoolExecutor"),
    ("multiprocessing.synchronize", "Lock"),
    ("multiprocessing.synchronize", "RLock"),
    ("socket", "socket"),
    ("ssl", "SSLContext"),
    ("threading", "Barrier"),
    ("threading", "BoundedSemaphore"),
    ("threading", "Condition"),
    ("threading", "Event"),
    ("threading", "Semaphore"),
}

_CLIENTS = frozenset(
    {"aiobotocore", "aiohttp", "anthropic", "azure", "boto3", "botocore", "cohere", "google"}
    | {"groq", "httpx", "huggingface_hub", "litellm", "loguru", "mistralai", "ollama", "openai"}
    | {"replicate", "requests", "rich", "structlog", "together", "tqdm", "urllib3"}
)
"""Packages whose objects talk to services or people."""

_PLAIN = (str, int, float, bool, bytes, type(None))

_SECRET = ("auth", "cookie", "key", "password", "secret", "token", "id", "time", "uuid")

_DEPTH = 3


def is_bare(value: Any) -> bool:
    """Whether it only coordinates, or leads somewhere."""
    kind = type(value)
    if (kind.__module__, kind.__name__) in _BARE or isinstance(value, type(threading.local())):
        return kind.__module__.partition(".")[0] in sys.stdlib_module_names
    logging = sys.modules.get("logging")
    return logging is not None and isinstance(value, (logging.Handler, logging.LoggerAdapter))


def stream_of(value: Any) -> tuple[str, str] | None:
    """The mode of an open file or stream, and the file that it reads; None for all else."""
    if not isinstance(value, io.IOBase) or isinstance(value, (io.BytesIO, io.StringIO)):
        return None
    if not type(value).__module__.startswith(("_io", "io")):
        return None
    mode = str(getattr(value, "mode", ""))
    name = getattr(value, "name", None)
    reads = "r" in mode or "+" in mode
    if not isinstance(name, str) or not reads or not os.path.isfile(name):  # noqa: PTH113
        return mode, ""
    return mode, os.path.realpath(name)


def referred(value: Any) -> list[Any] | dict[Any, Any] | set[Any] | None:
    """What weak references lead to; None for all else."""
    kind = type(value)
    if kind in (weakref.ref, weakref.WeakMethod):
        return [value()]
    if kind in (weakref.WeakValueDictionary, weakref.WeakKeyDictionary):
        return dict(value)
    return set(value) if kind is weakref.WeakSet else None


def is_client(value: Any) -> bool:
    """Whether it is an object of a package that talks to services."""
    root = type(value).__module__.partition(".")[0]
    return root in _CLIENTS and not releases.is_projects(type(value).__module__)


def client_parts(value: Any, depth: int = _DEPTH) -> Iterator[tuple[str, str]]:
    """Plain values that a client holds, by the names that lead to them."""
    held = getattr(value, "__dict__", None)
    for name, part in sorted(held.items(), key=lambda item: str(item[0])) if held else ():
        if any(secret in str(name).lower() for secret in _SECRET):
            continue
        if isinstance(part, _PLAIN):
            yield name, repr(part)
        elif type(part).__name__ in ("URL", "Timeout"):
            yield name, str(part)
        elif depth and is_client(part):
            for below, text in client_parts(part, depth - 1):
                yield f"{name}.{below}", text
