"""Modules of which any part may be used: where they are, and what their text says.

Nothing is imported to find out: modules that are not loaded yet are looked up the way
`import` would. Code that is not known before it runs is refused here.
"""

from __future__ import annotations

import ast
import os
import sys
from functools import lru_cache
from hashlib import blake2b
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed._fingerprint.bytecode import Import
from lakebed._fingerprint.releases import place_of, release_at, release_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

_DYNAMIC = frozenset(
    {
        "_frozen_importlib",
        "_frozen_importlib_external",
        "importlib",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "importlib.machinery",
        "importlib.util",
        "runpy",
    }
)
"""Modules that run code which is named, or written, at run time."""

_READ_ONLY = frozenset({"metadata", "resources"})
"""The parts of `importlib` that run nothing."""

_DYNAMIC_BUILTINS = ("eval", "exec", "globals", "__import__")


class Source(NamedTuple):
    """The text of a project's module.

    Attributes:
        digest: Of all of it.
        imports: What it imports, at its top or in a function.
        constants: The plain values that it gives to names at its top.
    """

    digest: bytes
    imports: tuple[Import, ...]
    constants: tuple[tuple[str, Any], ...]


class Module(NamedTuple):
    """Where a module is.

    Attributes:
        name: Its full name.
        file: Its file; None for a folder of modules and for what has no file.
        package: Where its relative imports start.
        release: The release it belongs to; None for the project's own.
    """

    name: str
    file: str | None
    package: str | None
    release: str | None


class UnknowableError(Exception):
    """What code does cannot be told before it runs; the text says why."""


# Code that is not known before it runs


def _dynamic(value: Any) -> str | None:
    """How messages call something that runs any code: `eval`; None for all else."""
    module = value.__name__ if isinstance(value, ModuleType) else _text(value, "__module__")
    name = _text(value, "__name__")
    if module == "builtins" and name in _DYNAMIC_BUILTINS:
        return name
    if module in _DYNAMIC:
        return module if isinstance(value, ModuleType) else f"{module}.{name}"
    return None


def check(value: Any) -> None:
    """Refuse a function or module that runs any code.

    Raises:
        UnknowableError: It is `eval`, `importlib` or the like.
    """
    name = _dynamic(value)
    if name:
        raise UnknowableError(_uses(name))


def check_import(wanted: Import) -> None:
    """Refuse an import of what runs any code.

    Raises:
        UnknowableError: It is `importlib` itself or the like.
    """
    harmless = wanted.names and _READ_ONLY.issuperset(wanted.names)
    if wanted.name in _DYNAMIC and not harmless and not wanted.level:
        raise UnknowableError(_uses(wanted.name))


def _uses(name: str) -> str:
    return f"uses `{name}`, so what it does is not known before it runs"


def _text(value: Any, name: str) -> str:
    text = getattr(value, name, "")
    return text if isinstance(text, str) else ""


# Modules as text


def imported(wanted: Import, package: str | None) -> Iterator[Module]:
    """The modules that an import runs: the one named, those around it, those inside.

    Args:
        wanted: The import.
        package: Where relative imports start.

    Raises:
        UnknowableError: A module was made at run time.
    """
    name = _absolute(wanted, package)
    steps = name.split(".") if name else []
    found = None
    for count in range(1, len(steps) + 1):
        found = locate(".".join(steps[:count]))
        if found is None:
            return
        yield found
    if found is not None and found.release is None:
        inside = (locate(f"{name}.{inner}") for inner in wanted.names)
        yield from (module for module in inside if module is not None)


def locate(name: str) -> Module | None:
    """Where a module is, loaded or not; None if it is nowhere.

    Raises:
        UnknowableError: It was made at run time.
    """
    module = sys.modules.get(name)
    if module is not None:
        return located(module)
    spec = _find(name)
    if spec is None:
        return None
    file = spec.origin if spec.has_location else None
    return Module(name, file, spec.parent, release_at(name, file or _first(spec)))


def located(module: ModuleType) -> Module:
    """Where a loaded module is.

    Raises:
        UnknowableError: It was made at run time.
    """
    release = release_of(module.__name__)
    if release is None and place_of(module) is None:
        msg = f"uses module `{module.__name__}`, which has no file"
        raise UnknowableError(msg)
    known = vars(module)
    return Module(module.__name__, known.get("__file__"), known.get("__package__"), release)


def compiled(cls: type) -> Module | None:
    """The module of the project's that gives a class and is no Python; else None."""
    module = sys.modules.get(cls.__module__)
    place = place_of(module) if module else None
    is_compiled = place is not None and place.endswith((".so", ".pyd"))
    return located(module) if module and is_compiled else None


def read(file: str) -> Source:
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


@lru_cache(maxsize=1024)
def _read(file: str, _modified_ns: int, _bytes: int) -> Source:
    with open(file, "rb") as opened:  # noqa: PTH123  pathlib is slow to load
        content = opened.read()
    if not file.endswith(".py"):
        return Source(blake2b(content).digest(), (), ())
    tree = ast.parse(content)
    imports = []
    for node in ast.walk(tree):
        _check_name(node)
        if isinstance(node, ast.Import):
            imports += [Import(alias.name, 0, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            imports.append(Import(node.module or "", node.level, names))
        elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            _drop_docstring(node)
    for wanted in imports:
        check_import(wanted)
    text = ast.dump(tree).encode("utf-8", "surrogatepass")
    constants = dict(_constants(tree))
    return Source(blake2b(text).digest(), (*imports,), (*constants.items(),))


def _constants(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                yield name, value


def _check_name(node: ast.AST) -> None:
    if isinstance(node, ast.Name) and node.id in _DYNAMIC_BUILTINS:
        raise UnknowableError(_uses(node.id))


def _drop_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            node.body = rest


def _absolute(wanted: Import, package: str | None) -> str:
    """The full name of what is imported; empty when it leads out of the project."""
    if not wanted.level:
        return wanted.name
    above = (package or "").split(".")
    base = above[: len(above) - wanted.level + 1]
    return ".".join([*base, wanted.name] if wanted.name else base) if package else ""


def _find(name: str) -> ModuleSpec | None:
    """The specification of a module that is not loaded, without loading its parents."""
    spec: ModuleSpec | None = None
    steps = name.split(".")
    for count in range(1, len(steps) + 1):
        folders = spec.submodule_search_locations if spec else None
        if spec and folders is None:
            return None
        spec = _first_spec(".".join(steps[:count]), folders)
        if spec is None:
            return None
    return spec


def _first_spec(name: str, folders: Any) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, folders) if find else None
        if spec is not None:
            return spec
    return None


def _first(spec: ModuleSpec) -> str | None:
    """A folder of a package that has no file."""
    return next(iter(spec.submodule_search_locations or ()), None)
