"""What the project put into registries of packages, as far as code names it."""

from __future__ import annotations

import codecs
import re
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import releases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed._fingerprint.state import State

_EXTENDED = {
    "pandas": ("DataFrame", "Series", "Index"),
    "polars": ("DataFrame", "LazyFrame", "Series", "Expr"),
    "xarray": ("DataArray", "Dataset"),
}
"""Classes to which programs add attributes."""

_ENCODING = frozenset({"TextIOWrapper", "decode", "encode", "getreader", "getwriter", "open"})

_CODEC = re.compile(r"[A-Za-z][\w.-]{0,39}")

_MOST_CODECS = 64


def reached(state: State) -> list[tuple[str, Any]]:
    """What code reaches through a registry, by a label; each once."""
    found = {**dict(_added(state)), **dict(_codecs(state))}
    new = sorted(found.keys() - state.registered)
    state.registered.update(new)
    return [(label, found[label]) for label in new]


def _added(state: State) -> Iterator[tuple[str, Any]]:
    for package, classes in _EXTENDED.items():
        for name in classes if package in sys.modules else ():
            cls = getattr(sys.modules[package], name, None)
            bodies = [vars(base) for base in getattr(cls, "__mro__", ())]
            for attribute in state.names:
                held = next((body[attribute] for body in bodies if attribute in body), None)
                held = getattr(held, "_accessor", getattr(held, "_ns", held))
                if _is_projects(held):
                    yield f"`{package}.{name}.{attribute}`", held


def _codecs(state: State) -> Iterator[tuple[str, Any]]:
    if _ENCODING.isdisjoint(state.names):
        return
    named = sorted(text for text in state.texts if _CODEC.fullmatch(text))
    for text in named[:_MOST_CODECS]:
        try:
            found = codecs.lookup(text)
        except Exception:  # noqa: BLE001, S112  of those who look
            continue
        for part in ("encode", "decode", "incrementalencoder", "incrementaldecoder"):
            if _is_projects(held := getattr(found, part, None)):
                yield f"codec `{text}`, {part}", held


def _is_projects(value: Any) -> bool:
    value = releases.called(value)
    if type(value) is FunctionType:
        return releases.is_projects(releases.home_of(value))
    return isinstance(value, type) and releases.is_projects(value.__module__)
