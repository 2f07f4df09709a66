"""Values that are read: files of rows, some rows ahead of the one that is asked for."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from lakebed._storage import reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lakebed._native import Storage


def read_ahead(
    rows: Iterable[tuple[Any, ...]], ahead: int, files: Storage, *, keeps: bool
) -> Iterator[list[Any]]:
    """The rows with what can be read in place of files, images and labels.

    Args:
        rows: What to read.
        ahead: How many rows to read at the same time; 0 for none before it is asked for.
        files: Where files are reached.
        keeps: Whether files of buckets are kept in the cache.
    """
    context = copy_context()
    context.run(reach, files, keeps)
    if not ahead:
        for row in rows:
            yield context.run(_read, row)
        return
    waiting: deque[Future[list[Any]]] = deque()
    with ThreadPoolExecutor(ahead, "lakebed-read") as threads:
        try:
            for row in rows:
                run: Callable[..., list[Any]] = context.copy().run
                waiting.append(threads.submit(run, _read, row))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _read(row: tuple[Any, ...]) -> list[Any]:
    return [value.read() if hasattr(value, "read") else value for value in row]
