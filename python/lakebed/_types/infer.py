"""Python values to type specs: the column type of `read_values(x=[1, None, 2.5])`.

All values are looked at, not only the first: ints among floats make a float column,
any None makes it nullable, and other mixes are a union if each value comes back as it
was; if not, the error names the one at fault. Annotations are `annotation.py`'s.
"""

from __future__ import annotations

import sys
from enum import Enum
from functools import lru_cache
from types import GenericAlias, NoneType
from typing import TYPE_CHECKING, Any, Union

from lakebed._types.annotation import (
    ACCEPTED,
    SCALARS,
    VECTOR_ITEMS,
    Spec,
    is_model,
    json_spec,
    spec_of,
)
from lakebed._types.resolve import rebuilt_spec, type_of
from lakebed._types.type_text import full_name
from lakebed.exceptions import SignalSchemaError, UdfSignatureError, ValuesToTupleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_OPEN: Spec = {"kind": "null", "nullable": False}
"""No value seen yet, as in an empty list."""

_NONE: Spec = {"kind": "null", "nullable": True}
"""Only None seen yet."""

_JSON: Spec = {"kind": "json", "adapter": None, "annotation": "dict", "nullable": False}
"""A dict that JSON gives back as it is."""

_FLOAT: Spec = {"kind": "float", "nullable": False}
_INT_LIMIT = 2**63


def infer_spec(
    values: Sequence[Any],
    where: str = "the values",
    *,
    sample: bool = False,
    struct: str = "",
) -> Spec:
    """The spec that all values fit.

    Args:
        values: The values of one column; None stands for missing.
        where: What they are, for messages: "signal `x`".
        sample: More values will follow: numpy arrays of floats become lists, because
            the next one may have another length.
        struct: Turn dicts into a generated model of this name instead of JSON.

    Raises:
        ValuesToTupleError: The values share no type, or a type cannot be stored.
    """
    return _settled(_found_spec(values, where, sample=sample, struct=struct))


def sampled_spec(
    values: Sequence[Any], where: str = "the values", *, struct: str = ""
) -> Spec | None:
    """The spec of a function's first results; None while they leave it open.

    None, `[]` and `{}` tell nothing, so more results are needed, or `undecided` is the
    error to raise. Any later result may be missing: that is for the caller to add.

    Args:
        values: The results so far.
        where: What they are, for messages: "output `x` of `f`".
        struct: Turn dicts into a generated model of this name instead of JSON.

    Raises:
        ValuesToTupleError: The values share no type, or a type cannot be stored.
    """
    found = _found_spec(values, where, sample=True, struct=struct)
    return None if _open_part(found) is not None else _settled(found)


def undecided(values: Sequence[Any], where: str, *, struct: str = "") -> UdfSignatureError:
    """The error for results of which `sampled_spec` can tell no type."""
    part = _open_part(_found_spec(values, where, sample=True, struct=struct))
    key = f", key `{'.'.join(part)}`," if part else ""
    msg = (
        f"the type of {where}{key} is not known: all of the first {len(values)} results "
        "are None or empty; hint: annotate the return type, or pass output="
    )
    return UdfSignatureError(msg)


# What the values tell, with parts that they leave open as kind `null`


def _found_spec(values: Sequence[Any], where: str, *, sample: bool, struct: str) -> Spec:
    fields = _struct_fields(values) if struct else None
    if fields is None:
        return _scalar_column(values, where) or _merged_column(values, where, sample=sample)
    columns = [
        (name, _found_spec(column, f"{where}, key `{name}`", sample=sample, struct=name))
        for name, column in fields.items()
    ]
    nullable = any(v is None for v in values)
    return {"kind": "struct", "name": struct, "fields": columns, "nullable": nullable}


def _open_part(spec: Spec) -> tuple[str, ...] | None:
    """The keys on the way to what is open; None when nothing is."""
    if spec["kind"] == "null":
        return ()
    if spec["kind"] == "struct":
        parts = ((name, _open_part(field)) for name, field in spec["fields"])
        found = next(((name, *part) for name, part in parts if part is not None), None)
        return found if spec["fields"] else ()
    item = spec.get("item")
    return _open_part(item) if isinstance(item, dict) else None


def _settled(spec: Spec) -> Spec:
    """What stayed open, such as the items of empty lists, becomes nullable text."""
    if spec["kind"] == "null":
        return {"kind": "str", "nullable": True}
    if spec["kind"] == "struct" and not spec["fields"]:
        return _JSON | {"nullable": spec["nullable"]}
    if spec["kind"] == "struct":
        fields = [(name, _settled(field)) for name, field in spec["fields"]]
        return rebuilt_spec(spec["name"], fields) | {"nullable": spec["nullable"]}
    if isinstance(spec.get("item"), dict):
        return spec | {"item": _settled(spec["item"])}
    return spec


def _scalar_column(values: Sequence[Any], where: str) -> Spec | None:
    """The spec if every value is of a plain built-in type, found without a slow loop."""
    types = set(map(type, values)) - {NoneType}
    kinds = {SCALARS.get(t) for t in types}
    nullable = any(v is None for v in values)
    if not kinds:
        return _NONE
    if len(types) == 1 and is_model(*types):
        return _typed(types.pop(), where) | {"nullable": nullable}
    if None in kinds or (len(kinds) > 1 and kinds != {"int", "float"}):
        return None
    kind = "float" if len(kinds) > 1 else kinds.pop()
    if kind == "int":
        _check_range(values, where)
    return {"kind": kind, "nullable": nullable}


def _check_range(values: Sequence[Any], where: str) -> None:
    present = [v for v in values if v is not None]
    for bound in (min(present), max(present)):
        if not -_INT_LIMIT <= bound < _INT_LIMIT:
            index = values.index(bound)
            msg = f"{where}: value {index} is `{bound}`: an int has 64 bits with sign"
            raise ValuesToTupleError(msg)


def _merged_column(values: Sequence[Any], where: str, *, sample: bool) -> Spec:
    """The spec of any mix of values, merged one by one."""
    merged = _OPEN
    first = next((i for i, v in enumerate(values) if v is not None), 0)
    for index, value in enumerate(values):
        place = f"{where}: value {index}"
        found = _value_spec(value, place, sample=sample)
        joint = _merge(merged, found)
        if joint is None:
            if union := _union(values, where):
                return union
            msg = (
                f"{place} is `{_value_type(value)}`, but value {first} is "
                f"`{_value_type(values[first])}`: all values of a column need one type"
            )
            raise ValuesToTupleError(msg)
        merged = joint
    return merged


def _value_spec(value: Any, place: str, *, sample: bool) -> Spec:
    """The spec of one value, with parts that it leaves open as kind `null`."""
    if value is None:
        return _NONE
    value = _tensor_as_array(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray) and value.ndim:
        return _array_spec(value, place, sample=sample)
    match value:
        case list():
            return _sequence_spec("list", value, place)
        case set() | frozenset():
            return _sequence_spec("set", value, place)
        case tuple():
            return _tuple_spec(value, place)
        case dict():
            return _dict_spec(value, place)
    return _typed(type(value), place)


def _typed(cls: type, place: str) -> Spec:
    """The spec of a value's class; a subclass counts as the built-in type it extends."""
    if not issubclass(cls, Enum) and not is_model(cls):
        cls = next((base for base in cls.__mro__ if base in SCALARS), cls)
    try:
        return spec_of(cls, place)
    except SignalSchemaError as error:
        raise ValuesToTupleError(str(error)) from error


def _tensor_as_array(value: Any) -> Any:
    """A torch tensor as a numpy array, which knows no bfloat16; anything else as it is."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return value
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def _array_spec(array: Any, place: str, *, sample: bool) -> Spec:
    """A numpy array: floats in one dimension are a vector."""
    dtype = array.dtype.name
    if array.ndim == 1 and dtype in VECTOR_ITEMS and array.size:
        if sample:
            return {"kind": "list", "item": _FLOAT, "nullable": False}
        return {"kind": "vector", "item": dtype, "length": array.size, "nullable": False}
    if array.ndim > 1:
        item = _merge_all(_array_spec(row, place, sample=True) for row in array[:1])
        return {"kind": "list", "item": item or _OPEN, "nullable": False}
    return _sequence_spec("list", array.tolist(), place)


def _sequence_spec(kind: str, items: Iterable[Any], place: str) -> Spec:
    """A list or set: its items need one type too."""
    item = _plain_items(items) or _merge_all(_item_specs(items, place)) or _union(items, place)
    if item is None:
        msg = f"{place} is a {kind} of mixed types: all items of a {kind} need one type"
        raise ValuesToTupleError(msg)
    return {"kind": kind, "item": item, "nullable": False}


def _plain_items(items: Iterable[Any]) -> Spec | None:
    """The spec of items that all have the same built-in type, without a slow loop."""
    found = set(map(type, items))
    kind = SCALARS.get(found.pop()) if len(found) == 1 else None
    return {"kind": kind, "nullable": False} if kind else None


def _item_specs(items: Iterable[Any], place: str) -> list[Spec]:
    return [_value_spec(item, f"{place}, an item", sample=True) for item in items]


def _tuple_spec(value: tuple[Any, ...], place: str) -> Spec:
    """A tuple of one type is a list, any other is JSON that knows its types."""
    parts = _item_specs(value, place)
    item = _merge_all(parts)
    if item is not None and all(p["kind"] in (item["kind"], "null") for p in parts):
        return {"kind": "tuple", "item": item, "nullable": False}
    types = (NoneType if p["kind"] == "null" else type_of(_settled(p)) for p in parts)
    return _json_of(GenericAlias(tuple, tuple(types)))


def _dict_spec(value: dict[Any, Any], place: str) -> Spec:
    """A dict is JSON: as it is, or through an adapter for other keys and values."""
    if _is_json(value):
        return _JSON
    keys, parts = (_one_type(part, place) for part in (value.keys(), value.values()))
    spec = _json_of(GenericAlias(dict, (keys, parts)))
    if not _survives(spec, value):
        msg = f"{place} is a dict whose keys and values are no JSON: use {ACCEPTED}"
        raise ValuesToTupleError(msg)
    return spec


@lru_cache(maxsize=128)
def _json_of(annotation: GenericAlias) -> Spec:
    """The spec of JSON; many values share one, and its adapter is slow to make."""
    return json_spec(annotation, "the value") | {"nullable": False}


def _one_type(values: Iterable[Any], place: str) -> Any:
    """The annotation that all keys, or all values, of a dict fit."""
    return type_of(_settled(_merged_column(list(values), f"{place}, in the dict", sample=True)))


# Mixed types


def _union(values: Iterable[Any], place: str) -> Spec | None:
    """A union that is stored as JSON, if every value comes back from it as it was."""
    kinds: dict[Any, None] = {}
    for spec in _item_specs(values, place):
        if spec["kind"] != "null":
            kinds[type_of(_settled(spec))] = None
    try:
        spec = spec_of(Union[tuple(kinds)], place)  # noqa: UP007
    except SignalSchemaError:
        return None
    if spec["kind"] != "json" or not all(_survives(spec, v) for v in values):
        return None
    return spec | {"nullable": any(v is None for v in values)}


def _survives(spec: Spec, value: Any) -> bool:
    """Whether the JSON of a value is read back as an equal value of the same type."""
    if value is None:
        return True
    adapter = spec["adapter"]
    if adapter is None:
        return _is_json(value)
    try:
        back = adapter.validate_json(adapter.dump_json(adapter.validate_python(value)))
    except ValueError:
        return False
    # a numpy scalar comes back as what it stands for
    same_type = type(back) is type(value) or hasattr(value, "dtype")
    return same_type and (back == value or repr(back) == repr(value))


def _is_json(value: Any) -> bool:
    """Whether JSON text gives back an equal value."""
    if isinstance(value, dict):
        return all(type(k) is str and _is_json(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_is_json(v) for v in value)
    return value is None or type(value) in (str, int, float, bool)


def _merge_all(specs: Iterable[Spec]) -> Spec | None:
    """One spec for all, None when they have none in common."""
    merged: Spec | None = _OPEN
    for spec in specs:
        merged = _merge(merged, spec) if merged is not None else None
    return merged


def _merge(one: Spec, two: Spec) -> Spec | None:
    """The spec that values of both fit; None when there is none."""
    if one == two:
        return one
    nullable = {"nullable": one["nullable"] or two["nullable"]}
    if one["kind"] == "null":
        return two | nullable
    if two["kind"] == "null":
        return one | nullable
    kinds = {one["kind"], two["kind"]}
    if kinds == {"int", "float"}:
        return {"kind": "float"} | nullable
    if kinds <= {"list", "vector"} and one | nullable != two | nullable:
        item = _merge(_item(one), _item(two))
        return None if item is None else {"kind": "list", "item": item} | nullable
    if kinds in ({"tuple"}, {"set"}):
        item = _merge(one["item"], two["item"])
        return None if item is None else one | {"item": item} | nullable
    same = all(one.get(k) == two.get(k) for k in ("kind", "cls", "annotation"))
    return one | nullable if same else None


def _item(spec: Spec) -> Spec:
    """What a list holds; a vector holds floats."""
    item: Spec = _FLOAT if spec["kind"] == "vector" else spec["item"]
    return item


def _struct_fields(values: Sequence[Any]) -> dict[str, list[Any]] | None:
    """The columns of dicts that can be a struct."""
    dicts = [v for v in values if v is not None]
    names = dict.fromkeys(k for d in dicts if isinstance(d, dict) for k in d)
    fit = all(isinstance(d, dict) for d in dicts) and all(
        isinstance(name, str) and name.isidentifier() and name[0] != "_" for name in names
    )
    return {name: [d.get(name) for d in dicts] for name in names} if dicts and fit else None


def _value_type(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_value_type(v) for v in value)}]"
    return full_name(type(value))
