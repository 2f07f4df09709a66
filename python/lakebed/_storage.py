"""Where files are reached: the current session's buckets, or in a worker those of the process that started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakebed._native import Storage

_of_worker: list[Storage] = []


def storage() -> Storage:
    """Reads and writes files in the buckets of this process."""
    if _of_worker:
        return _of_worker[0]
    from lakebed.session import Session

    return Session.get()._native.storage()


def configure_worker(setup: bytes) -> None:
    """Reach files as the process that started this one does."""
    from lakebed._native import Storage

    _of_worker[:] = [Storage.restored(setup)]
