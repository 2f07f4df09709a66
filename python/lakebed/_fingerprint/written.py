"""The text of a function's code, without the values that it was made with.

Code that raised may be repaired: its text is another one then, at the same place. A
function that was made with other values, such as another closure of the same text, is no
repair.
"""

from __future__ import annotations

import functools
from hashlib import blake2b
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import named, releases
from lakebed._fingerprint.annotated import MAKERS
from lakebed._fingerprint.modules import UnknowableError
from lakebed._fingerprint.uses import add_code
from lakebed._fingerprint.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def text_of_code(spec: Mapping[str, Any]) -> str:
    """The digest of what is written as the code of a function and of all that it names."""
    call = spec.get("probed", spec["call"])
    texts = sorted({*_texts([call, type(spec.get("owner"))])})
    told = "\n".join([str(spec.get("version")), *texts])
    return blake2b(told.encode(), digest_size=16).hexdigest()


def _texts(waiting: list[Any]) -> Iterator[str]:
    seen: set[int] = set()
    while waiting:
        value = _code_of(waiting.pop())
        if id(value) in seen or not _is_projects(value):
            continue
        seen.add(id(value))
        if isinstance(value, ModuleType):
            yield named.text_of(getattr(value, "__file__", None))
        elif isinstance(value, type):
            held = [held for name, held in vars(value).items() if name not in MAKERS]
            waiting += [*value.__bases__, *map(releases.called, held)]
        elif isinstance(value, FunctionType):
            yield _text(value)
            names = named.globals_of(value.__code__)
            waiting += [value.__globals__[name] for name in names if name in value.__globals__]


def _code_of(value: Any) -> Any:
    """What is called: without arguments that are given already, and without an object."""
    while isinstance(value, (functools.partial, MethodType)):
        value = value.func if isinstance(value, functools.partial) else value.__func__
    value = getattr(value, "__wrapped__", value)
    is_code = isinstance(value, (FunctionType, ModuleType, type))
    return value if is_code else type(value)


def _is_projects(value: Any) -> bool:
    module = value.__name__ if isinstance(value, ModuleType) else value.__module__
    return isinstance(module, str) and releases.is_projects(module)


def _text(function: FunctionType) -> str:
    walk = Walk()
    try:
        add_code(walk, function.__code__, None)
    except UnknowableError as error:
        return str(error)
    return walk.raw()
