"""What a program set since it started, for the processes that work for it.

These import modules anew and were started with the environment of then. They compute
with what the program has now: its variables of the environment, and what it put into
modules, as far as that can be copied. A module whose text was edited since travels whole.
What a function itself put there on its first call, such as a model that it loads once,
each process makes for itself.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import os
import pickle
import sys
from collections import OrderedDict, defaultdict, deque
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

_ABSENT = object()

_CONTAINERS = (dict, list, set, OrderedDict, defaultdict, deque)

Globals = dict[tuple[str, str], Any]
"""Values by the names of their modules and their own."""

_variables: set[str] = set()
"""Those of the environment that were set here."""

_before: Globals = {}
"""What modules held before something was put into them here."""


def is_edited(module: ModuleType) -> bool:
    """Whether the text of a module is perhaps not what was loaded."""
    import lakebed

    file = getattr(module, "__file__", None)
    with contextlib.suppress(OSError):
        if isinstance(file, str) and file.endswith(".py"):
            return os.stat(file).st_ctime > lakebed._started  # noqa: PTH116  pathlib is slow
    return False


def unfilled(modules: Iterable[tuple[str, ModuleType]]) -> Globals:
    """The globals that are None or empty."""
    return {
        (name, key): copy.copy(value)
        for name, module in modules
        for key, value in list(vars(module).items())
        if _is_unfilled(value) and not key.startswith("__")
    }


def filled(before: Globals) -> Globals:
    """Those of them that are not any more, as they were."""
    return {
        (name, key): value
        for (name, key), value in before.items()
        if not _is_unfilled(vars(sys.modules.get(name, sys)).get(key))
    }


def _is_unfilled(value: Any) -> bool:
    return value is None or (type(value) in _CONTAINERS and not value)


def changed(
    modules: Iterable[tuple[str, ModuleType]],
    files: Iterable[str] | None,
    left_out: Container[tuple[str, str]] = (),
) -> dict[str, dict[str, bytes]]:
    """What modules hold that their texts do not say, by their names, as copies.

    Args:
        modules: By name.
        files: Those that count, if that is known.
        left_out: Globals that do not.
    """
    counted = None if files is None else set(files)
    import cloudpickle

    from lakebed._fingerprint.modules import UnknowableError
    from lakebed._fingerprint.state import is_literal
    from lakebed._fingerprint.text import parsed

    found: dict[str, dict[str, bytes]] = {}
    for name, module in modules:
        file = str(getattr(module, "__file__", ""))
        if name == "__main__" or name.startswith("lakebed.") or not file.endswith(".py"):
            continue
        if counted is not None and os.path.realpath(file) not in counted:
            continue
        try:
            text = parsed(file)
        except (OSError, SyntaxError, ValueError, UnknowableError):
            continue
        for key, value in list(vars(module).items()):
            is_said = key not in text.literals or is_literal(value, key, text)
            is_told = (is_said and key in text.bound) or (name, key) in left_out
            if is_told or _is_special(key, value):
                continue
            with contextlib.suppress(Exception):  # every class refuses in its own way
                found.setdefault(name, {})[key] = cloudpickle.dumps(value)
    return found


def apply(variables: Mapping[str, str], changes: Mapping[str, Mapping[str, bytes]]) -> None:
    """Set what the program has: its variables of the environment, and what modules hold."""
    for name in _variables - variables.keys():
        os.environ.pop(name, None)
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
            _variables.add(name)
    put(changes)


def put(changes: Mapping[str, Mapping[str, bytes]]) -> None:
    """Put into modules what the program has there, and take back what it had before."""
    for name, key in list(_before):
        if key not in changes.get(name, {}) and name in sys.modules:
            _put(name, key, _before.pop((name, key)))
    for name, values in changes.items():
        with contextlib.suppress(Exception):  # whoever needs it will tell
            module = importlib.import_module(name)
            for key, copied in values.items():
                _before.setdefault((name, key), getattr(module, key, _ABSENT))
                _put(name, key, pickle.loads(copied))  # noqa: S301  from our parent


def _put(module: str, key: str, value: Any) -> None:
    if value is _ABSENT:
        vars(sys.modules[module]).pop(key, None)
    else:
        setattr(sys.modules[module], key, value)


def _is_special(name: str, value: Any) -> bool:
    return name.startswith("__") or isinstance(value, (ModuleType, FunctionType, type))
