"""Modules of users on their way to other machines: as texts there, and modules again here.

A function refers to its modules by name, as everywhere. Where they are not installed, these
names are found among the texts that came with the function, before anything else is looked at:
another version of the project on that machine would compute something else.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lakebed.exceptions import NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import CodeType, ModuleType


class Text(NamedTuple):
    """A module that is not running: its file, whether it is a package, and what it says."""

    file: str
    is_package: bool
    text: bytes


def texts(modules: Iterable[tuple[str, ModuleType]], files: Iterable[str]) -> dict[str, Text]:
    """The texts of modules.

    Args:
        modules: Those that are imported, by name.
        files: Those of modules that functions import when they are called.
    """
    found = {}
    for name, module in modules:
        file = str(getattr(module, "__file__", ""))
        if name.startswith(("__", "lakebed.")) or not file.endswith(".py"):
            continue
        found[name] = file
    known = {os.path.realpath(file) for file in found.values()}
    for file in files:
        if file.endswith(".py") and file not in known:
            found.update((name, file) for name in _names_of(file))
    return {
        name: Text(file, Path(file).name == "__init__.py", Path(file).read_bytes())
        for name, file in found.items()
        if Path(file).is_file()
    }


def _names_of(file: str) -> Iterator[str]:
    """What importing the file would call it."""
    for folder in sys.path:
        folder = os.path.realpath(folder)  # noqa: PLW2901
        if file.startswith(folder + os.sep):
            name = file[len(folder) + 1 : -len(".py")].removesuffix(os.sep + "__init__")
            if all(part.isidentifier() for part in Path(name).parts):
                yield name.replace(os.sep, ".")


def install(carried: Mapping[str, Text]) -> None:
    """Have modules found by these texts.

    Raises:
        NotSupportedError: This process runs another version of one.
    """
    changed = {
        name
        for name, text in carried.items()
        if name in sys.modules and _text_of(name, sys.modules[name]) != text.text
    }
    for name in changed - _carried.modules.keys():
        msg = (
            f"module `{name}` is another one in this process than where the function was made; "
            "hint: run units in processes that have not imported it"
        )
        raise NotSupportedError(msg)
    if changed:
        # what imported them has their functions still
        for name in _carried.modules:
            sys.modules.pop(name, None)
    _carried.modules.update(carried)
    for name in carried:
        for at, char in enumerate(name):
            if char == "." and name[:at] not in _carried.modules and not _is_found(name[:at]):
                _carried.modules[name[:at]] = Text("", True, b"")  # noqa: FBT003
    if _carried not in sys.meta_path:
        sys.meta_path.insert(0, _carried)
    importlib.invalidate_caches()


def _text_of(name: str, module: ModuleType) -> bytes:
    if name in _carried.modules:
        return _carried.modules[name].text
    file = Path(str(getattr(module, "__file__", "")))
    return file.read_bytes() if file.is_file() else b""


def _is_found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


class _Carried(MetaPathFinder, InspectLoader):
    """Finds and runs what is carried."""

    def __init__(self) -> None:
        self.modules: dict[str, Text] = {}

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        del path, target
        text = self.modules.get(fullname)
        if text is None:
            return None
        spec = ModuleSpec(fullname, self, origin=text.file, is_package=text.is_package)
        spec.has_location = bool(text.file)
        return spec

    def is_package(self, fullname: str) -> bool:
        return self.modules[fullname].is_package

    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self.modules[fullname].text)

    def get_code(self, fullname: str) -> CodeType:
        text = self.modules[fullname]
        return self.source_to_code(text.text, text.file or "<carried>")


_carried = _Carried()
