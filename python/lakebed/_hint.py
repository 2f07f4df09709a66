"""The hint that ends a message about an unknown name: what was probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 8


def unknown_column(name: str, known: Iterable[str], where: str = "") -> str:
    """The message about a column that does not exist."""
    return f"unknown column `{name}`{where}{did_you_mean(name, known)}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest known name as a hint, else the known names, else nothing.

    Examples:
        >>> did_you_mean("widht", ["width", "height"])
        '; hint: did you mean `width`?'
    """
    names = list(dict.fromkeys(known))
    near = get_close_matches(name, names, n=1)
    if not near:
        # `path` for `file.path`: right leaf, forgotten parent
        near = [n for n in names if n.rpartition(".")[2] == name][:1]
    if near:
        return f"; hint: did you mean `{near[0]}`?"
    if not names:
        return ""
    more = ", ..." if len(names) > _SHOWN else ""
    return f"; hint: there are {', '.join(f'`{n}`' for n in names[:_SHOWN])}{more}"
