"""What loaded modules hold that their text does not say, as far as code names it.

A module that is imported inside a function, or handed around as a whole, counts by its
text, so that it makes no difference whether it is loaded yet. What a program put into it
since is found here: among the names that any of the code takes, whatever it takes them
of. Values that the text computes count once they are loaded.
"""

from __future__ import annotations

import os
import sys
from glob import glob
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed._fingerprint import releases
from lakebed._fingerprint.annotated import MAKERS
from lakebed._fingerprint.bytecode import ATTRIBUTES, body_of
from lakebed._fingerprint.modules import UnknowableError, absolute, locate
from lakebed._fingerprint.text import read
from lakebed._udf.inputs import is_pattern, paths, quoted
from lakebed._udf.openers import original

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed._fingerprint.text import Text

_ABSENT = object()


class Changed(NamedTuple):
    """A value that the text of a module does not tell.

    Attributes:
        place: Its name, with those of its module and class.
        value: The value.
        is_made: Whether the text tells how it is made.
    """

    place: str
    value: Any
    is_made: bool


class State:
    """The names that code takes, and the modules that it may take them of.

    Attributes:
        names: Of globals and attributes, and text that may be the name of one.
        taken: Those of attributes, and such text.
        modules: Their full names.
        texts: The texts in it and among its values.
        codes: The files that it is in.
        passed: The modules that names of values lead through.
        registered: What was reached through registries.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.modules: set[str] = set()
        self.taken: set[str] = set()
        self.texts: set[str] = set()
        self.codes: set[str] = set()
        self.passed: set[str] = set()
        self.registered: set[str] = set()
        self._told: set[str] = set()
        self._replaced: dict[int, tuple[type, list[tuple[str, Any]]]] = {}

    def add_code(self, code: CodeType) -> None:
        """Add the names in a code object, and in those inside of it."""
        self.names.update(code.co_names)
        for operation in body_of(code).operations:
            if operation.kind == "global":
                self.taken.update(operation.value)
            elif operation.name in ATTRIBUTES:
                self.taken.add(operation.value)
        for constant in code.co_consts:
            if type(constant) is str:
                self.texts.add(constant)
                if constant.isidentifier():
                    self.names.add(constant)
                    self.taken.add(constant)
            elif type(constant) is CodeType:
                self.add_code(constant)

    def files(self) -> list[str]:
        """The files that texts of the code name."""
        texts = sorted(self.texts)
        found = (path for path in paths(texts) if _is_path(path) and os.path.isfile(path))  # noqa: PTH113
        inside = (path for text in texts for path in quoted(text) if is_pattern(path))
        return sorted({*map(os.path.realpath, found), *map(os.path.abspath, filter(glob, inside))})

    def sources(self) -> list[str]:
        """The files of the project whose code or values count already."""
        modules = self.modules | self.passed
        named = map(_file_of, modules)
        return sorted({os.path.realpath(file) for file in (*named, *self.codes) if file})

    def replaced_methods(self, cls: type) -> list[tuple[str, Any]]:
        """The methods of a release's class that are the project's."""
        if id(cls) not in self._replaced:
            self._replaced[id(cls)] = cls, releases.replaced_methods(cls)
        return self._replaced[id(cls)][1]

    def changed(self) -> list[Changed]:
        """What no text tells and was not told before, by its place.

        What is looked at names more, and leads to more modules, until nothing is new.
        """
        while True:
            known = len(self.names) + len(self.modules)
            named = sorted(self._named())
            looks = (self._look(sys.modules[module], name) for module, name in named)
            found = {change.place: change for look in looks for change in look}
            if known == len(self.names) + len(self.modules):
                break
        new = sorted(found.keys() - self._told)
        self._told.update(new)
        return [found[place] for place in new]

    def _named(self) -> Iterator[tuple[str, str]]:
        for module in self.modules & sys.modules.keys():
            loaded = sys.modules[module]
            known = vars(loaded).keys() if isinstance(loaded, ModuleType) else ()
            for name in self.names.intersection(known):
                if not _is_special(name):
                    yield module, name

    def _look(self, module: ModuleType, name: str) -> Iterator[Changed]:
        value = original(vars(module)[name])
        if isinstance(value, ModuleType):
            if value.__name__ not in self.modules and releases.is_projects(value.__name__):
                # no text that was read so far imports it
                yield Changed(f"{module.__name__}.{name}", value, is_made=False)
            elif sys.modules.get(value.__name__) is value:
                self.modules.add(value.__name__)
        elif not (releases.is_projects(module.__name__) and _is_python(module)):
            if releases.is_replaced(value):
                yield Changed(f"{module.__name__}.{name}", value, is_made=False)
        elif not self._is_borrowed(module, name, value):
            yield from self._of_project(module, name, value)

    def _of_project(self, module: ModuleType, path: str, value: Any) -> Iterator[Changed]:
        text = _text(module)
        if functions := _functions(releases.described(value), module, path, text):
            for function in functions:
                self.add_code(function.__code__)
                kept = {k: v for k, v in vars(function).items() if k != "__wrapped__"}
                if kept:
                    yield Changed(f"{module.__name__}.{path}", kept, is_made=True)
        elif isinstance(value, type) and _is_own(value, module, path):
            yield from self._of_class(module, value, text)
        elif not is_literal(value, path, text):
            is_made = path.partition(".")[0] in text.bound
            yield Changed(f"{module.__name__}.{path}", value, is_made)

    def _of_class(self, module: ModuleType, cls: type, text: Text) -> Iterator[Changed]:
        for base in cls.__mro__[1:]:
            if releases.is_projects(base.__module__):
                self.modules.add(base.__module__)
                self.names.add(base.__qualname__)
        for name, value in vars(cls).items():
            function = releases.called(value)
            if name in MAKERS:
                is_written = False
            elif type(function) is FunctionType:
                is_own = releases.is_projects(releases.home_of(function))
                is_written = is_own or name in text.decorated
            else:
                is_kept = hasattr(value, "__get__") or isinstance(value, cls) or _is_special(name)
                is_written = name in self.names and not is_kept
            if is_written:
                yield from self._of_project(module, f"{cls.__qualname__}.{name}", value)

    def _is_borrowed(self, module: ModuleType, name: str, value: Any) -> bool:
        """Whether it is what the text imports, which is then looked at where it is from."""
        for source, known in _sources(module, name):
            if original(vars(source).get(known, _ABSENT)) is value:
                self.modules.add(source.__name__)
                self.names.add(known)
                return True
        return False


def _file_of(name: str) -> str | None:
    """Of a module of the project, also of one that is imported when it is needed."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    try:
        found = locate(name)
    except (UnknowableError, ImportError, ValueError):
        return None
    return found.file if found is not None and found.release is None else None


def _is_path(text: str) -> bool:
    """Whether a text may name a file of data."""
    is_short = 3 < len(text) < 1024 and "\n" not in text and "\0" not in text  # noqa: PLR2004
    return is_short and ("." in text or "/" in text) and not text.endswith((".py", ".so"))


def _is_python(module: ModuleType) -> bool:
    """Whether its text is there, and is none of another language's."""
    return str(vars(module).get("__file__")).endswith(".py")


def _text(module: ModuleType) -> Text:
    return read(vars(module)["__file__"])


def _sources(module: ModuleType, *names: str) -> Iterator[tuple[ModuleType, str]]:
    """The modules that the text takes these names from, and what they are called there."""
    borrowed = _text(module).borrowed
    for name in names:
        for wanted in filter(None, (borrowed.get(name), borrowed.get("*"))):
            source = sys.modules.get(absolute(wanted, vars(module).get("__package__")))
            if isinstance(source, ModuleType):
                yield source, name if wanted.names == ("*",) else wanted.names[0]


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _is_own(value: Any, module: ModuleType, path: str) -> bool:
    """Whether a class calls itself what it is called here."""
    return (value.__module__, value.__qualname__) == (module.__name__, path)


def is_literal(value: Any, path: str, text: Text) -> bool:
    """Whether the text spells the value out."""
    written = text.literals.get(path, _ABSENT)
    return type(value) is type(written) and value == written and _shown(value) == _shown(written)


def _shown(value: Any) -> str:
    """As `repr`, which tells `1` from `True`; with sets in an order of their own."""
    kind = type(value)
    if kind is dict:
        return repr([(_shown(key), _shown(held)) for key, held in value.items()])
    if kind in (list, tuple, set, frozenset):
        items = map(_shown, value)
        return f"{kind.__name__} {sorted(items) if kind in (set, frozenset) else list(items)}"
    return repr(value)


def _functions(value: Any, module: ModuleType, path: str, text: Text) -> list[FunctionType]:
    """The function that the text defines here, after those that its decorators put around it."""
    around = []
    if path.rpartition(".")[2] in text.decorated:
        known = {source.__name__ for source, _ in _sources(module, *text.borrowed)}
        while hasattr(value, "__wrapped__"):
            if type(value) is FunctionType and releases.is_projects(releases.home_of(value)):
                if releases.home_of(value) not in known | {module.__name__}:
                    return []
                around.append(value)
            value = value.__wrapped__
    is_own = type(value) is FunctionType and value.__globals__ is vars(module)
    return [*around, value] if is_own and value.__qualname__ == path else []
