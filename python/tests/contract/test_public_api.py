"""Every public name with its signature; a change of the API is a change of the snapshot.

LAKEBED_UPDATE_SNAPSHOTS=1 pytest tests/contract/test_public_api.py  # writes it anew
"""

from __future__ import annotations

import inspect
import os
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Iterator

SNAPSHOT = Path(__file__).with_name("public_api.txt")


def described(name: str, value: Any) -> Iterator[str]:
    if inspect.ismodule(value):
        yield f"{name}: module"
        own = getattr(value, "__all__", None) or [
            n for n, v in vars(value).items() if getattr(v, "__module__", "") == value.__name__
        ]
        for inner in sorted(n for n in own if not n.startswith("_")):
            yield from described(f"{name}.{inner}", getattr(value, inner))
    elif inspect.isclass(value):
        public = [base.__name__ for base in value.__bases__ if base not in homes(value)]
        yield f"{name}: class({', '.join(public or ['object'])})"
        members = {k: v for home in (value, *homes(value)) for k, v in vars(home).items()}
        for inner, member in sorted(members.items()):
            if inner.startswith(("_", "model_")):
                continue
            if isinstance(member, property):
                yield f"{name}.{inner}: property"
            elif isinstance(member, (types.FunctionType, classmethod, staticmethod)):
                yield f"{name}.{inner}{signature(getattr(value, inner))}"
    elif callable(value):
        yield f"{name}{signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def homes(value: type) -> list[type]:
    """Bases without a public name: what they have is written down with the class."""
    return [base for base in value.__mro__ if base.__module__.startswith("lakebed._verbs.")]


def signature(value: Any) -> str:
    """Names, kinds and defaults; annotations differ between Python versions."""
    found = inspect.signature(value)
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


def test_the_api_is_as_written_down() -> None:
    names = sorted(set(dc.__all__) - {"__version__"})
    lines = [line for name in names for line in described(name, getattr(dc, name))]
    text = "".join(f"{line}\n" for line in lines)
    assert len(lines) > 150
    if os.environ.get("LAKEBED_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text()


def test_names_are_explicit() -> None:
    assert sorted(dc.__all__) == sorted(set(dc.__all__))
    assert dir(dc) == sorted(dc.__all__)
    assert not hasattr(dc, "nothing")
