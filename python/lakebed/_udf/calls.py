"""How a function is called when it takes more than one call after the other.

Retries, time limits, threads and coroutines: rows that are begun are in flight together,
and their outcomes come in the order of the rows. Plain functions never pass here; the
native module calls them itself.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import signal
import threading
import time
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    Row = tuple[Any, ...]
    Outcome = tuple[Any, BaseException | None, int]
    """A result or an error, and how often the function was called for it."""
    Tick = Callable[[int | None], bool]
    """Says which row is under way, if one is; true when nobody waits any more."""

_TICK_SECONDS = 0.05
"""How often a call that waits looks whether anybody else still does."""

_CANCEL_SECONDS = 5.0
"""How long coroutines may take to end after they were cancelled."""


@dataclass(frozen=True)
class _Limits:
    """When a row has failed for good."""

    timeout: float | None
    retries: int
    retry_on: tuple[type[BaseException], ...]
    retry_wait: float

    def wait_before_retry(self, error: BaseException, attempt: int) -> float | None:
        """Seconds until the next attempt; None when this one was the last."""
        if attempt > self.retries or not isinstance(error, self.retry_on):
            return None
        return float(self.retry_wait * 2 ** (attempt - 1))

    def exceeded(self) -> TimeoutError:
        """The error of a row that took too long."""
        return TimeoutError(f"row took longer than {self.timeout:g} s")


def start(spec: Mapping[str, Any]) -> Calls:
    """What makes the calls that the spec of a function asks for, on this thread."""
    limits = _Limits(
        spec["timeout"], spec["retries"], tuple(spec["retry_on"]), float(spec["retry_wait"])
    )
    several = spec["mode"] == "rows"
    if spec["is_async"]:
        return _Coroutines(spec["call"], limits, spec["concurrency"], several=several)
    if spec["concurrency"] > 1:
        return _Threads(spec["call"], limits, spec["concurrency"], several=several)
    return _InTurn(spec["call"], limits, several=several)


class Calls:
    """Calls of one function; used by the thread that started them only."""

    def run(self, value: Any) -> Any:
        """What a set-up or tear-down returned; coroutines are awaited."""
        if inspect.iscoroutine(value):
            value.close()
            msg = "a coroutine as setup() or teardown() needs a coroutine as function too"
            raise TypeError(msg)
        return value

    def begin(self, rows: Sequence[Row]) -> Any:
        """Start the calls of some rows, as many as may be under way."""
        raise NotImplementedError

    def complete(self, begun: Any, tick: Tick) -> Iterator[Outcome]:
        """The outcomes of what `begin` returned, in order; ends early when `tick` says so."""
        raise NotImplementedError

    def close(self) -> None:
        """Give up what is under way."""


# One after the other


class _InTurn(Calls):
    def __init__(self, call: Callable[..., Any], limits: _Limits, *, several: bool) -> None:
        call = _listing(call) if several else call
        # Only the main thread of a process hears signals.
        alarmed = limits.timeout and threading.current_thread() is threading.main_thread()
        self._call = _with_alarm(call, limits) if alarmed else call
        self._limits = limits

    def begin(self, rows: Sequence[Row]) -> Sequence[Row]:
        return rows

    def complete(self, begun: Sequence[Row], tick: Tick) -> Iterator[Outcome]:
        for at, row in enumerate(begun):
            stopped = functools.partial(tick, at)
            if stopped():
                return
            yield _attempts(self._call, row, self._limits, stopped)


def _attempts(
    call: Callable[..., Any], row: Row, limits: _Limits, stopped: Callable[[], bool]
) -> Outcome:
    """Call until it succeeds, or may not be repeated."""
    for attempt in itertools.count(1):
        try:
            return call(*row), None, attempt
        except BaseException as error:  # noqa: BLE001
            seconds = limits.wait_before_retry(error, attempt)
            if seconds is None or _stopped_while_waiting(seconds, stopped):
                return None, error, attempt
    raise AssertionError


def _stopped_while_waiting(seconds: float, stopped: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not stopped():
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, _TICK_SECONDS))
    return True


def _listing(call: Callable[..., Any]) -> Callable[..., list[Any]]:
    """A function of several results, whose generator is run to its end."""

    def listed(*row: Any) -> Any:
        result = call(*row)
        return list(result) if hasattr(result, "__next__") else result

    return listed


def _with_alarm(call: Callable[..., Any], limits: _Limits) -> Callable[..., Any]:
    """The function, interrupted when it takes too long."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise limits.exceeded()

    signal.signal(signal.SIGALRM, ring)
    seconds = float(limits.timeout or 0)

    def limited(*row: Any) -> Any:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            return call(*row)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return limited


# Threads


class _Threads(Calls):
    def __init__(
        self, call: Callable[..., Any], limits: _Limits, threads: int, *, several: bool
    ) -> None:
        self._call = _listing(call) if several else call
        self._limits = limits
        self._closed = threading.Event()
        self._pool = futures.ThreadPoolExecutor(threads, "lakebed-call")

    def begin(self, rows: Sequence[Row]) -> list[futures.Future[Outcome]]:
        arguments = (self._call, self._limits, self._closed.is_set)
        call, limits, stopped = arguments
        return [self._pool.submit(_attempts, call, row, limits, stopped) for row in rows]

    def complete(self, begun: list[futures.Future[Outcome]], tick: Tick) -> Iterator[Outcome]:
        for at, future in enumerate(begun):
            # All rows before it are done, so it runs: from here on its time is measured.
            stopped = tick(at)
            while not stopped and not future.done():
                futures.wait((future,), _TICK_SECONDS)
                stopped = tick(None)
            if stopped:
                return
            yield future.result()

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)


# Coroutines


class _Coroutines(Calls):
    def __init__(
        self, call: Callable[..., Any], limits: _Limits, concurrency: int, *, several: bool
    ) -> None:
        self._call = call
        self._limits = limits
        self._several = several
        self._loop = asyncio.new_event_loop()
        self._slots = asyncio.Semaphore(concurrency)

    def run(self, value: Any) -> Any:
        if not inspect.isawaitable(value):
            return value
        return self._loop.run_until_complete(_awaited(value))

    def begin(self, rows: Sequence[Row]) -> list[asyncio.Task[Outcome]]:
        return [self._loop.create_task(self._attempts(row)) for row in rows]

    def complete(self, begun: list[asyncio.Task[Outcome]], tick: Tick) -> Iterator[Outcome]:
        for at, task in enumerate(begun):
            while not task.done():
                if tick(at):
                    return
                self._loop.run_until_complete(asyncio.wait((task,), timeout=_TICK_SECONDS))
            yield task.result()

    def close(self) -> None:
        if self._loop.is_closed():
            return
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=_CANCEL_SECONDS))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _attempts(self, row: Row) -> Outcome:
        for attempt in itertools.count(1):
            async with self._slots:
                value, error = await self._attempt(row)
            if error is None:
                return value, None, attempt
            seconds = self._limits.wait_before_retry(error, attempt)
            if seconds is None:
                return None, error, attempt
            await asyncio.sleep(seconds)
        raise AssertionError

    async def _attempt(self, row: Row) -> tuple[Any, BaseException | None]:
        limits, began = self._limits, time.monotonic()
        try:
            return await asyncio.wait_for(self._result(row), limits.timeout), None
        except asyncio.CancelledError:
            raise
        except asyncio.TimeoutError as error:  # a class of its own before Python 3.11
            late = limits.timeout is not None and time.monotonic() - began >= limits.timeout
            return None, limits.exceeded() if late else error
        except BaseException as error:  # noqa: BLE001  raised by whoever takes the outcome
            return None, error

    async def _result(self, row: Row) -> Any:
        result = self._call(*row)
        if inspect.isawaitable(result):
            result = await result
        if self._several and hasattr(result, "__aiter__"):
            return [item async for item in result]
        return result


async def _awaited(value: Any) -> Any:
    return await value
