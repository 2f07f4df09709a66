"""What a program set since it started, for the processes that work for it.

These import modules anew and were started with the environment of then. They compute
with what the program has now: its variables of the environment, and what it put into
modules, as far as that can be copied. A module whose text was edited since travels whole.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ABSENT = object()

_variables: set[str] = set()
"""Those of the environment that were set here."""

_before: dict[tuple[str, str], Any] = {}
"""What modules held before something was put into them here."""


def is_edited(module: ModuleType) -> bool:
    """Whether the text of a module is perhaps not what was loaded."""
    import lakebed

    file = getattr(module, "__file__", None)
    with contextlib.suppress(OSError):
        if isinstance(file, str) and file.endswith(".py"):
            return os.stat(file).st_ctime > lakebed._started  # noqa: PTH116  pathlib is slow
    return False


def changed(
    modules: Iterable[tuple[str, ModuleType]], files: Iterable[str] | None
) -> dict[str, dict[str, bytes]]:
    """What modules hold that their texts do not say, by their names, as copies.

    Args:
        modules: By name.
        files: Those that count, if that is known.
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
            if (is_said and key in text.bound) or _is_special(key, value):
                continue
            with contextlib.suppress(Exception):  # every class refuses in its own way
                found.setdefault(name, {})[key] = cloudpickle.dumps(value)
    return found


def apply(variables: Mapping[str, str], changes: Mapping[str, Mapping[str, bytes]]) -> None:
    """Set what the program has, and take back what it had before."""
    for name in _variables - variables.keys():
        os.environ.pop(name, None)
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
            _variables.add(name)
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
