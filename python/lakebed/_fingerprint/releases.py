"""Releases: what the project does not change, so that a name and a version tell all.

The standard library and what is installed are releases; what is installed in a way that
can be edited, and the program itself, are the project's.
"""

from __future__ import annotations

import functools
import os
import sys
from abc import ABCMeta
from functools import cache
from hashlib import blake2b
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution
    from types import ModuleType

_STANDARD = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120  pathlib is slow to load
_HEAP_TYPE = 1 << 9
"""The flag of classes that can be changed."""

_DESCRIPTORS = {
    classmethod: "__func__",
    functools.cached_property: "func",
    property: "fget",
    staticmethod: "__func__",
}
"""What stands for a function in a class, and where it has it."""

_AROUND = _DESCRIPTORS | {
    functools.partial: "func",
    type(functools.lru_cache(len)): "__wrapped__",
    MethodType: "__func__",
}
"""What calls a function, and where it has it."""

_SITES = ("site-packages", "dist-packages")


def release_of(module: str) -> str | None:
    """Which release a loaded module belongs to: `numpy 2.4.6`; None for the project's."""
    loaded = sys.modules.get(module)
    return release_at(module, place_of(loaded)) if loaded else None


def release_of_scope(scope: dict[str, Any]) -> str | None:
    """The same for the module whose globals these are."""
    name = scope.get("__name__", "")
    loaded = sys.modules.get(name)
    return release_of(name) if loaded and vars(loaded) is scope else None


def named(value: Any) -> str | None:
    """The name under which a release gives this function or class, else None.

    A function that some decorator made, or that calls itself by another's name, is not
    what a release gives under that name; nor is one that the project put there.
    """
    module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str):
        return None
    release = release_of(module)
    if release is None or not (_is_at(value, module, path) or is_static(value)):
        return None
    if type(value) is FunctionType and is_projects(home_of(value)):
        return None
    return f"{module}.{path} of {release}"


def is_projects(module: str) -> bool:
    """Whether a loaded module is the project's, as the program itself is."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    place = place_of(loaded)
    return module == "__main__" or (place is not None and release_at(module, place) is None)


def described(value: Any) -> Any:
    """The function for which something stands in a class, else the value itself."""
    inside = _DESCRIPTORS.get(type(value))
    return getattr(value, inside) if inside else value


def called(value: Any) -> Any:
    """The function that is called in the end, else the value itself."""
    while inside := _AROUND.get(type(value)):
        value = getattr(value, inside)
    return value


def home_of(function: FunctionType) -> str:
    """The module that the code of a function is in, whatever it calls itself."""
    name: str = function.__globals__.get("__name__", "")
    return name


def is_replaced(value: Any) -> bool:
    """Whether what a release has under some name is the project's, or a stand-in for tests.

    A program may put functions and classes of its own there, and into a release's classes.
    """
    value = called(value)
    if isinstance(value, type):
        return is_projects(value.__module__) or bool(replaced_methods(value))
    if type(value) is FunctionType:
        is_own = is_projects(home_of(value))
        return is_own or is_replaced(getattr(value, "__wrapped__", None))
    home = type(value).__module__
    return callable(value) and (home == "unittest.mock" or is_projects(home))


def replaced_methods(cls: type) -> list[tuple[str, Any]]:
    """The methods of a release's class that are the project's."""
    if not cls.__flags__ & _HEAP_TYPE:
        return []
    return [
        (name, value)
        for base in cls.__mro__
        for name, value in sorted(vars(base).items())
        if type(called(value)) is FunctionType and is_replaced(value)
    ]


def registered(cls: type) -> list[type]:
    """The project's classes that were registered as kinds of an abstract one."""
    if not isinstance(cls, ABCMeta):
        return []
    found = [reference() for reference in sys.modules["_abc"]._get_dump(cls)[0]]
    return [one for one in found if one is not None and is_projects(one.__module__)]


def alias(bound: Any) -> str | None:
    """The name of a method that a release offers as a function: `random.random`."""
    module: str = type(bound.__self__).__module__
    name: str = bound.__name__
    release = release_of(module)
    known = vars(sys.modules[module]).get(name) if release else None
    return (
        f"{module}.{name} of {release}" if type(known) is type(bound) and known == bound else None
    )


def public_name(cls: type) -> str:
    """The name of a class by which users know it: `requests.Session`.

    Examples:
        >>> import threading
        >>> public_name(type(open)), public_name(threading.Thread)
        ('builtin_function_or_method', 'threading.Thread')
    """
    root, name = cls.__module__.partition(".")[0], cls.__name__
    if root == "builtins":
        return name
    known = (module for module in (root.lstrip("_"), root) if _is_at(cls, module, name))
    return f"{next(known, cls.__module__)}.{name}"


def _is_at(value: Any, module: str, path: str) -> bool:
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, "__dict__", {}).get(name)
    return found is value


def is_static(value: Any) -> bool:
    """Whether it is a class of the interpreter that has no place, as `generator`."""
    return isinstance(value, type) and not value.__flags__ & _HEAP_TYPE


def place_of(module: ModuleType) -> str | None:
    """The file of a module, or the folder of one that has none."""
    file = vars(module).get("__file__")
    if isinstance(file, str):
        return file
    return next((str(folder) for folder in vars(module).get("__path__", ())), None)


@cache
def release_at(module: str, place: str | None) -> str | None:
    """The same for a module by its name and its file or folder."""
    root = module.partition(".")[0]
    if module == "__main__":
        return None
    if root == "lakebed":
        return _version(root)
    if place is None:
        return "python" if root in sys.stdlib_module_names else None
    if any(f"{os.sep}{site}{os.sep}" in place for site in _SITES):
        return _version(root)
    if place.startswith(_STANDARD):
        return "python"
    return _version_beside(root, place)


@cache
def _version_beside(root: str, place: str) -> str | None:
    """The distribution that was installed into a folder of the project, with the module."""
    at = place.rfind(f"{os.sep}{root}")
    folder = place[:at] if at > 0 else ""
    if not folder or not any(entry.endswith(".dist-info") for entry in _entries(folder)):
        return None
    from importlib import metadata

    for distribution in metadata.distributions(path=[folder]):
        files = (distribution.read_text("RECORD") or "").splitlines()
        if any(line.startswith((f"{root}/", f"{root}.")) for line in files):
            return _version_of(distribution, f"{distribution.metadata['Name']}")
    return None


@cache
def is_installed(file: str) -> bool:
    """Whether a file stands below a folder into which packages were installed."""
    folder = os.path.dirname(file)  # noqa: PTH120  pathlib is slow
    while (above := os.path.dirname(folder)) != folder:  # noqa: PTH120
        name = os.path.basename(folder)  # noqa: PTH119
        if _version_beside(name, folder + os.sep):
            return True
        folder = above
    return False


@cache
def _entries(folder: str) -> tuple[str, ...]:
    try:
        return (*os.listdir(folder),)  # noqa: PTH208  pathlib is slow
    except OSError:
        return ()


@cache
def _version(root: str) -> str | None:
    """The distribution that brings a package and its version; None if there is none."""
    from importlib import metadata

    try:
        return _version_of(metadata.distribution(root), root)
    except metadata.PackageNotFoundError:
        names = sorted(set(_distributions().get(root, ())))
        found = (_version_of(metadata.distribution(name), name) for name in names)
        return ", ".join(found) or None


def _version_of(distribution: Distribution, name: str) -> str:
    """Name and version; for what did not come from an index also what was installed.

    A package that is built from a folder may change without a new version.
    """
    text = f"{name} {distribution.version}"
    if name == "lakebed" or not distribution.read_text("direct_url.json"):
        return text
    files = distribution.read_text("RECORD") or ""
    return f"{text} {blake2b(files.encode(), digest_size=8).hexdigest()}"


@cache
def _distributions() -> dict[str, list[str]]:
    from importlib import metadata

    return dict(metadata.packages_distributions())
