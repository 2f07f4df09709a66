"""The proxy as tests use it: in another process, with the store behind it under a new address."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode

from servers.process import HOST, own_server
from servers.store import Store, control

if TYPE_CHECKING:
    from collections.abc import Iterator

StoreT = TypeVar("StoreT", bound=Store)


@dataclass(frozen=True)
class Proxy(Generic[StoreT]):
    """A line to a store.

    Attributes:
        store: The store as it is seen through the proxy; its `client_config` and `env` go there.
        behind: The store itself.
    """

    store: StoreT
    behind: StoreT

    def set(self, **line: Any) -> None:
        """What the line does from now on, counting from zero; see `servers.proxy.Line`."""
        control(self.store.endpoint, f"/_proxy/set?{urlencode(line)}")

    def reset(self) -> None:
        """Count from zero, and choose the faults anew."""
        control(self.store.endpoint, "/_proxy/reset")

    def requests(self) -> int:
        """How many requests came since the last `set` or `reset`."""
        return sum(self.fates().values())

    def fates(self) -> dict[str, int]:
        """How many requests went through (`ok`) or met which fault."""
        return dict(control(self.store.endpoint, "/_proxy/counts")["fates"])

    def methods(self) -> dict[str, int]:
        """How many requests came, by method."""
        return dict(control(self.store.endpoint, "/_proxy/counts")["methods"])

    def peak(self) -> int:
        """How many requests were under way at once, at most."""
        return int(control(self.store.endpoint, "/_proxy/counts")["peak"])


@contextmanager
def proxy(in_front_of: StoreT, **line: Any) -> Iterator[Proxy[StoreT]]:
    """A line to a store; the options are those of `servers.proxy.Line`, all harmless by default."""
    with own_server("servers.proxy", in_front_of.endpoint) as port:
        found = Proxy(in_front_of.at(f"http://{HOST}:{port}"), in_front_of)
        found.set(**line)
        yield found
