"""`Settings`: what `chain.settings()` accepts, checked on the way in."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields, replace
from inspect import isclass
from typing import TYPE_CHECKING, Any

from lakebed._hint import did_you_mean
from lakebed.exceptions import NotSupportedError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

UNIT_ROWS = 10_000
"""Rows after which results are durable."""

ASYNC_ROWS = 16
"""Rows that an `async def` function computes at the same time."""

ASIDE: dict[str, Any] = {
    "parallel": None,
    "batch_rows": None,
    "unit_rows": UNIT_ROWS,
    "timeout": None,
    "memory": None,
    "max_errors": None,
    "checkpoint": False,
    "prefetch": 0,
    "cache": False,
}
"""How a function runs that is only asked for the types of its results."""

_PARALLEL = "LAKEBED_SETTINGS_PARALLEL"
"""The environment variable for `parallel` of chains that do not set it."""

_MOST = 2**31 - 1
"""The largest number that a setting takes, where it is not one of bytes."""

_MODES = ("raise", "skip", "null", "record")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """How the verbs that follow work; None leaves the default."""

    namespace: str | None = None
    project: str | None = None
    sys: bool | None = None
    cache: bool | None = None
    prefetch: int | None = None
    ephemeral: bool | None = None
    vectors: bool | None = None
    parallel: int | None = None
    concurrency: int | None = None
    batch_size: int | None = None
    batch_rows: int | None = None
    on_error: str | None = None
    max_errors: int | None = None
    timeout: float | None = None
    retries: int | None = None
    retry_on: tuple[type[BaseException], ...] | None = None
    retry_wait: float | None = None
    memory: int | None = None
    distinct: bool | None = None
    by_content: bool | None = None
    verify: int | None = None
    version: str | None = None
    deps: tuple[Any, ...] | None = None
    ignore: tuple[str, ...] | None = None

    def updated(self, **given: Any) -> Settings:
        """These settings with some changed; None changes nothing.

        Raises:
            SettingsError: A setting is unknown or has a wrong value.
            NotSupportedError: A setting is known, but has no meaning here.
        """
        changes = {}
        for name, value in given.items():
            if value is None:
                continue
            if name in _UNSUPPORTED:
                msg = f"setting `{name}` is not supported: {_UNSUPPORTED[name]}"
                raise NotSupportedError(msg)
            if name not in _CHECKS:
                msg = f"unknown setting `{name}`{did_you_mean(name, _NAMES)}"
                raise SettingsError(msg)
            changes[name] = _CHECKS[name](name, value)
        return replace(self, **changes)

    def calling(self, *, is_async: bool) -> dict[str, Any]:
        """What a function needs to know to make its calls."""
        return {
            "concurrency": self.concurrency or (ASYNC_ROWS if is_async else 1),
            "timeout": self.timeout,
            "retries": self.retries or 0,
            "retry_on": self.retry_on or (Exception,),
            "retry_wait": 1.0 if self.retry_wait is None else self.retry_wait,
            "on_error": self.on_error or "raise",
            "memory": self.memory,
            "max_errors": self.max_errors,
            "cache": bool(self.cache),
            "version": self.version,
            "deps": self.deps or (),
            "ignore": self.ignore or (),
        }

    def udf_options(self, *, is_async: bool) -> dict[str, Any]:
        """What the engine needs to know to run a function."""
        # a call can only be stopped, and its memory limited, in a process of its own
        apart = self.memory is not None or (self.timeout is not None and not is_async)
        parallel = _usual_parallel() if self.parallel is None else self.parallel
        if self.distinct and self.ephemeral:
            msg = "setting `distinct` needs kept results, which `ephemeral=True` turns off"
            raise SettingsError(msg)
        return {
            "parallel": parallel or (1 if apart else None),
            "batch_rows": self.batch_rows,
            "unit_rows": self.batch_size or UNIT_ROWS,
            "timeout": self.timeout,
            "memory": self.memory,
            "max_errors": self.max_errors,
            "checkpoint": not self.ephemeral,
            "distinct": bool(self.distinct),
            "verify": self.verify or 0,
            "prefetch": self.prefetch,
            "cache": bool(self.cache),
        }


_NAMES = [field.name for field in fields(Settings)]

_UNSUPPORTED = {
    "workers": "it spreads a chain over machines; hint: parallel= uses all cores of this one",
    "min_task_size": "it belongs to `workers`; hint: batch_rows= sets the rows of a call",
    "llm": "there are no LLM functions; hint: an `async def` function calls any client",
    "llm_params": "there are no LLM functions; hint: an `async def` function calls any client",
}
"""Settings of the peer that have no meaning here, and why."""


# One check a kind of value; each returns the value as it is kept


def _refused(name: str, wanted: str, value: object) -> SettingsError:
    return SettingsError(f"setting `{name}` takes {wanted}, not `{value!r}`")


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refused(name, "`True` or `False`", value)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refused(name, "`str`", value)
    return value


def _at_least(smallest: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
            raise _refused(name, f"an int of at least {smallest}", value)
        if value > _MOST:
            raise _refused(name, f"an int of at most {_MOST}", value)
        return value

    return check


def _prefetch(name: str, value: Any) -> int:
    return int(value) if isinstance(value, bool) else _at_least(0)(name, value)


def _parallel(name: str, value: Any) -> int:
    """The number of worker processes; 0 for none."""
    if value is False:
        return 0
    if value is True or value == -1:
        return _cores()
    if not isinstance(value, int) or value < 1:
        raise _refused(name, "a number of processes, `True` or -1 for all cores", value)
    return value


def _usual_parallel() -> int:
    """The number of worker processes of chains that do not say how many; 0 for none."""
    given = os.environ.get(_PARALLEL, "").strip() or "0"
    try:
        count = int(given)
    except ValueError:
        msg = f"{_PARALLEL} is a number of processes, or -1 for all cores, not `{given}`"
        raise SettingsError(msg) from None
    if count < 0:
        return _cores()
    return count if count > 1 else 0


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _on_error(name: str, value: Any) -> str:
    if value not in _MODES:
        raise _refused(name, ", ".join(f'"{mode}"' for mode in _MODES), value)
    return str(value)


def _seconds(smallest: float) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not smallest <= value < float("inf"):
            raise _refused(name, f"a number of seconds, at least {smallest}", value)
        if value > _MOST:
            raise _refused(name, f"a number of seconds, at most {_MOST}", value)
        return float(value)

    return check


def _exceptions(name: str, value: Any) -> tuple[type[BaseException], ...]:
    classes = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if not classes or not all(isclass(c) and issubclass(c, BaseException) for c in classes):
        raise _refused(name, "an exception class or several", value)
    return classes


def _version(name: str, value: Any) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
        raise _refused(name, 'text or a number, as "v2"', value)
    return str(value)


def _dependencies(name: str, value: Any) -> tuple[Any, ...]:
    """Files and folders, modules, and values that can be told apart between runs."""
    from lakebed._fingerprint import NoFingerprint, fingerprint

    if not isinstance(value, (list, tuple)):
        raise _refused(name, "a list of paths, modules and values", value)
    for one in value:
        if isinstance(one, os.PathLike):
            if not os.path.exists(one):  # noqa: PTH110  pathlib is slow
                msg = f"setting `{name}` names `{os.fspath(one)}`, and there is no such file"
                raise SettingsError(msg)
            continue
        try:
            fingerprint(one)
        except NoFingerprint as error:
            msg = f"setting `{name}` takes what can be compared between runs: {error}"
            raise SettingsError(msg) from error
    return tuple(value)


def _names_of_values(name: str, value: Any) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, (list, tuple)) else ()
    if not names or not all(isinstance(one, str) and one.isidentifier() for one in names):
        raise _refused(name, "a list of names of globals or attributes", value)
    return names


def _bytes(name: str, value: Any) -> int:
    """A number of bytes, or text such as "2GiB"."""
    wanted = 'bytes, at least 1, or text such as "2GiB"'
    size = value
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        if found is None:
            raise _refused(name, wanted, value)
        number, unit, binary = found[1], found[2].lower(), found[3]
        size = int(float(number) * (_BINARY.get(unit, 0) if binary else _UNITS[unit]))
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size < 2**63:
        raise _refused(name, wanted, value)
    return size


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "namespace": _text,
    "project": _text,
    "sys": _flag,
    "cache": _flag,
    "prefetch": _prefetch,
    "ephemeral": _flag,
    "vectors": _flag,
    "parallel": _parallel,
    "concurrency": _at_least(1),
    "batch_size": _at_least(1),
    "batch_rows": _at_least(1),
    "on_error": _on_error,
    "max_errors": _at_least(0),
    "timeout": _seconds(0.001),
    "retries": _at_least(0),
    "retry_on": _exceptions,
    "retry_wait": _seconds(0),
    "memory": _bytes,
    "distinct": _flag,
    "by_content": _flag,
    "verify": _at_least(0),
    "version": _version,
    "deps": _dependencies,
    "ignore": _names_of_values,
}
