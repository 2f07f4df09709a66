"""Does a column fit a function's parameter?

Stricter than Python, looser than the peer: kinds must agree, but an int column may go
into a float parameter, any file class matches any file column, and None is the
function's own affair. What has no annotation takes everything.
"""

from __future__ import annotations

import inspect
import types
from typing import Any, TypeVar, Union, get_args, get_origin

from lakebed._types.annotation import Spec, is_model, spec_of, unwrap
from lakebed._types.resolve import FILE_KINDS
from lakebed.exceptions import SignalSchemaError

_LISTS = ("list", "tuple", "set", "vector")
_CONTAINERS: dict[Any, tuple[str, ...]] = {
    list: _LISTS,
    tuple: _LISTS,
    set: _LISTS,
    dict: ("json", "map"),
}


def same_type(annotation: Any, column: Spec) -> bool:
    """Whether values of a column may be passed to a parameter annotated like this."""
    inner, _ = unwrap(annotation)
    if inner in (Any, object, inspect.Parameter.empty) or isinstance(inner, TypeVar):
        return True
    if column["kind"] in ("null", "arrow"):
        return True
    if get_origin(inner) in (Union, types.UnionType):
        members = [a for a in get_args(inner) if a is not type(None)]
        return any(same_type(a, column) for a in members) or _same_spec(annotation, column)
    if inner in _CONTAINERS or get_args(inner) in ((Any,), (Any, Any), (str, Any)):
        return column["kind"] in _CONTAINERS.get(get_origin(inner) or inner, ())
    if is_model(inner) and column["kind"] == "model":
        return _same_model(inner, column)
    return _same_spec(annotation, column)


def is_namesake(annotation: Any, column: Spec) -> bool:
    """Whether it is another class than the column's, under the name that is stored."""
    from lakebed.models import ModelStore

    if column["kind"] != "model" or not is_model(annotation) or column.get("cls") is annotation:
        return False
    return bool(ModelStore.get_name(annotation) == column["name"])


def _same_model(cls: Any, column: Spec) -> bool:
    """The same stored name, a subclass of what is wanted, or two kinds of file."""
    from lakebed.models import ModelStore

    if ModelStore.get_name(cls) == column["name"]:
        return True
    have = column.get("cls")
    if have is not None and issubclass(have, cls):
        return True
    wants_file = any(base.__name__ in FILE_KINDS for base in cls.__mro__)
    stored = column["name"].partition("@")[0]
    bases = {base.__name__ for base in have.__mro__} if have is not None else set()
    return wants_file and bool({stored, *bases} & set(FILE_KINDS))


def _same_spec(annotation: Any, column: Spec) -> bool:
    try:
        return _alike(spec_of(annotation), column)
    except SignalSchemaError:
        return False


def _alike(wanted: Spec, column: Spec) -> bool:
    want, have = _basic(wanted), _basic(column)
    if want == have == "model":
        return _same_model(wanted["cls"], column)
    if want in _LISTS and have in _LISTS:
        return _alike(_item(wanted), _item(column))
    return want == have or (want, have) in {("float", "int"), ("json", "map")}


def _basic(spec: Spec) -> str:
    """The kind, with an enum as what it is stored as."""
    return str(spec["item"]["kind"] if spec["kind"] == "enum" else spec["kind"])


def _item(spec: Spec) -> Spec:
    if spec["kind"] == "vector":
        return {"kind": "float", "nullable": False}
    item: Spec = spec["item"]
    return item
