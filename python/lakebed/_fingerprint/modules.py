"""Modules of which any part may be used, and where they are.

Nothing is imported to find out: modules that are not loaded yet are looked up the way
`import` would. Code that is not known before it runs is refused here.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed._fingerprint.releases import place_of, release_at, release_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    from lakebed._fingerprint.bytecode import Import

_DYNAMIC = frozenset(
    {
        "_frozen_importlib",
        "_frozen_importlib_external",
        "importlib",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "importlib.machinery",
        "importlib.util",
        "pydoc",
        "runpy",
    }
)
"""Modules that run code which is named, or written, at run time."""

_READ_ONLY = frozenset({"metadata", "resources"})
"""The parts of `importlib` that run nothing."""

_DYNAMIC_BUILTINS = ("eval", "exec", "globals", "__import__")

_RESOLVERS = frozenset({"entry_points", "iter_entry_points", "resolve_name"})
"""Functions that give what a text names."""

_DOORS = frozenset({"_getframe", "modules", "path"})
"""What in `sys` leads to modules that code does not name."""

_DYNAMIC_ATTRIBUTES = frozenset({"__globals__", "__subclasses__", "f_globals"})
"""Attributes through which code reaches what it does not name."""


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
    if name in _RESOLVERS and module in ("importlib.metadata", "pkg_resources", "pkgutil"):
        return f"{module}.{name}"
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


def check_name(name: str) -> None:
    """Refuse a name that stands for what runs any code.

    Raises:
        UnknowableError: It is `eval` or the like.
    """
    if name in _DYNAMIC_BUILTINS:
        raise UnknowableError(_uses(name))


def check_reached(value: Any) -> None:
    """Refuse what leads to any module: `sys.modules` and the like.

    Raises:
        UnknowableError: It is one of them.
    """
    for name in _DOORS & vars(sys).keys():
        if value is vars(sys)[name]:
            raise UnknowableError(_uses(f"sys.{name}"))


def check_attribute(name: str) -> None:
    """Refuse an attribute through which code reaches what it does not name.

    Raises:
        UnknowableError: It is one of them.
    """
    if name in _DYNAMIC_ATTRIBUTES or name in _RESOLVERS:
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


# Where modules are


def imported(wanted: Import, package: str | None) -> Iterator[Module]:
    """The modules that an import runs: the one named, those around it, those inside.

    Args:
        wanted: The import.
        package: Where relative imports start.

    Raises:
        UnknowableError: A module was made at run time.
    """
    name = absolute(wanted, package)
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


def absolute(wanted: Import, package: str | None) -> str:
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
