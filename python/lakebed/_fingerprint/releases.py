"""Releases: what the project does not change, so that a name and a version tell all.

The standard library and what is installed are releases; what is installed in a way that
can be edited, and the program itself, are the project's.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution
    from types import ModuleType

_STANDARD = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120  pathlib is slow to load
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
    what a release gives under that name.
    """
    module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str):
        return None
    release = release_of(module)
    if release is None or not (_is_at(value, module, path) or _is_static(value)):
        return None
    return f"{module}.{path} of {release}"


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


def _is_static(value: Any) -> bool:
    """Whether it is a class of the interpreter that has no place, as `generator`."""
    heap_type = 1 << 9
    return isinstance(value, type) and not value.__flags__ & heap_type


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
    return "python" if place.startswith(_STANDARD) else None


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
