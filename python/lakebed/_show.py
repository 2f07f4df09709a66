"""What `show()` prints: rows as a table with nested headers.

The look is the one that pandas gives a frame with a column per leaf field, because
that is what users of such scripts know; pandas itself is not needed. Values become
text here, the rows come from the caller.
"""

from __future__ import annotations

import math
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lakebed._types.annotation import Spec

_CELL = 50
"""Widest cell, its leading space included, before it is cut."""

_ITEMS = 100
"""Items of a list or dict that are written before it is cut."""

_DEPTH = 3
"""Levels of nested lists and dicts that are laid out."""

_ROWS, _EDGE = 60, 5
"""More rows than this are shown by their first and last few."""


def render(
    columns: Sequence[tuple[str, Spec]],
    rows: Sequence[Sequence[Any]],
    *,
    flatten: bool = False,
    transpose: bool = False,
    truncate: bool = True,
    include_hidden: bool = False,
    limit_note: int | None = None,
    width: int | None = None,
) -> str:
    """The text that `show()` prints.

    Args:
        columns: Names and specs of the columns.
        rows: One value per column: models as objects or dicts.
        flatten: One header line of dotted names instead of one line per level.
        transpose: Fields as lines and rows as columns.
        truncate: Cut long cells and many rows.
        include_hidden: Also the fields that a model hides.
        limit_note: The limit that may have cut the rows; noted when it did.
        width: Characters per line; None asks the terminal.
    """
    leaves = [
        (path, index)
        for index, (name, spec) in enumerate(columns)
        for path in _leaf_paths((name,), spec, include_hidden=include_hidden)
    ]
    headers = _headers([path for path, _ in leaves], flatten=flatten)
    if not rows or not leaves:
        names = [h if len(h) > 1 else h[0] for h in headers]
        return f"Empty result\nColumns: {names}"
    texts = [[_text(_leaf(row[index], path[1:])) for path, index in leaves] for row in rows]
    labels: list[tuple[str, ...]] = [(str(number),) for number in range(len(rows))]
    if transpose:
        texts = [list(column) for column in zip(*texts, strict=True)]
        numbers = _justified([label for (label,) in labels], left=True)
        labels, headers = headers, [(number,) for number in numbers]
    lines = width or shutil.get_terminal_size((80, 24)).columns
    text = _table(headers, labels, texts, lines, truncate=truncate)
    return f"{text}\n\n[Limited by {len(rows)} rows]" if limit_note == len(rows) else text


# Columns and values


def _leaf_paths(
    path: tuple[str, ...], spec: Spec, *, include_hidden: bool
) -> Iterator[tuple[str, ...]]:
    if spec["kind"] != "model":
        yield path
        return
    for name, field in spec["fields"]:
        if include_hidden or name not in spec["hidden"]:
            yield from _leaf_paths((*path, name), field, include_hidden=include_hidden)


def _headers(paths: list[tuple[str, ...]], *, flatten: bool) -> list[tuple[str, ...]]:
    if flatten:
        return [(".".join(path),) for path in paths]
    depth = max(map(len, paths), default=1)
    return [path + ("",) * (depth - len(path)) for path in paths]


def _leaf(value: Any, path: tuple[str, ...]) -> Any:
    """The value below a model, None below a missing one."""
    for name in path:
        if value is None:
            return None
        if isinstance(value, Mapping):
            value = value.get(name)
        else:
            value = getattr(value, name, getattr(value, name.lstrip("_") or "field", None))
    return value


def _text(value: Any) -> str:
    """One cell, with a leading blank where pandas leaves room for a sign."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, float):
        return f" {'NaN'}" if math.isnan(value) else _number(value, " ")
    text = _nested(value, 0)
    for raw, shown in (("\t", "\\t"), ("\r", "\\r"), ("\n", "\\n")):
        text = text.replace(raw, shown)
    return f" {text}"


def _number(value: float, sign: str) -> str:
    """Six decimals without trailing zeros, but at least one."""
    text = f"{value:{sign}.6f}"
    if "." not in text:
        return text
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def _nested(value: Any, level: int, *, quote: bool = False) -> str:
    """A value inside of a cell; `quote` for what stands inside of a dict."""
    value = _plain(value)
    if isinstance(value, str):
        return f"'{value}'" if quote else value
    if level >= _DEPTH:
        return str(value)
    if isinstance(value, Mapping):
        pairs = [
            f"{_nested(k, level + 1, quote=True)}: {_nested(v, level + 1, quote=True)}"
            for k, v in list(value.items())[:_ITEMS]
        ]
        return f"{{{', '.join(pairs)}{', ...' if len(value) > _ITEMS else ''}}}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return _sequence(value, level, quote=quote)
    return str(value)


def _sequence(value: Any, level: int, *, quote: bool) -> str:
    parts = []
    for index, item in enumerate(value):
        if index == _ITEMS:
            parts.append("...")
            break
        is_number = isinstance(item, float) and not math.isnan(item)
        parts.append(_number(item, "-") if is_number else _nested(item, level + 1, quote=quote))
    body = ", ".join(parts)
    if isinstance(value, list):
        return f"[{body}]"
    if isinstance(value, tuple):
        return f"({body},)" if len(value) == 1 else f"({body})"
    return f"{{{body}}}"


def _plain(value: Any) -> Any:
    """Models as dicts, arrays as lists, enums as their values."""
    if hasattr(type(value), "__pydantic_root_model__"):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.value if isinstance(value, Enum) else value


# Layout


def _table(
    headers: list[tuple[str, ...]],
    labels: list[tuple[str, ...]],
    texts: list[list[str]],
    width: int,
    *,
    truncate: bool,
) -> str:
    """Lay out the frame: an index, headers, columns, wrapped to the width."""
    count = len(texts)
    cut = truncate and count > _ROWS
    if cut:
        texts = [*texts[:_EDGE], *texts[-_EDGE:]]
        labels = [*labels[:_EDGE], *labels[-_EDGE:]]
    widest = _CELL if truncate else sys.maxsize
    index = _index(labels, len(headers[0]))
    columns = [
        _column(header, [row[i] for row in texts], widest) for i, header in enumerate(headers)
    ]
    if not cut:
        return _wrapped(index, columns, width)
    middle = len(headers[0]) + _EDGE
    _insert_gap(index, middle, left=True)
    for column in columns:
        _insert_gap(column, middle, left=False)
    return f"{_wrapped(index, columns, width)}\n\n[{count} rows x {len(headers)} columns]"


def _insert_gap(lines: list[str], at: int, *, left: bool) -> None:
    """Mark the rows left out, within the width of the column."""
    width = _width(lines[0])
    dots = "..." if width > len("...") else ".."
    lines.insert(at, dots.ljust(width) if left else dots.rjust(width))


def _index(labels: list[tuple[str, ...]], header_lines: int) -> list[str]:
    """The row labels, below as many blank lines as there are headers."""
    levels = [_justified(list(level), left=True) for level in zip(*labels, strict=True)]
    lines = [" ".join(parts) for parts in zip(*levels, strict=True)]
    return _justified([""] * header_lines + lines, left=True)


def _column(header: tuple[str, ...], texts: list[str], widest: int) -> list[str]:
    """Headers and cells of a column, right-aligned to one width."""
    limit = max(widest, *(_width(h) for h in header))
    cells = [t if _width(t) <= limit else f"{t[: limit - 3]}..." for t in texts]
    return _justified([*header, *cells], left=False)


def _wrapped(index: list[str], columns: list[list[str]], width: int) -> str:
    r"""Blocks of as many columns as fit in a line, marked with `\` where they go on."""
    room = width - _width(index[0]) - 1
    bounds = _bins([_width(column[0]) + 1 for column in columns], room)
    blocks = []
    for number, (start, end) in enumerate(zip([0, *bounds], [*bounds, len(columns)], strict=True)):
        block = [index, *columns[start:end]]
        if bounds:
            last = number == len(bounds)
            mark = [" "] if last else [" \\"] + ["  "] * (len(index) - 1)
            block.append((mark * len(index))[: len(index)])
        blocks.append("\n".join(" ".join(parts) for parts in zip(*block, strict=True)))
    return "\n\n".join(blocks)


def _bins(widths: list[int], room: int) -> list[int]:
    """Where to start a new block of columns."""
    bounds: list[int] = []
    used = 0
    for number, width in enumerate(widths):
        used += width
        spare = 1 if number == len(widths) - 1 else 2
        if used + spare > room and number > 0:
            bounds.append(number)
            used = width
    return bounds


def _justified(lines: list[str], *, left: bool) -> list[str]:
    width = max(map(_width, lines))
    pads = [" " * (width - _width(line)) for line in lines]
    return [f"{t}{p}" if left else f"{p}{t}" for t, p in zip(lines, pads, strict=True)]


def _width(text: str) -> int:
    """Columns that a terminal needs: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
