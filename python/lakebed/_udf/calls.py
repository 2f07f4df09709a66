"""How a function is called when it takes more than one call after the other.

Retries, time limits, threads and coroutines: rows that are begun are in flight together,
and their outcomes come in the order of the rows. Plain functions never pass here; the
native module calls them itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import itertools
import signal
import threading
import time
from collections import deque
from concurrent import futures
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from lakebed._udf import observe
from lakebed._udf.event_loop import new_event_loop

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
    """Threads that do not keep the process from ending, as those of an executor would."""

    def __init__(
        self, call: Callable[..., Any], limits: _Limits, most: int, *, several: bool
    ) -> None:
        self._call = _listing(call) if several else call
        self._limits = limits
        self._most = most
        self._closed = threading.Event()
        self._reads = observe.current()
        self._threads: list[threading.Thread] = []
        self._waiting: SimpleQueue[tuple[Row, futures.Future[Outcome]] | None] = SimpleQueue()

    def begin(self, rows: Sequence[Row]) -> list[futures.Future[Outcome]]:
        return [self._submit(row) for row in rows]

    def _submit(self, row: Row) -> futures.Future[Outcome]:
        future: futures.Future[Outcome] = futures.Future()
        self._waiting.put((row, future))
        if len(self._threads) < self._most:
            name = f"lakebed-call_{len(self._threads)}"
            serve = functools.partial(contextvars.copy_context().run, self._serve)
            self._threads.append(threading.Thread(target=serve, name=name, daemon=True))
            self._threads[-1].start()
        return future

    def _serve(self) -> None:
        observe.follow(self._reads)
        try:
            with contextlib.suppress(KeyboardInterrupt):  # of `interrupt`
                while (job := self._waiting.get()) is not None and not self._closed.is_set():
                    row, future = job
                    outcome = _attempts(self._call, row, self._limits, self._closed.is_set)
                    future.set_result(outcome)
        finally:
            observe.end()

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
        self._reads = None
        _closed.add(self)
        for _ in self._threads:
            self._waiting.put(None)
        if time.monotonic() - _last_interrupt < _CANCEL_SECONDS:
            # Ctrl-C came before this run had heard that nobody waits for it.
            self.interrupt()

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` where a call is still under way."""
        for thread in self._threads:
            if thread.is_alive():
                _raise_in(thread.ident, KeyboardInterrupt)


_closed: WeakSet[_Threads] = WeakSet()
_last_interrupt = -_CANCEL_SECONDS


def interrupt() -> None:
    """End the calls on threads whose results nobody waits for, as Ctrl-C does."""
    global _last_interrupt  # noqa: PLW0603
    _last_interrupt = time.monotonic()
    for calls in list(_closed):
        calls.interrupt()


def _raise_in(thread: int | None, error: type[BaseException]) -> None:
    """Raise an error in another thread when that next runs bytecode."""
    import ctypes

    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    raise_in(ctypes.c_ulong(thread or 0), ctypes.py_object(error))


# Coroutines


class _Coroutines(Calls):
    """A task for each row in flight; one that ends starts the next that waits.

    The loop runs only while an outcome is wanted, and then for all rows that were begun.
    """

    def __init__(
        self, call: Callable[..., Any], limits: _Limits, concurrency: int, *, several: bool
    ) -> None:
        self._call = call
        self._limits = limits
        self._several = several
        self._loop = new_event_loop()
        self._waiting: deque[_Turn] = deque()
        self._free = concurrency
        self._wanted: _Turn | None = None
        self._closing = False

    def run(self, value: Any) -> Any:
        if not inspect.isawaitable(value):
            return value
        return self._loop.run_until_complete(_awaited(value))

    def begin(self, rows: Sequence[Row]) -> list[_Turn]:
        turns = [_Turn(row) for row in rows]
        self._waiting.extend(turns)
        self._fill()
        # What they wait for is under way while the next rows are read.
        self._loop.call_soon(self._loop.stop)
        self._loop.run_forever()
        return turns

    def complete(self, begun: list[_Turn], tick: Tick) -> Iterator[Outcome]:
        for at, turn in enumerate(begun):
            while turn.outcome is None:
                if tick(at):
                    return
                self._run_until(turn)
            yield turn.outcome

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._closing = True
        self._waiting.clear()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=_CANCEL_SECONDS))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _run_until(self, turn: _Turn) -> None:
        """Run the loop until the turn is over, or for a tick."""
        self._wanted = turn
        tick = self._loop.call_later(_TICK_SECONDS, self._loop.stop)
        try:
            self._loop.run_forever()
        finally:
            self._wanted = None
            tick.cancel()

    def _fill(self) -> None:
        """Start rows that wait, as many as may be in flight."""
        while self._free and self._waiting:
            self._free -= 1
            turn = self._waiting.popleft()
            turn.task = self._loop.create_task(self._take(turn))

    async def _take(self, turn: _Turn) -> None:
        turn.attempts += 1
        value, error = await self._attempt(turn.row)
        self._free += 1
        self._fill()
        if error is not None:
            seconds = self._limits.wait_before_retry(error, turn.attempts)
            if seconds is not None:
                self._loop.call_later(seconds, self._again, turn)
                return
        turn.outcome = value, error, turn.attempts
        if turn is self._wanted:
            self._loop.stop()

    def _again(self, turn: _Turn) -> None:
        self._waiting.append(turn)
        self._fill()

    async def _attempt(self, row: Row) -> tuple[Any, BaseException | None]:
        try:
            if self._limits.timeout is None:
                return await self._result(row), None
            return await self._timed(row, self._limits.timeout)
        except asyncio.CancelledError as error:
            if self._closing:
                raise
            return None, error
        except BaseException as error:  # noqa: BLE001  raised by whoever takes the outcome
            return None, error

    async def _timed(self, row: Row, timeout: float) -> tuple[Any, BaseException | None]:  # noqa: ASYNC109
        """The result, or the error of a row that took too long, whatever becomes of its call."""
        call = self._loop.create_task(self._result(row))
        try:
            done, _ = await asyncio.wait((call,), timeout=timeout)
        except asyncio.CancelledError:
            call.cancel()
            raise
        if done:
            return call.result(), None
        call.cancel()
        await asyncio.wait((call,), timeout=_CANCEL_SECONDS)
        if call.done() and not call.cancelled():
            call.exception()  # nobody wants it
        return None, self._limits.exceeded()

    async def _result(self, row: Row) -> Any:
        result = self._call(*row)
        if inspect.isawaitable(result):
            result = await result
        if self._several and hasattr(result, "__aiter__"):
            return [item async for item in result]
        return result


class _Turn:
    """A row on its way."""

    __slots__ = ("attempts", "outcome", "row", "task")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.attempts = 0
        self.outcome: Outcome | None = None
        self.task: asyncio.Task[None] | None = None  # the loop itself holds no reference to it


async def _awaited(value: Any) -> Any:
    return await value
