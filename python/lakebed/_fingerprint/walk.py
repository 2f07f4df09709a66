"""The walk over a value and all that it uses, into one digest.

Functions, classes and modules of the project are nodes: each gets a number when it is
first met and is described once, so that recursion ends. What a release gives counts by
name and version. A value that cannot be told apart between runs ends the walk.
"""

from __future__ import annotations

import struct
import sys
from hashlib import blake2b
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    NoneType,
)
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed._fingerprint import chance, modules, registries, releases
from lakebed._fingerprint.annotated import is_maker, made_by
from lakebed._fingerprint.bytecode import TELLING, body_of, parameters
from lakebed._fingerprint.modules import Module, UnknowableError
from lakebed._fingerprint.objects import NoFingerprint, instance
from lakebed._fingerprint.parts import (
    class_parts,
    is_shared_at_will,
    parts_of,
)
from lakebed._fingerprint.state import State
from lakebed._fingerprint.text import read
from lakebed._fingerprint.told import told_by
from lakebed._fingerprint.uses import add_code, add_import
from lakebed._udf.openers import original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_LEAVES: dict[type, Callable[[Any], bytes]] = {
    NoneType: lambda _: b"",
    type(Ellipsis): lambda _: b"",
    type(NotImplemented): lambda _: b"",
    bool: lambda v: b"%d" % v,
    int: lambda v: b"%x" % v,
    float: struct.Struct("<d").pack,
    complex: lambda v: struct.pack("<dd", v.real, v.imag),
    str: lambda v: v.encode("utf-8", "surrogatepass"),
    bytes: bytes,
    bytearray: bytes,
    range: lambda v: repr(v).encode(),
}

_QUIET = frozenset(
    {
        "the maker",
        "class",
        "function",
        "getter",
        "setter",
        "deleter",
        "attribute `__wrapped__`",
        "item `__wrapped__`",
    }
)
"""What is there to be called."""

_ASKING = TELLING | {"get_type_hints", "getdoc", "getfullargspec", "getsource", "signature"}
"""Names of what tells what functions and classes say about themselves."""

_Node: TypeAlias = "FunctionType | type | Module"
"""What is described once."""


class Walk:
    """One walk.

    Attributes:
        doubt: The error to raise if making the digest again gives another one: an
            object was taken apart as pickling does, which may differ each time.
        state: What the code names, and the modules that it reaches.
        digest: Of all that was added, once that is known.
    """

    def __init__(self, path: Iterable[str] = (), ignored: Iterable[str] = ()) -> None:
        """Start at a value that messages call `path`; leave out what has one of these names."""
        self.ignored = frozenset(ignored)
        self.doubt: str | None = None
        self.digest = ""
        self.state = State()
        self._hash = blake2b(digest_size=32)
        self._path = list(path)
        self._numbers: dict[int | str, int] = {}
        self._kept: list[Any] = []
        self._nodes: list[_Node] = []

    def put(self, tag: str, data: bytes | str = b"") -> None:
        """Add text, told apart from all other text by its tag and length."""
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        self._hash.update(b"%b %d " % (tag.encode(), len(raw)))
        self._hash.update(raw)

    def part(self, label: str, value: Any, *, is_shown: bool = True) -> None:
        """Add a value that messages call `label`, of what is being looked at.

        Args:
            label: What messages call it.
            value: The value.
            is_shown: Whether a function or class is there as a value, which tells its name,
                documentation and annotations, and not just to be called.
        """
        self._path.append(label)
        if is_shown and label not in _QUIET:
            self.value(value)
        else:
            self.callee(value)
        self._path.pop()

    def callee(self, value: Any) -> None:
        """Add what is called, of which nobody asks what it says about itself."""
        if type(value) is FunctionType or isinstance(value, type):
            self._refer(value)
        else:
            self.value(value)

    def shape(self, label: str, value: Any) -> None:
        """Add a value without the code in it: functions and classes by their names."""
        sketch = _Sketch(self)
        sketch.part(label, value, is_shown=False)
        self.doubt = self.doubt or sketch.doubt
        self.put("shape", sketch.finish())

    def value(self, value: Any) -> None:
        """Add any value.

        Raises:
            NoFingerprint: It cannot be told apart between runs.
            UnknowableError: It is code that is not known before it runs.
        """
        value = original(value)
        kind = type(value)
        if kind in _LEAVES:
            self.put(kind.__name__, _LEAVES[kind](value))
            if kind is str:
                self.state.texts.add(value)
        elif kind is tuple:
            self._items(value)
        elif kind is FunctionType or issubclass(kind, type):
            self._refer(value)
            self._tell(value)
        elif issubclass(kind, ModuleType):
            self._loaded(value)
        elif is_shared_at_will(kind) or not self._met(value):
            self._content(value)

    def finish(self) -> bytes:
        """Describe what was met on the way, what that leads to, and its state; the digest.

        Raises:
            NoFingerprint: As `value` does.
            UnknowableError: As `value` does.
        """
        done = 0
        while True:
            while done < len(self._nodes):
                node = self._nodes[done]
                done += 1
                self.put("node")
                self._describe(node)
            for label, value in registries.reached(self.state):
                self.part(label, value, is_shown=False)
            changed = self.state.changed()
            if not changed and done == len(self._nodes):
                self._end()
                return self._hash.digest()
            for change in changed:
                if change.place.rpartition(".")[2] in self.ignored:
                    continue
                self._path = [f"`{change.place}`"]
                self._apart(change.place, change.value, needed=not change.is_made)

    def _end(self) -> None:
        """Add what depends on all names that were met."""
        if not self.state.taken.isdisjoint(_ASKING):
            for node in self._nodes:
                if isinstance(node, Module):
                    self.put("told", read(node.file or "").documentation)
                else:
                    self._tell(node)
        for label, state in chance.states(self.state):
            self.put("drawn", f"{label} {state}")

    @property
    def nodes(self) -> list[_Node]:
        """The functions, classes and modules that were met."""
        return self._nodes

    def raw(self) -> str:
        """The digest of what was added so far."""
        return self._hash.hexdigest()

    # Values

    def _met(self, value: Any) -> bool:
        """Whether the very object was added before; if so, its number is added."""
        number = self._number(value)
        if number is not None:
            self.put("again", number)
            return True
        self._numbers[id(value)] = len(self._numbers)
        # WHY: an object that goes away leaves its id to another one
        self._kept.append(value)
        return False

    def _number(self, value: Any) -> str | None:
        number = self._numbers.get(id(value))
        return None if number is None else str(number)

    def _content(self, value: Any) -> None:
        kind = type(value)
        if kind is list:
            self._items(value)
        elif kind in (dict, MappingProxyType):
            self._mapping(value)
        elif kind in (set, frozenset):
            self.put(kind.__name__, str(len(value)))
            self._unordered(value)
        elif kind is CodeType:
            add_code(self, value, None)
        elif kind is BuiltinFunctionType:
            self._builtin(value)
        elif kind is MethodType and (name := releases.alias(value)):
            self.state.modules.add(name.partition(".")[0])
            self.put("named", name)
        elif (parts := parts_of(value)) is not None:
            self.put("parts", kind.__name__)
            self._parts(parts)
        else:
            instance(self, value)

    def _items(self, values: list[Any] | tuple[Any, ...]) -> None:
        self.put(type(values).__name__, str(len(values)))
        self._path.append("an item")
        for value in values:
            self.value(value)
        self._path.pop()

    def _parts(self, parts: Iterable[tuple[str, Any]]) -> None:
        for label, value in parts:
            self.put("part", label)
            self.part(label, value)
        self.put("end")

    def _mapping(self, values: Mapping[Any, Any]) -> None:
        """A dict: what it holds, in its order, which a function may go through."""
        self.put("dict", str(len(values)))
        for key, value in values.items():
            self.value(key)
            self.part(f"item `{key}`" if type(key) is str else "an item", value)

    def _unordered(self, values: Iterable[Any]) -> Iterable[Any]:
        """Add values in an order of their own; returns them in this order."""
        values = list(values)
        if all(type(value) is str for value in values):
            values.sort()
            self.put("texts")
            for value in values:
                self.put("text", value)
            return values
        return self._sorted(values)

    def _sorted(self, values: list[Any]) -> list[Any]:
        """Add values ordered by digests that stop at functions and classes."""
        sketches = []
        for value in values:
            sketch = _Sketch(self)
            sketch.part("an item", value)
            sketches.append((sketch.finish(), sketch.met, value))
            self.doubt = self.doubt or sketch.doubt
        sketches.sort(key=lambda entry: entry[0])
        for digest, met, _ in sketches:
            self.put("sketch", digest)
            for node in met:
                self._node(node)
        return [value for _, _, value in sketches]

    def _apart(self, label: str, value: Any, *, needed: bool) -> None:
        """Add a value under a label, or nothing if it is not needed and cannot be compared."""
        sketch = _Aside(self)
        try:
            sketch.value(value)
        except (NoFingerprint, UnknowableError):
            if needed:
                raise
            return
        self.doubt = self.doubt or sketch.doubt
        self.put("apart", label)
        self.put("sketch", sketch.finish())
        for node in sketch.met:
            self._node(node)

    def _builtin(self, value: Any) -> None:
        """A function written in C: of a module, of a class, or bound to an object."""
        modules.check(value)
        owner = value.__self__
        if isinstance(owner, ModuleType):
            self.put("function", value.__name__)
            self._loaded(owner)
        elif name := releases.named(value) or (owner is not None and releases.alias(value)):
            self.state.modules.add(name.partition(" ")[0].rpartition(".")[0])
            self.put("named", name)
        elif owner is not None:
            self._parts(parts_of(value) or ())
        else:
            raise self._unknown(value)

    def _state(self, state: Any, left_out: frozenset[str]) -> None:
        """Attributes by name: in a dict, or in two of which one holds slots."""
        if type(state) is dict:
            names = sorted(state.keys() - left_out - self.ignored, key=str)
            self.put("state", str(len(names)))
            for name in names:
                self.put("attribute", str(name))
                self.part(f"attribute `{name}`", state[name])
        elif type(state) is tuple:
            self.put("states", str(len(state)))
            for part in state:
                self._state(part, left_out)
        else:
            self.value(state)

    # Functions, classes and modules

    def _refer(self, node: FunctionType | type) -> None:
        modules.check(node)
        if is_maker(node):
            self.part("annotations", made_by(node))
            return
        name = releases.named(node)
        if not name:
            self._node(node)
            return
        self.put("named", name)
        if isinstance(node, type) and (replaced := self.state.replaced_methods(node)):
            self._parts(replaced)
        if isinstance(node, type) and (registered := releases.registered(node)):
            self.part("registered", frozenset(registered))

    def _tell(self, value: Any) -> None:
        """Add what a function or class of the project says about itself."""
        if releases.named(value) is None:
            for told in told_by(value):
                self.put("told", told)

    def _node(self, node: _Node) -> None:
        """Add the number of what is described later, once."""
        key = node.file or "" if isinstance(node, Module) else id(node)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            self._kept.append(node)
            self._nodes.append(node)
        self.put("see", str(self._numbers[key]))

    def _loaded(self, module: ModuleType) -> None:
        modules.check(module)
        self.module(modules.located(module), module.__name__)

    def module(self, module: Module, name: str) -> None:
        """Add a module of which any part may be used."""
        self.state.modules.add(module.name)
        if module.release:
            self.put("release", f"{name} of {module.release}")
        elif module.file:
            self._node(module)

    def _describe(self, node: _Node) -> None:
        if isinstance(node, Module):
            self._path = [f"`{node.file}`"]
            self._source(node)
            return
        self._path = [f"`{node.__qualname__.rpartition('<locals>.')[2]}`"]
        if isinstance(node, type):
            self._class(node)
        else:
            self._function(node)

    def _function(self, function: FunctionType) -> None:
        code = function.__code__
        scope = function.__globals__
        released = releases.release_of_scope(scope)
        self.put("function", released or "")
        if not released:
            self.state.codes.add(code.co_filename)
            self.state.add_code(code)
        registry = getattr(function, "registry", None)
        if released == "python" and type(registry) is MappingProxyType:
            # a `singledispatch`: all else that it holds are caches
            self.part("registry", registry)
            return
        add_code(self, code, None if released else scope)
        names = parameters(code)[: code.co_argcount]
        defaults = function.__defaults__ or ()
        self._defaults(dict(zip(names[len(names) - len(defaults) :], defaults, strict=True)))
        self._defaults(function.__kwdefaults__ or {})
        shown = body_of(code).shown
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if name in self.ignored:
                continue
            self._cell(name, cell, is_shown=name in shown)
        self._state(function.__dict__, frozenset())

    def _defaults(self, defaults: dict[str, Any]) -> None:
        self._parts((f"default of `{name}`", value) for name, value in sorted(defaults.items()))

    def _cell(self, name: str, cell: CellType, *, is_shown: bool) -> None:
        try:
            content = cell.cell_contents
        except ValueError:
            self.put("empty")
            return
        self.part(
            f"closure value `{name}`", content, is_shown=is_shown and type(content) is FunctionType
        )

    def _class(self, cls: type) -> None:
        if module := modules.compiled(cls):
            self._node(module)
        for name, value in class_parts(cls):
            if name in self.ignored:
                continue
            self.put("part", f"attribute `{name}`")
            if name == "bases":
                for base in value:
                    self.callee(base)
                continue
            self.part(f"attribute `{name}`", value, is_shown=False)
        self.put("end")

    def _source(self, module: Module) -> None:
        text = read(module.file or "")
        self.put("source", text.digest)
        loaded = vars(sys.modules[module.name]) if module.name in sys.modules else {}
        for name, written in text.literals.items():
            value = loaded.get(name, written)
            if type(value) in _LEAVES and (type(value), value) != (type(written), written):
                self.put("changed", name)
                self.value(value)
        for wanted in text.imports:
            add_import(self, wanted, module.package)

    # Messages

    @property
    def subject(self) -> str:
        """What is being described, as messages call it."""
        return self._path[0]

    def _unknown(self, value: Any) -> NoFingerprint:
        name = releases.public_name(type(value))
        return NoFingerprint(
            f"{self._where()} is a `{name}`, which cannot be compared between runs"
        )

    def _where(self) -> str:
        return " of ".join(reversed(self._path))


class _Sketch(Walk):
    """A walk that stops at functions, classes and modules, to order unordered values.

    Attributes:
        met: What it stopped at.
    """

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk._path, walk.ignored)
        self.state = walk.state
        self.met: list[_Node] = []

    def finish(self) -> bytes:
        """The digest of what was met on the way."""
        return self._hash.digest()

    def _node(self, node: _Node) -> None:
        self.met.append(node)
        self.put("see", "" if isinstance(node, Module) else node.__name__)


class _Aside(_Sketch):
    """A sketch that knows what was added before it began."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk)
        self._above = walk

    def _number(self, value: Any) -> str | None:
        if (number := super()._number(value)) is not None:
            return number
        above = self._above._number(value)
        return None if above is None else f"above {above}"
