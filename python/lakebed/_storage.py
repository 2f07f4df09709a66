"""Where files are reached: the session's buckets, or in a worker those of who started it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from lakebed._client_config import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakebed._native import Storage

_keeps: ContextVar[bool] = ContextVar("_keeps", default=False)


_of_worker: list[Storage] = []

_of_function: ContextVar[Storage | None] = ContextVar("_of_function", default=None)


def storage(client_config: Mapping[str, Any] | None = None) -> Storage:
    """Reads and writes files in the buckets of this process.

    Args:
        client_config: Another way to connect than the session's.
    """
    if client_config:
        return storage().connected(options_of(client_config))
    if _of_worker:
        return _of_worker[0]
    if reached := _of_function.get():
        return reached
    from lakebed.session import Session

    return Session.get()._native.storage()


def reach(files: Storage | None, keeps: bool) -> None:  # noqa: FBT001
    """In what is called from here on, files are those of the session that a chain belongs to.

    Args:
        files: Where they are reached; None in a worker, which knows it.
        keeps: See `keeps`.
    """
    _of_function.set(files)
    _keeps.set(keeps)


def configure_worker(setup: bytes) -> None:
    """Reach files as the process that started this one does."""
    from lakebed._native import Storage

    _of_worker[:] = [Storage.restored(setup)]


@contextmanager
def without_session(options: dict[str, str]) -> Iterator[None]:
    """Within the block files are reached so, and no root is opened for it."""
    from lakebed._native import Storage

    _of_worker[:] = [Storage(options)]
    try:
        yield
    finally:
        _of_worker.clear()


def keeps() -> bool:
    """Whether files that are read whole are kept in the cache, as with `settings(cache=True)`."""
    return _keeps.get()
