"""The object storage that files in buckets are read and written with; the engine has it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from lakebed.exceptions import NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakebed._native import Storage

_keeps: ContextVar[bool] = ContextVar("_keeps", default=False)


def storage(client_config: Mapping[str, Any] | None = None) -> Storage:  # noqa: ARG001
    """That of the current session, or of the process that works for it.

    Args:
        client_config: Another way to connect than the session's.
    """
    msg = "files in buckets cannot be opened yet, only local ones"
    raise NotSupportedError(msg)


def keeps() -> bool:
    """Whether files that are read whole are kept in the cache, as with `settings(cache=True)`."""
    return _keeps.get()


def keeping(call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that keeps the files which it reads whole."""

    def kept(*values: Any) -> Any:
        token = _keeps.set(True)
        try:
            return call(*values)
        finally:
            _keeps.reset(token)

    return kept
