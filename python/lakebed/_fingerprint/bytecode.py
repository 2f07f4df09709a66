"""Code objects as lists of operations that say the same wherever the code stands.

Comments, docstrings, line numbers, file names and the places in tables of names and
constants leave no trace; what is left is what the interpreter would do. Names of
globals and imports are only found here: what they stand for is `uses.py`'s.
"""

from __future__ import annotations

import dis
import inspect
import sys
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lakebed._fingerprint.annotated import MAKERS

if TYPE_CHECKING:
    from types import CodeType

_SILENT = frozenset({"CACHE", "EXTENDED_ARG", "NOP"})

_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})

ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})

_CELLS = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})

_TESTS = frozenset({"isinstance", "issubclass"})

_ABOUT_THE_TEXT = frozenset({"__doc__", "__firstlineno__", "__qualname__", "__static_attributes__"})
"""What the body of a class stores about its own text."""

_FLAGS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ITERABLE_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)

TELLING = MAKERS | frozenset(
    {"__annotations__", "__doc__", "__fields__", "__signature__", "model_fields"}
    | {"model_json_schema", "schema", "schema_json"}
)
"""Attributes through which functions and classes tell about themselves."""

_CALLS_BY_FLAG = sys.version_info >= (3, 12)
"""Whether the instruction that takes an attribute says that it is called."""

_UNKNOWN = getattr(dis, "UNKNOWN", None)
"""Stands for a constant that `dis` does not look up: the names of keyword arguments."""


class Import(NamedTuple):
    """What an `import` statement names: `from ..a import b` is `("a", 2, ("b",))`."""

    name: str
    level: int
    names: tuple[str, ...]


class Operation(NamedTuple):
    """One instruction.

    Attributes:
        name: The instruction's name.
        kind: How to read `value`.
        value: A number, name or nothing; a constant; a global's name followed by the
            attributes that are then taken of it; or an `Import`.
        is_shown: Whether a global is handed on as a value, and not just called or tested.
    """

    name: str
    kind: Literal["plain", "constant", "global", "import"]
    value: Any
    is_shown: bool = False


class Body(NamedTuple):
    """What a code object does, without the code objects inside.

    Attributes:
        signature: How it is called, with the names that a caller may use.
        operations: Its instructions.
        guarded: Which of them an exception leads where; older Pythons say it in them.
        shown: The names of closure values that are handed on, and not just called.
    """

    signature: tuple[Any, ...]
    operations: list[Operation]
    guarded: list[tuple[int, ...]]
    shown: frozenset[str]


@lru_cache(maxsize=1024)
def body_of(code: CodeType) -> Body:
    """The code as operations; code objects that are equal do the same."""
    bytecode = dis.Bytecode(code)
    kept = _kept(bytecode)
    starts = [instruction.offset for instruction in kept]
    operations = [_operation(kept, i, starts, code.co_consts) for i in range(len(kept))]
    shown = frozenset(
        instruction.argval
        for i, instruction in enumerate(kept)
        if instruction.opname in _CELLS and _is_shown(kept, i, i)
    )
    return Body(_signature(code), operations, _guarded(bytecode, starts), shown)


def _guarded(bytecode: dis.Bytecode, starts: list[int]) -> list[tuple[int, ...]]:
    places = (
        (*(bisect_left(starts, at) for at in (e.start, e.end, e.target)), e.depth, int(e.lasti))
        for e in getattr(bytecode, "exception_entries", ())
    )
    return [place for place in places if place[0] < place[1]]


def _signature(code: CodeType) -> tuple[Any, ...]:
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    by_name = {"locals", "vars"} & set(code.co_names)
    shown = code.co_varnames if by_name else parameters(code)
    return (*counts, code.co_flags & _FLAGS, shown, len(code.co_freevars))


def parameters(code: CodeType) -> tuple[str, ...]:
    """The names of positional and keyword-only parameters, in this order."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _kept(bytecode: dis.Bytecode) -> list[dis.Instruction]:
    """The instructions that do something other than describe the text."""
    kept: list[dis.Instruction] = []
    for instruction in bytecode:
        if instruction.opname in _SILENT:
            continue
        if instruction.opname == "STORE_NAME" and instruction.argval in _ABOUT_THE_TEXT:
            kept.pop()
            continue
        kept.append(instruction)
    return kept


def _operation(
    kept: list[dis.Instruction], index: int, starts: list[int], constants: tuple[Any, ...]
) -> Operation:
    instruction = kept[index]
    name, opcode = instruction.opname, instruction.opcode
    if name in _GLOBALS:
        taken = _attributes(kept, index + 1)
        is_shown = _is_shown(kept, index, index + len(taken))
        return Operation(name, "global", (instruction.argval, *taken), is_shown)
    if name == "IMPORT_NAME":
        level, names = (before.argval for before in kept[index - 2 : index])
        return Operation(name, "import", Import(instruction.argval, level, names or ()))
    if opcode in dis.hasconst:
        found = instruction.argval
        constant = constants[instruction.arg or 0] if found is _UNKNOWN else found
        return Operation(name, "constant", constant)
    if opcode in dis.hasname:
        return Operation(name, "plain", instruction.argval)
    if opcode in dis.hasjrel or opcode in dis.hasjabs:
        return Operation(name, "plain", bisect_left(starts, instruction.argval))
    return Operation(name, "plain", instruction.arg)


def _attributes(kept: list[dis.Instruction], index: int) -> list[str]:
    """The names of the attributes that are taken one after the other."""
    names = []
    while index < len(kept) and kept[index].opname in ATTRIBUTES:
        names.append(kept[index].argval)
        index += 1
    return names


def _is_shown(kept: list[dis.Instruction], first: int, last: int) -> bool:
    """Whether what stands here, up to its last attribute, is neither called nor a class to test."""
    end = kept[last]
    after = kept[last + 1].opname if last + 1 < len(kept) else ""
    if end.opname == "LOAD_METHOD" or "PUSH_NULL" in (after, kept[first - 1].opname):
        return False
    flagged = [kept[first]] if kept[first].opname == "LOAD_GLOBAL" else []
    flagged += [end] if end.opname == "LOAD_ATTR" and _CALLS_BY_FLAG else []
    if any((one.arg or 0) & 1 for one in flagged) or after in ("CHECK_EXC_MATCH", *ATTRIBUTES):
        return after in ATTRIBUTES and kept[last + 1].argval in TELLING
    tested = [i for i in kept[max(0, first - 6) : first] if i.opname != "PUSH_NULL"]
    for before in reversed(tested):
        if before.opname.startswith(("CALL", "PRECALL")):
            return True
        if before.opname == "LOAD_GLOBAL" and before.argval in _TESTS:
            return False
    return True
