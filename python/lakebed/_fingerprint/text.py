"""The text of the project's modules: all of it as a digest, and what its top level spells out."""

from __future__ import annotations

import ast
import os
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed._fingerprint.bytecode import Import
from lakebed._fingerprint.modules import UnknowableError, check_import, check_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NOTHING: Mapping[str, Any] = MappingProxyType({})

_Defined = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Text(NamedTuple):
    """The text of a module.

    Attributes:
        digest: Of all of it.
        imports: What it imports, at its top or in a function.
        literals: The values that it spells out for names, also for those of classes: `A.k`.
        borrowed: The module that it takes a name from, and the name there; from a `*`
            nothing is known but the module.
        decorated: The functions that something else may stand for.
        bound: All names that it gives a value.
        stored: All attributes and texts as keys that it gives a value.
        documentation: The digest of its docstrings.
    """

    digest: bytes
    imports: tuple[Import, ...] = ()
    literals: Mapping[str, Any] = _NOTHING
    borrowed: Mapping[str, Import] = _NOTHING
    decorated: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()
    documentation: bytes = b""


def read(file: str) -> Text:
    """The text of a project's module; of a compiled one, its bytes.

    Raises:
        UnknowableError: It cannot be read, runs any code, or is perhaps not what runs.
    """
    try:
        status = os.stat(file)  # noqa: PTH116  pathlib is slow to load
        if status.st_ctime > _started():
            msg = "was edited after the program started, so it may not be what runs"
            raise UnknowableError(msg)
        return _read(file, status.st_mtime_ns, status.st_size)
    except (OSError, SyntaxError, ValueError) as error:
        msg = f"cannot be read: {error}"
        raise UnknowableError(msg) from error


def _started() -> float:
    """When lakebed was imported: what changed since may not be what is loaded."""
    import lakebed

    return lakebed._started


def parsed(file: str) -> Text:
    """The text as it is now, whatever it was when it was loaded.

    Raises:
        OSError: It is gone.
        SyntaxError: It is no Python.
    """
    status = os.stat(file)  # noqa: PTH116  pathlib is slow to load
    return _read(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _read(file: str, _modified_ns: int, _bytes: int) -> Text:
    with open(file, "rb") as opened:  # noqa: PTH123  pathlib is slow to load
        content = opened.read()
    if not file.endswith(".py"):
        return Text(blake2b(content).digest())
    tree = ast.parse(content)
    imports: list[Import] = []
    decorated: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=context):
                check_name(name)
                if not isinstance(context, ast.Load):
                    bound.add(name)
            case ast.Import() | ast.ImportFrom():
                imports += _imports(node)
                bound.update(_alias(alias) for alias in node.names)
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                bound.add(node.name)
                if node.decorator_list:
                    decorated.add(node.name)
    for wanted in imports:
        check_import(wanted)
    literals = dict(_literals(tree.body, ""))
    borrowed = dict(_borrowed(tree))
    stored = frozenset(_stored(tree))
    documentation = blake2b(repr(_drop_docstrings(tree)).encode("utf-8", "surrogatepass")).digest()
    digest = blake2b(ast.dump(tree).encode("utf-8", "surrogatepass")).digest()
    names = frozenset(decorated), frozenset(bound)
    return Text(digest, (*imports,), literals, borrowed, *names, stored, documentation)


def _imports(node: ast.Import | ast.ImportFrom) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(alias.name, 0, ()) for alias in node.names]
    names = tuple(alias.name for alias in node.names)
    return [Import(node.module or "", node.level, names)]


def _alias(alias: ast.alias) -> str:
    """The name that an import gives a value."""
    return alias.asname or alias.name.partition(".")[0]


def _borrowed(tree: ast.Module) -> Iterator[tuple[str, Import]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield _alias(alias), Import(node.module or "", node.level, (alias.name,))


def _literals(body: list[ast.stmt], place: str) -> Iterator[tuple[str, Any]]:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=written):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as written):
                pass
            case ast.ClassDef(name=name):
                yield from _literals(node.body, f"{place}{name}.")
                continue
            case _:
                continue
        try:
            yield f"{place}{name}", ast.literal_eval(written)
        except (TypeError, ValueError, MemoryError, RecursionError):
            continue


def _stored(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ast.Store()):
                yield name
            case ast.Call(func=ast.Attribute(attr="update"), keywords=keywords):
                yield from (keyword.arg for keyword in keywords if keyword.arg)
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                yield name


def _drop_docstrings(tree: ast.Module) -> list[str]:
    """Remove them; returns them in their order."""
    dropped = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, _Defined)):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str(text))), *rest]:
                    dropped.append(text)
                    node.body = rest
    return dropped
