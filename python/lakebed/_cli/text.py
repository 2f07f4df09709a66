"""How commands write names, sizes and tables."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = ("B", "KB", "MB", "GB", "TB")
_STEP = 1000
_LETTERS = ("", "K", "M", "G", "T", "P", "E")


def aligned(lines: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    """Lines of cells as columns; those with numbers end together."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if number in right else text.ljust(width)
            for number, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def size(size: int | None) -> str:
    """Bytes in the unit that reads best."""
    if size is None:
        return ""
    amount = float(size)
    for unit in _UNITS:
        if amount < _STEP or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _STEP
    return ""


def short_size(size: int, step: int) -> str:
    """Bytes as `du` writes them, for example `9.2M`; `step` is 1024 or 1000."""
    amount = float(size)
    for letter in _LETTERS:
        if amount < step or letter == _LETTERS[-1]:
            return f"{amount:.1f}{letter}" if letter else f"{amount:.0f}"
        amount /= step
    return ""


def quoted(name: str) -> str:
    """A name as a shell reads it; what a terminal would act upon is written as an escape."""
    if name.isprintable():
        return shlex.quote(name)
    return "$'" + shown(name.replace("'", "\\'")) + "'"


def shown(name: str) -> str:
    """A name without characters that a terminal would act upon."""
    if name.isprintable():
        return name
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in name
    )
