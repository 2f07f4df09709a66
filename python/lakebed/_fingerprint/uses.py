"""What code uses: its instructions, and what the globals and imports in them stand for."""

from __future__ import annotations

import re
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import modules
from lakebed._fingerprint.bytecode import ATTRIBUTES, body_of
from lakebed._fingerprint.releases import is_replaced, named, release_of
from lakebed._udf.openers import original

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed._fingerprint.bytecode import Import, Operation
    from lakebed._fingerprint.walk import Walk

_PLACES = frozenset(
    {"__builtins__", "__cached__", "__doc__", "__file__", "__loader__"}
    | {"__name__", "__package__", "__path__", "__spec__"}
)
"""Globals that say where code is, not what it does."""

_ABSENT = object()

_QUERIES = frozenset({"eval", "execute", "query", "sql", "sqldf", "SQLContext"})

_NAME = re.compile(r"[^\W\d]\w*")

_DATA = (str, bytes, int, float, list, tuple)


def add_code(walk: Walk, code: CodeType, scope: dict[str, Any] | None) -> None:
    """Add what a code object does; with its globals also what their names stand for."""
    body = body_of(code)
    walk.put("code", f"{len(body.operations)} {len(body.guarded)}")
    walk.value(body.signature)
    for operation in body.operations:
        walk.put(operation.name)
        _add_operation(walk, operation, scope)
    for entry in body.guarded:
        walk.value(entry)
    if scope is not None:
        for name in sorted((named_in_texts(code) & scope.keys()) - walk.ignored):
            if not isinstance(scope[name], (ModuleType, FunctionType, type)):
                walk.put("name", name)
                walk.part(f"global `{name}`", scope[name])


def add_import(walk: Walk, wanted: Import, package: str | None) -> None:
    """Add the modules that an import runs, each of the project's with its text."""
    modules.check_import(wanted)
    found = list(modules.imported(wanted, package))
    walk.put("import", str(len(found)))
    for module in found:
        walk.module(module, wanted.name)


def _add_operation(walk: Walk, operation: Operation, scope: dict[str, Any] | None) -> None:
    content = operation.value
    if operation.kind == "constant" and type(content) is CodeType:
        add_code(walk, content, scope)
    elif operation.kind == "global":
        walk.put("name", content[0])
        if scope is not None and content[0] not in _PLACES:
            _add_global(walk, operation, scope)
    elif operation.kind == "import":
        walk.value(tuple(content))
        if scope is not None:
            add_import(walk, content, scope.get("__package__"))
    else:
        if operation.name in ATTRIBUTES:
            modules.check_attribute(content)
        walk.value(content)


def named_in_texts(code: CodeType) -> set[str]:
    """Names in texts of a function that hands them to what looks them up: `df.query("a < @b")`."""
    if _QUERIES.isdisjoint(code.co_names):
        return set()
    texts = [text for text in code.co_consts if type(text) is str]
    return {name for text in texts for name in _NAME.findall(text)}


def _add_global(walk: Walk, operation: Operation, scope: dict[str, Any]) -> None:
    name, *attributes = operation.value
    found = scope.get(name, _ABSENT)
    if found is _ABSENT:
        builtins = scope.get("__builtins__", {})
        known = vars(builtins) if isinstance(builtins, ModuleType) else builtins
        found = known.get(name, _ABSENT)
    if found is _ABSENT:
        walk.put("undefined")
        return
    if not walk.ignored.isdisjoint(operation.value):
        return
    if isinstance(found, ModuleType):
        walk.state.passed.update(_passed(found, attributes))
    release, found = _followed(found, attributes)
    found = original(found)
    if release:
        walk.state.modules.add(release.partition(" ")[0])
    modules.check_reached(found)
    if release:
        modules.check(found)
        walk.put("release", release)
        if isinstance(found, _DATA):
            # data that a release holds, but a program may set: `sys.argv` without the script
            walk.part(f"global `{name}`", found[1:] if found is sys.argv else found)
        elif is_replaced(found):
            walk.part(f"global `{name}`", found, is_shown=operation.is_shown)
        elif isinstance(found, (BuiltinFunctionType, FunctionType, type)):
            walk.put("named", named(found) or "")
    else:
        walk.part(f"global `{name}`", found, is_shown=operation.is_shown)


def _passed(found: Any, attributes: list[str]) -> Iterator[str]:
    """The modules that a chain of attributes runs through."""
    for name in [*attributes, ""]:
        if not isinstance(found, ModuleType):
            return
        yield found.__name__
        found = vars(found).get(name)


def _followed(found: Any, attributes: list[str]) -> tuple[str | None, Any]:
    """What a chain of attributes leads to, as far as it runs through modules.

    Returns:
        The first module of a release on the way, by name, and what was reached.
    """
    first = None
    for name in attributes:
        if not isinstance(found, ModuleType) or name not in vars(found):
            break
        release = release_of(found.__name__)
        first = first or (f"{found.__name__} of {release}" if release else None)
        found = vars(found)[name]
    return first, found
