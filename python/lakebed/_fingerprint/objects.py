"""Objects in a walk: by their class and what pickling would keep, or what is known of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import MutableMapping
from enum import Enum
from functools import WRAPPER_ASSIGNMENTS
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import bare, releases
from lakebed._fingerprint.modules import UnknowableError
from lakebed._fingerprint.parts import is_hidden, is_logger, left_out, member_state, reduced
from lakebed._fingerprint.setup import derived_attributes

if TYPE_CHECKING:
    from lakebed._fingerprint.walk import Walk


class NoFingerprint(ValueError):  # noqa: N818  says what there is not
    """A value cannot be told apart between runs; the text says which and why."""


def instance(walk: Walk, value: Any) -> None:
    """An object, by its class and what pickling would keep of it."""
    kind = type(value)
    if isinstance(value, Enum):
        walk.put("member", value.name or "")
        walk._refer(kind)
        walk.value(value._value_)
        walk._state(member_state(value), frozenset())
    elif is_logger(value):
        walk.put("logger")
    elif not _bare(walk, value):
        known = releases.named(kind)
        _reduced(walk, value, releases.release_of(kind.__module__) if known else None)


def _bare(walk: Walk, value: Any) -> bool:
    """Whether a value carries no result, or what it leads to was added."""
    kind = type(value)
    if bare.is_bare(value):
        walk.put("bare", kind.__name__)
    elif (stream := bare.stream_of(value)) is not None:
        mode, file = stream
        walk.put("stream", mode)
        if file:
            walk.state.texts.add(file)
            walk.put("file", file)
    elif (found := bare.referred(value)) is not None:
        walk.put("weak", kind.__name__)
        walk._content(found)
    elif bare.is_client(value):
        walk.put("client", f"{kind.__qualname__} of {releases.release_of(kind.__module__)}")
        for name, text in bare.client_parts(value):
            walk.put(name, text)
    else:
        return _queued(walk, value)
    return True


def _queued(walk: Walk, value: Any) -> bool:
    """Whether it was a queue, which counts by what waits in it."""
    waiting = getattr(value, "queue", None) if type(value).__module__ == "queue" else None
    if waiting is None:
        return False
    walk.put("queue", type(value).__name__)
    walk._items(list(waiting))
    return True


def _reduced(walk: Walk, value: Any, release: str | None) -> None:
    kind = type(value)
    if is_hidden(kind):
        raise walk._unknown(value)
    try:
        taken = reduced(value)
    except Exception as error:
        raise walk._unknown(value) from error
    walk.put("object")
    walk._refer(kind)
    make, arguments, state, items, pairs = (*taken, None, None, None, None)[:5]
    if len(taken) == 1 and not release:
        state = getattr(value, "__dict__", None)
    if release != "python":
        walk.doubt = walk.doubt or str(walk._unknown(value))
    walk.part("the maker", make)
    given = arguments if type(arguments) is tuple else (arguments,)
    walk.put("arguments", str(len(given)))
    for argument in given:
        walk.part("an argument", argument, is_shown=argument is not kind)
    if len(taken) == 1 and release and "__wrapped__" in getattr(value, "__dict__", ()):
        # what a decorator made, which calls itself by the name of the function
        state = _around(value)
    if release:
        _opaque(walk, value, state)
    else:
        derived = derived_attributes(kind)
        walk._state({} if state is None else state, derived)
        for name, held in left_out(value, state).items():
            if name not in derived and name not in walk.ignored:
                # what a release gives and cannot be compared, as a lock, had to be left out
                is_own = releases.is_projects(type(held).__module__)
                walk._apart(name, held, needed=is_own)
    _add_contents(walk, value, items, pairs)


def _add_contents(walk: Walk, value: Any, items: Any, pairs: Any) -> None:
    """The items of an object that is a list or a dict besides."""
    walk._items(list(items or ()))
    if isinstance(value, dict) and not isinstance(value, OrderedDict):
        walk._mapping(dict(pairs or ()))
    else:
        walk._items(list(pairs or ()))


def _opaque(walk: Walk, value: Any, state: Any) -> None:
    """The state of a release's object, whose insides are not the user's concern."""
    depth = len(walk._path)
    try:
        if type(state) is dict:
            walk._state(state, frozenset())
        else:
            walk.value(state)
    except (NoFingerprint, UnknowableError) as error:
        del walk._path[depth:]
        raise walk._unknown(value) from error


def _around(value: Any) -> dict[str, Any]:
    """What the object that a decorator made of a function holds, without caches."""
    function = value.__wrapped__
    return {
        name: held
        for name, held in vars(value).items()
        if name == "__wrapped__"
        or not (name in WRAPPER_ASSIGNMENTS or held is function or isinstance(held, MutableMapping))
    }
