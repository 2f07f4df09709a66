"""What values are made of, for the kinds of values that do not tell it by pickling.

The parts of a class are its bases and what its body defines; generated bookkeeping,
docstrings and places in the text are left out. Nothing is imported to look at a value.
"""

from __future__ import annotations

import contextlib
import copyreg
import dataclasses
import functools
import gc
import sys
import types
from enum import Enum, EnumMeta
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import releases
from lakebed._fingerprint.annotated import CACHE, MAKERS, annotations_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OF_CACHES = frozenset((*functools.WRAPPER_ASSIGNMENTS, "__wrapped__", "cache_parameters"))

Parts = list[tuple[str, Any]]
"""What each part is called in messages, and the part."""


def _function(value: Any) -> Parts:
    return [("function", value.__func__)]


def _bound(value: Any) -> Parts:
    return [("self", value.__self__), ("name", value.__name__)]


def _of_class(value: Any) -> Parts:
    return [("class", value.__objclass__), ("name", value.__name__)]


def _cached(value: Any) -> Parts:
    """A function behind a cache, with what was set on it."""
    own = {name: held for name, held in vars(value).items() if name not in _OF_CACHES}
    return [("function", value.__wrapped__), *([("attributes", own)] if own else [])]


def _partial(value: functools.partial[Any]) -> Parts:
    named = sorted(value.keywords.items())
    return [
        ("function", value.func),
        *(("an argument", argument) for argument in value.args),
        *((f"argument `{name}`", argument) for name, argument in named),
    ]


_PARTS: dict[type, Callable[[Any], Parts]] = {
    classmethod: _function,
    staticmethod: _function,
    property: lambda v: [("getter", v.fget), ("setter", v.fset), ("deleter", v.fdel)],
    functools.cached_property: lambda v: [("getter", v.func)],
    functools.partial: _partial,
    type(functools.lru_cache(len)): _cached,
    types.MethodType: lambda v: [("function", v.__func__), ("self", v.__self__)],
    types.BuiltinMethodType: _bound,
    types.MethodWrapperType: _bound,
    types.MethodDescriptorType: _of_class,
    types.ClassMethodDescriptorType: _of_class,
    types.WrapperDescriptorType: _of_class,
    types.GetSetDescriptorType: _of_class,
    types.MemberDescriptorType: _of_class,
    slice: lambda v: [("start", v.start), ("stop", v.stop), ("step", v.step)],
}

_TYPING = {
    "ForwardRef": ("__forward_arg__",),
    "NewType": ("__name__", "__supertype__"),
    "ParamSpec": ("__name__",),
    "TypeAliasType": ("__name__", "__value__"),
    "TypeVar": ("__name__", "__bound__", "__constraints__"),
    "TypeVarTuple": ("__name__",),
}
"""What tells the things apart that annotations are made of."""

_TYPING_MODULES = ("annotationlib", "typing", "typing_extensions")

_GENERATED = MAKERS | frozenset(
    {
        CACHE,
        "__abstractmethods__",
        "__classdictcell__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__qualname__",
        "__signature__",
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
    }
)
"""Names in classes that say nothing about what they do."""

_PICKLING = frozenset({"__reduce__", "__reduce_ex__"})

_ENUM_HOOKS = ("_boundary_", "_generate_next_value_", "_missing_", "_new_member_")


_MEMBERS = frozenset({"_name_", "_value_", "__objclass__", "_sort_order_"})
"""What every member of an enum holds."""


def parts_of(value: Any) -> Parts | None:
    """The parts of a descriptor, a method, an annotation and the like; None for all else."""
    kind = type(value)
    if kind in _PARTS:
        return _PARTS[kind](value)
    if kind.__module__ in _TYPING_MODULES and kind.__name__ in _TYPING:
        names = _TYPING[kind.__name__] + (("__extra_names__",) if _has_objects(value) else ())
        return [(name, _evaluated(value, name)) for name in names]
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        data = value.tolist() if value.dtype.hasobject else value.tobytes()
        return [("type", repr(value.dtype)), ("shape", value.shape), ("data", data)]
    if numpy is not None and kind is numpy.ufunc and vars(numpy).get(value.__name__) is not value:
        made_of = [held for held in gc.get_referents(value) if callable(held)]
        return [("function", held) for held in made_of] if made_of else None
    return None


def _has_objects(value: Any) -> bool:
    """Whether it is a `ForwardRef` whose text stands for objects besides names."""
    return bool(getattr(value, "__extra_names__", None))


def _evaluated(value: Any, name: str) -> Any:
    """An attribute that may be evaluated only now, or which name in it is not there."""
    try:
        return getattr(value, name)
    except NameError as error:
        return "undefined", error.name


def is_shared_at_will(kind: type) -> bool:
    """Whether the interpreter decides if two equal values are one object."""
    shared = (frozenset, slice, types.GenericAlias, types.UnionType)
    return kind in shared or kind.__module__ in ("re", *_TYPING_MODULES)


def is_logger(value: Any) -> bool:
    """Whether it is a logger, which decides no result and is named after its module."""
    logging = sys.modules.get("logging")
    return logging is not None and isinstance(value, logging.Logger)


def reduced(value: Any) -> tuple[Any, ...]:
    """How pickling would take a value apart; one that has only a name gives that alone."""
    if isinstance(value, (set, frozenset)):
        return type(value), (frozenset(value),), getattr(value, "__dict__", None)
    reducer = copyreg.dispatch_table.get(type(value))
    found = reducer(value) if reducer else value.__reduce_ex__(4)
    return (found,) if isinstance(found, str) else tuple(found)


def is_hidden(kind: type) -> bool:
    """Whether objects of the project pickle as they like what is not all in attributes."""
    own = [vars(base) for base in kind.__mro__ if releases.is_projects(base.__module__)]
    as_told = own and kind in copyreg.dispatch_table
    if not as_told and all(_PICKLING.isdisjoint(body) for body in own):
        return False
    return any(releases.is_static(base) for base in kind.__mro__ if base is not object)


def _attributes(value: Any) -> dict[str, Any]:
    """All that an object holds under a name, also in slots."""
    found: dict[str, Any] = {}
    for base in type(value).__mro__:
        for name, slot in vars(base).items():
            if type(slot) is types.MemberDescriptorType:
                with contextlib.suppress(AttributeError):
                    found[name] = slot.__get__(value)
    own = getattr(value, "__dict__", None)
    return found | own if isinstance(own, dict) else found


def left_out(value: Any, state: Any) -> dict[str, Any]:
    """The attributes of a project's object that its pickled state does not have, by name."""
    if not releases.is_projects(type(value).__module__):
        return {}
    parts = [part for part in (state if type(state) is tuple else (state,)) if type(part) is dict]
    parts += [part["__dict__"] for part in parts if type(part.get("__dict__")) is dict]
    return {
        name: held
        for name, held in sorted(_attributes(value).items())
        if not any(part.get(name, parts) is held for part in parts)
    }


def class_parts(cls: type) -> Iterator[tuple[str, Any]]:
    """The parts of a class, in an order that does not depend on its text."""
    yield "name", cls.__name__
    yield "metaclass", type(cls)
    yield "bases", cls.__bases__
    if registered := releases.registered(cls):
        yield "registered", frozenset(registered)
    body = vars(cls)
    if isinstance(cls, EnumMeta):
        members: Any = cls.__members__
        yield "members", [(n, m._value_, member_state(m)) for n, m in members.items()]
        hidden = [name for name in body if _is_enums_own(name)]
        names = [name for name in body if name not in members and name not in hidden]
    else:
        yield from _pydantic_parts(cls)
        hidden = [n for n in body if n.startswith("__pydantic_") and n != "__pydantic_config__"]
        names = [name for name in body if name not in hidden]
    if "__annotations__" not in body and (made := annotations_of(cls)):
        yield "__annotations__", sorted(made.items())
    for name in sorted(set(names) - _GENERATED):
        is_unordered = name == "__annotations__" and type(body[name]) is dict
        yield name, sorted(body[name].items()) if is_unordered else body[name]


def _is_enums_own(name: str) -> bool:
    """Whether the module `enum` keeps its books under the name: `_member_map_`."""
    is_sunder = name[0] == name[-1] == "_" and name[1:2] != "_"
    return (is_sunder and name not in _ENUM_HOOKS) or name == "__new_member__"


def member_state(member: Enum) -> dict[str, Any]:
    """What was set on a member of an enum beside its name and value."""
    return {name: held for name, held in vars(member).items() if name not in _MEMBERS}


def _pydantic_parts(cls: type) -> Iterator[tuple[str, Any]]:
    """Fields in their order, and what validators and serializers are for."""
    body: Any = vars(cls)
    if body.get("__pydantic_complete__") is False and hasattr(cls, "model_rebuild"):
        # as its first use will do; what fails then is what the user will see
        with contextlib.suppress(Exception):
            cls.model_rebuild(raise_errors=False)
    if fields := body.get("__pydantic_fields__"):
        yield "fields", list(fields.items())
    if decorators := body.get("__pydantic_decorators__"):
        for kind in dataclasses.fields(decorators):
            found = getattr(decorators, kind.name)
            yield kind.name, [(name, decorator.info) for name, decorator in found.items()]
