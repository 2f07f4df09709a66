"""`Once`: a callable of `setup()`, whose value all functions of a process share."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from lakebed._udf import observe
from lakebed.exceptions import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed._udf.inputs import Seen


class Once:
    """A callable that runs once in a process, and again when a file that it read changed.

    A copy in another process runs there once; a copy in this process is the original.

    Examples:
        >>> import pickle
        >>> answer = Once("answer", int)
        >>> answer(), pickle.loads(pickle.dumps(answer)) is answer
        (0, True)
    """

    def __init__(self, name: str, func: Callable[[], Any], key: str | None = None) -> None:
        if not callable(func):
            msg = f"setup `{name}` takes a callable, not `{func!r}`; hint: lambda: value"
            raise SetupError(msg)
        self.name = name
        self.func = func
        self.key = key or uuid.uuid4().hex
        self._lock = threading.Lock()
        self._value: list[Any] = []
        self._read: dict[str, Seen] = {}
        _alive[self.key] = self

    def __call__(self) -> Any:
        with self._lock:
            if not (self._value and observe.are_same(self._read)):
                with observe.collecting() as reads:
                    self._value = [self.func()]
                self._read = reads.files
            if caller := observe.current():
                for name, seen in self._read.items():
                    caller.add(name, seen)
            return self._value[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.name, self.func, self.key)


_alive: WeakValueDictionary[str, Once] = WeakValueDictionary()


def _restored(name: str, func: Callable[[], Any], key: str) -> Once:
    found = _alive.get(key)
    return Once(name, func, key) if found is None else found
