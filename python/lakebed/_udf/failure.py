"""The user's exception as text, as bytes for another process, and back as itself."""

from __future__ import annotations

import os
import pickle
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed.exceptions import LakebedError, UdfError, UdfRunError

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN = f"{Path(__file__).parents[1]}{os.sep}"

_CODE = "udf.function_failed"

_OURS: dict[str, Callable[[str], Exception]] = {
    "TimeoutError": TimeoutError,
    "MemoryError": MemoryError,
    "UdfError": partial(UdfError, code=_CODE),
}
"""What is said of functions without an exception of theirs."""


def describe(error: BaseException) -> tuple[str, str, str]:
    """Type, message and traceback, without the frames of this package.

    What cannot be encoded, as in names of files, is escaped; a text that cannot be made is empty.
    """
    try:
        # the class is told beside the message
        text = LakebedError.__str__(error) if isinstance(error, LakebedError) else str(error)
    except Exception:  # noqa: BLE001  the user's own `__str__`
        text = ""
    try:
        shown = traceback.TracebackException.from_exception(error)
        _drop_own(shown)
        lines = list(shown.format())
    except Exception:  # noqa: BLE001  too many causes, or a text that cannot be made
        lines = traceback.format_tb(error.__traceback__)
    return type(error).__qualname__, _encodable(text), _encodable("".join(lines))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _drop_own(shown: traceback.TracebackException) -> None:
    """Leave the frames of users in an error and in those that it came from."""
    frames = [f for f in shown.stack if not f.filename.startswith(_OWN)]
    shown.stack = traceback.StackSummary.from_list(frames)
    for above in (shown.__cause__, shown.__context__):
        if above is not None:
            _drop_own(above)


def pack(error: BaseException) -> bytes | None:
    """The exception as bytes; None when it could not be made of them again."""
    import cloudpickle

    def packed(value: Any) -> bytes | None:
        try:
            dumped: bytes = cloudpickle.dumps(value)
            pickle.loads(dumped)  # noqa: S301  what was written one line above
        except Exception:  # noqa: BLE001  every class refuses in its own way
            return None
        return dumped

    # WHY: an exception whose constructor takes other arguments than it keeps pickles, but does
    # not unpickle.
    kept = (_rebuilt, (type(error), error.args, vars(error)))
    text: tuple[Any, ...] = (_rebuilt, (type(error), (str(error),), {}))
    return packed(error) or packed(_Parts(kept)) or packed(_Parts(text))


class _Parts:
    """Pickles as what a function makes of its arguments."""

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return self.parts


def _rebuilt(
    cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]
) -> BaseException:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def revive(packed: bytes | None, kind: str, message: str, shown: str | None) -> Any:
    """The exception of another process, with the traceback it had there; None if it is lost."""
    error = _unpacked(packed) if packed else None
    if error is None and kind in _OURS:
        error = _OURS[kind](message)
    if error is None and shown:
        error = UdfRunError(f"{kind}: {message}", stacktrace=shown, code=_CODE)
    if error is None or not shown:
        return error
    error.add_note(f"in a worker process:\n{shown.rstrip()}")
    return error


def _unpacked(packed: bytes) -> BaseException | None:
    try:
        error = pickle.loads(packed)  # noqa: S301  from our own worker
    except Exception:  # noqa: BLE001  its class may exist in the worker only
        return None
    return error if isinstance(error, BaseException) else None
