"""Enum classes by name: which class the stored values of an enum become.

An enum is known once it was used as a type: in an annotation, or as a value. Reading a
column of one that is not known gives its plain values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import Enum

_known: dict[str, list[type[Enum]]] = {}


def remember(cls: type[Enum]) -> None:
    """Make a class known; it replaces an older definition of itself."""
    home = (cls.__module__, cls.__qualname__)
    others = _known.get(cls.__name__, [])
    kept = [c for c in others if (c.__module__, c.__qualname__) != home]
    _known[cls.__name__] = [*kept, cls]


def named(name: str, values: Iterable[Any] = ()) -> type[Enum] | None:
    """The newest class of this name that has the values, else the newest."""
    wanted = list(values)
    newest_first = _known.get(name, [])[::-1]
    having = (c for c in newest_first if all(v in [m.value for m in c] for v in wanted))
    return next(having, newest_first[0] if newest_first else None)
