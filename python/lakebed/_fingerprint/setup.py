"""Which attributes of an object say nothing about it, because its class makes them anew.

A class for `map` sets attributes in `setup`, such as a model. Whether that ran before
must make no difference, or a second run in one process would be another function.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import sys
from itertools import pairwise
from types import FunctionType
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint.modules import UnknowableError
from lakebed._fingerprint.text import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR")


def derived_attributes(cls: type) -> frozenset[str]:
    """The names of cached properties, and of what `setup` sets whatever it was before."""
    bodies = [vars(base) for base in cls.__mro__]
    cached = [
        name
        for body in bodies
        for name, value in body.items()
        if isinstance(value, functools.cached_property) and not _is_stored(cls, name)
    ]
    udf = sys.modules.get("lakebed.udf")
    setup = getattr(cls, "setup", None)
    if udf is None or not issubclass(cls, udf.AbstractUDF) or type(setup) is not FunctionType:
        return frozenset(cached)
    return frozenset([*cached, *_set_first(setup.__code__, cls)])


def _is_stored(cls: type, name: str) -> bool:
    """Whether the program puts a value where a cached property would put its own."""
    for module in {cls.__module__, "__main__"}:
        file = getattr(sys.modules.get(module), "__file__", None)
        with contextlib.suppress(OSError, SyntaxError, ValueError, UnknowableError):
            if isinstance(file, str) and file.endswith(".py") and name in parsed(file).stored:
                return True
    functions = (value for base in cls.__mro__ for value in vars(base).values())
    codes = (function.__code__ for function in functions if type(function) is FunctionType)
    return any(
        instruction.opname == "STORE_ATTR" and instruction.argval == name
        for code in codes
        if name in code.co_names
        for instruction in dis.get_instructions(code)
    )


def _set_first(code: CodeType, cls: type) -> set[str]:
    """The attributes that a method sets before it, or what it calls, can see them.

    Only methods that run straight through are understood, up to where `self` goes
    elsewhere; what they set after that is not found.
    """
    found: set[str] = set()
    seen: set[str] = set()
    for name, is_set in _touched(code):
        if is_set and name not in seen:
            found.add(name)
        elif not is_set and _runs_code(cls, name):
            break
        seen.add(name)
    return found


def _touched(code: CodeType) -> Iterator[tuple[str, bool]]:
    """Attributes of `self` in the order in which they are read or set, while that is all."""
    bytecode = dis.Bytecode(code)
    listed = list(bytecode)
    jumps = {*dis.hasjrel, *dis.hasjabs}
    guarded = getattr(bytecode, "exception_entries", ())
    if not code.co_argcount or guarded or any(i.opcode in jumps for i in listed):
        return
    itself = code.co_varnames[0]
    if itself in code.co_cellvars:
        return
    for before, instruction in pairwise(i for i in listed if i.opname != "EXTENDED_ARG"):
        used = before.argval if isinstance(before.argval, tuple) else (before.argval,)
        if "super" in used:
            return
        if itself not in used or not before.opname.startswith(("LOAD_FAST", "STORE_FAST")):
            continue
        if used[-1] != itself or instruction.opname not in _ATTRIBUTES:
            return
        yield instruction.argval, instruction.opname == "STORE_ATTR"


def _runs_code(cls: type, name: str) -> bool:
    """Whether reading an attribute calls a method, or gives one that can be called."""
    found: Any = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return hasattr(type(found), "__get__")
