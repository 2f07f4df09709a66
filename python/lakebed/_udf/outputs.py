"""What a function gives: names and types of its columns, as annotated or told."""

from __future__ import annotations

import types
from collections import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from lakebed._schema import Spec, spec_of, type_text
from lakebed._types.annotation import unwrap
from lakebed._udf.hints import ABSENT
from lakebed.exceptions import SignalSchemaError, UdfSignatureError

if TYPE_CHECKING:
    from lakebed._udf.verb import Verb

Typed = list[tuple[str, Spec]]

_YIELDING = (
    abc.Iterator,
    abc.Generator,
    abc.Iterable,
    abc.AsyncIterator,
    abc.AsyncGenerator,
    abc.AsyncIterable,
)
_SEQUENCES = (list, abc.Sequence, abc.Collection)


@dataclass(frozen=True)
class Outputs:
    """The columns that a function makes.

    Attributes:
        names: Their names.
        types: Names and specs, or "infer": from the first results.
        multi: A result has one value for each name.
    """

    names: list[str]
    types: Typed | Literal["infer"]
    multi: bool


def outputs_of(verb: Verb, name: str, label: str, output: Any, hints: dict[str, Any]) -> Outputs:
    """Names and specs of what the function gives.

    Args:
        verb: What it is called by.
        name: Its keyword; empty when it was given by position.
        label: Its name, for messages.
        output: A type, a name, a list of names, or a dict of names to types.
        hints: Its annotations.

    Raises:
        UdfSignatureError: There is no name, or a type that cannot be stored.
    """
    if isinstance(output, Mapping):
        return _typed(list(output), list(output.values()), label)
    returned = _returned(verb, label, hints)
    if isinstance(output, (str, list, tuple)):
        names = [output] if isinstance(output, str) else list(output)
        types_ = _parts(returned)
        if types_ is not None and len(types_) != len(names):
            msg = f"`{label}` returns {len(types_)} values, but output= names {len(names)}"
            raise UdfSignatureError(msg)
        return _typed(names, types_, label)
    if not name:
        msg = f"the column that `{label}` makes has no name; hint: {verb.name}(name=function)"
        raise UdfSignatureError(msg)
    if output is not None:
        return _typed([name], [output], label)
    types_ = _parts(returned)
    if types_ is not None and _is_several(returned):
        return _typed([f"{name}_{i}" for i in range(len(types_))], types_, label)
    return _typed([name], types_, label)


def _typed(names: list[str], types_: list[Any] | None, label: str) -> Outputs:
    for name in names:
        if not isinstance(name, str) or not name:
            msg = f"output names of `{label}` must be non-empty text, not `{name!r}`"
            raise UdfSignatureError(msg)
    if len(set(names)) < len(names) or not names:
        msg = f"output names of `{label}` must be one or more different ones"
        raise UdfSignatureError(msg)
    multi = len(names) > 1
    if types_ is None:
        return Outputs(names, "infer", multi)
    specs = [_spec(n, t, label) for n, t in zip(names, types_, strict=True)]
    return Outputs(names, specs, multi)


def _spec(name: str, annotation: Any, label: str) -> tuple[str, Spec]:
    where = f"output `{name}` of `{label}`"
    try:
        return name, spec_of(annotation, where)
    except SignalSchemaError as error:
        if str(error).startswith(where):
            raise UdfSignatureError(str(error)) from error
        raise


def _returned(verb: Verb, label: str, hints: dict[str, Any]) -> Any:
    """The annotated type of a result; `ABSENT` when the first results have to tell it."""
    returned = hints.get("return", ABSENT)
    if returned is ABSENT:
        return ABSENT
    if isinstance(returned, str):
        msg = f"the return type `{returned}` of `{label}` is not defined; hint: pass output="
        raise UdfSignatureError(msg)
    if verb.mode == "batch":
        # an array class says nothing about its items
        return get_args(returned)[0] if get_origin(returned) is list else ABSENT
    row = _one_of_many(verb, label, returned) if verb.mode == "rows" else returned
    if row is None or row is type(None):
        msg = f"`{label}` is annotated to return None: there would be no column"
        raise UdfSignatureError(msg)
    origin = get_origin(row) or row
    if verb.mode == "row" and origin in _YIELDING:
        msg = f"`{label}` returns `{type_text(row)}`: map takes one result per row; hint: gen"
        raise UdfSignatureError(msg)
    is_array = getattr(origin, "__module__", "") == "numpy" and origin.__name__ == "ndarray"
    return ABSENT if row is Any or is_array else row


def _one_of_many(verb: Verb, label: str, returned: Any) -> Any:
    """The type of one of the results that a call yields; no result may be None."""
    inner, _ = unwrap(returned)
    if get_origin(inner) in (Union, types.UnionType):
        members = [a for a in get_args(inner) if a is not type(None)]
        inner = members[0] if len(members) == 1 else inner
    if inner is Any:
        return ABSENT
    origin = get_origin(inner) or inner
    if origin not in (*_YIELDING, *_SEQUENCES):
        msg = (
            f"`{label}` returns `{type_text(returned)}`, but {verb.name} takes any number of "
            f"results; hint: yield them and annotate `Iterator[{type_text(returned)}]`"
        )
        raise UdfSignatureError(msg)
    return get_args(inner)[0] if get_args(inner) else ABSENT


def _is_several(returned: Any) -> bool:
    """Whether it is `tuple[A, B]`: one column each."""
    return get_origin(returned) is tuple and Ellipsis not in get_args(returned)


def _parts(returned: Any) -> list[Any] | None:
    """The types of the columns, or None when the first results have to tell."""
    if returned is ABSENT:
        return None
    return list(get_args(returned)) if _is_several(returned) else [returned]
