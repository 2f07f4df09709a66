"""`Settings`: what `chain.settings()` accepts, checked on the way in."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from lakebed._hint import did_you_mean
from lakebed.exceptions import NotSupportedError, SettingsError

BATCH_ROWS = 1000
"""Rows of a user function's results that are written at once."""


@dataclass(frozen=True)
class Settings:
    """How the verbs that follow work; None leaves the default."""

    namespace: str | None = None
    project: str | None = None
    batch_size: int | None = None
    sys: bool | None = None

    def updated(self, **given: Any) -> Settings:
        """These settings with some changed; None changes nothing.

        Raises:
            SettingsError: A setting is unknown or has a wrong value.
            NotSupportedError: A setting is known, but has no effect yet.
        """
        changes = {}
        for name, value in given.items():
            if value is None:
                continue
            if name in _OFF:
                _check_off(name, value)
                continue
            _check(name, value)
            changes[name] = value
        return replace(self, **changes)


_TYPES: dict[str, type] = {"namespace": str, "project": str, "batch_size": int, "sys": bool}
_NAMES = [field.name for field in fields(Settings)]

_OFF: dict[str, tuple[Any, ...]] = {
    "cache": (False,),
    "prefetch": (False, 0),
    "parallel": (False,),
    "workers": (),
    "min_task_size": (),
    "ephemeral": (False,),
    "llm": (),
    "llm_params": (),
}
"""Settings to come, with the values that mean "off" and are accepted."""

_INTS = {"prefetch": 0, "parallel": 1, "workers": 1, "min_task_size": 1, "batch_size": 1}
"""The smallest value of each number."""


def _check(name: str, value: Any) -> None:
    if name not in _TYPES:
        msg = f"unknown setting `{name}`{did_you_mean(name, _NAMES)}"
        raise SettingsError(msg)
    wanted = _TYPES[name]
    if type(value) is not wanted:
        msg = f"setting `{name}` takes `{wanted.__name__}`, not `{value!r}`"
        raise SettingsError(msg)
    _check_least(name, value)


def _check_least(name: str, value: Any) -> None:
    if name in _INTS and value < _INTS[name]:
        msg = f"setting `{name}` must be at least {_INTS[name]}, not `{value}`"
        raise SettingsError(msg)


def _check_off(name: str, value: Any) -> None:
    """Refuse wrong values, then all that would have an effect."""
    switch = isinstance(value, bool) and name in ("cache", "prefetch", "parallel", "ephemeral")
    number = isinstance(value, int) and not isinstance(value, bool) and name in _INTS
    text = name in ("llm", "llm_params")
    if not (switch or number or text):
        kind = "int" if name in _INTS else "bool"
        msg = f"setting `{name}` takes `{kind}`, not `{value!r}`"
        raise SettingsError(msg)
    if number:
        _check_least(name, value)
    if text or value not in _OFF[name]:
        off = " or ".join(f"`{v}`" for v in (*_OFF[name], None))
        msg = f"setting `{name}` is not supported yet, `{value!r}` was given: use {off}"
        raise NotSupportedError(msg)
