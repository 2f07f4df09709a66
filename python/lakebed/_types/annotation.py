"""Python annotations to type specs: what a column of this type is stored as.

A spec is a plain dict, `{"kind": "int", "nullable": False}`, the one language that this
package and the native engine share. This module only reads annotations: values are in
`infer.py`, stored types meeting classes in `resolve.py`, and what may be built
without validation in `model_spec.py`.
"""

from __future__ import annotations

import datetime as dt
import sys
import types
from collections import abc
from decimal import Decimal
from enum import Enum
from inspect import isclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
)
from uuid import UUID

from lakebed._types.enums import remember
from lakebed._types.type_text import full_name, type_text
from lakebed.exceptions import DataChainParamsError, SignalSchemaError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Spec: TypeAlias = dict[str, Any]
"""A column's type as plain data; every spec has `kind` and `nullable`."""

ACCEPTED = (
    "int, float, str, bool, bytes, datetime, date, time, timedelta, Decimal, UUID, dict, "
    "list[...], tuple[...], set[...], Optional[...], an Enum, Literal[...], Vector[n] "
    "or a Pydantic model"
)
"""What may be a column's type, as error messages list it."""

SCALARS: dict[Any, str] = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
    bytes: "bytes",
    dt.datetime: "datetime",
    dt.date: "date",
    dt.time: "time",
    dt.timedelta: "timedelta",
    UUID: "uuid",
}
"""Python types whose kind needs no further parameters."""

VECTOR_ITEMS = ("float16", "float32", "float64")
"""The element types of a vector."""

_LISTS = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
_TEXT_IN_JSON = {"str", "bytes", "datetime", "date", "time", "timedelta", "decimal", "uuid"}


class VectorType:
    """The length and element type of a vector column; made by `Vector[...]`."""

    __slots__ = ("dtype", "length")

    def __init__(self, length: int, dtype: str = "float32") -> None:
        """Check and keep both."""
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            msg = f"invalid vector length `{length}`: it must be an int of at least 1"
            raise DataChainParamsError(msg)
        if dtype not in VECTOR_ITEMS:
            msg = f"invalid vector type `{dtype}`: use {', '.join(VECTOR_ITEMS)}"
            raise DataChainParamsError(msg)
        self.length = length
        self.dtype = dtype

    def __repr__(self) -> str:
        """As written in an annotation."""
        return vector_text(self.length, self.dtype)

    def __eq__(self, other: object) -> bool:
        """Equal length and element type."""
        return isinstance(other, VectorType) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Consistent with equality."""
        return hash((self.length, self.dtype))

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Let a model's field take numpy arrays and check the length."""
        from pydantic_core import core_schema

        items = core_schema.list_schema(
            core_schema.float_schema(), min_length=self.length, max_length=self.length
        )
        return core_schema.no_info_before_validator_function(_plain_list, items)


class Vector:
    """The type of a vector column: `Vector[512]`, or `Vector[512, "float16"]`.

    Values are lists or tuples of numbers, numpy arrays or torch tensors of exactly so many
    elements, which are rounded to the element type: float16, float32, the default, or
    float64. They are stored without overhead, ready for vector search, and read as lists of
    floats. NaN and infinity are kept; a number too large for the element type is an error.

    `Vector(512, "float16")` is the same, for lengths that a type checker should not see.

    Examples:
        >>> spec_of(Vector[3])
        {'kind': 'vector', 'item': 'float32', 'length': 3, 'nullable': False}
        >>> spec_of(Vector[3, "float16"] | None)
        {'kind': 'vector', 'item': 'float16', 'length': 3, 'nullable': True}
    """

    def __new__(cls, length: int, dtype: str = "float32") -> Any:
        """The annotation."""
        return Annotated[list[float], VectorType(length, dtype)]

    def __class_getitem__(cls, shape: int | tuple[int, str]) -> Any:
        """The annotation."""
        if not isinstance(shape, tuple):
            return cls(shape)
        if len(shape) != len(("length", "dtype")):
            msg = f"invalid vector type `Vector[{', '.join(map(repr, shape))}]`"
            raise DataChainParamsError(f'{msg}: use Vector[512] or Vector[512, "float16"]')
        return cls(*shape)


def vector_text(length: int, dtype: str) -> str:
    """A vector's type as it is written."""
    item = "" if dtype == "float32" else f", {dtype!r}"
    return f"Vector[{length}{item}]"


def spec_of(annotation: Any, where: str = "the value", above: tuple[type, ...] = ()) -> Spec:
    """The spec of an annotation.

    Args:
        annotation: A type as written in Python, already resolved from text.
        where: What has this type, for messages: "field `Info.width`".
        above: Models that enclose this one, to notice recursion.

    Raises:
        SignalSchemaError: The type cannot be stored.
    """
    inner, metadata = unwrap(annotation)
    nullable = False
    if get_origin(inner) in (Union, types.UnionType):
        members = tuple(a for a in get_args(inner) if a is not type(None))
        nullable = len(members) < len(get_args(inner))
        if len(members) == 1:
            optional = spec_of(members[0], where, above)
            return optional | {"nullable": nullable or optional["nullable"]}
        spec = _union(members, where, above)
    else:
        spec = _single(inner, metadata, where, above)
    return spec | {"nullable": nullable}


def unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Strip `Annotated`, `NewType` and type aliases; also return the metadata found."""
    metadata: tuple[Any, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata = (*metadata, *more)
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation, metadata


def is_model(annotation: Any) -> bool:
    """Whether it is a Pydantic model class; does not import Pydantic."""
    return isclass(annotation) and hasattr(annotation, "__pydantic_root_model__")


def unsupported(annotation: Any, where: str, why: str = "") -> SignalSchemaError:
    """The error for a type that cannot be stored."""
    because = f" ({why})" if why else ""
    name = full_name(annotation)
    return SignalSchemaError(f"{where} has unsupported type `{name}`{because}: use {ACCEPTED}")


def _single(
    annotation: Any, metadata: tuple[Any, ...], where: str, above: tuple[type, ...]
) -> Spec:
    """The spec of a type that is no union."""
    for note in metadata:
        if isinstance(note, VectorType):
            return {"kind": "vector", "item": note.dtype, "length": note.length}
    if get_origin(annotation) is not None:
        return _generic(annotation, where, above)
    if annotation in _LISTS or annotation in _SETS or annotation is tuple:
        return json_spec(annotation, where)
    if annotation in _MAPPINGS:
        return json_spec(dict, where)
    if is_model(annotation):
        from lakebed._types.model_spec import model_spec

        return model_spec(annotation, where, above)
    return _scalar(annotation, metadata, where)


def _scalar(annotation: Any, metadata: tuple[Any, ...], where: str) -> Spec:
    """The spec of a plain class."""
    if isinstance(annotation, abc.Hashable) and annotation in SCALARS:
        return {"kind": SCALARS[annotation]}
    if annotation is Decimal:
        return _decimal(metadata)
    if isclass(annotation) and issubclass(annotation, Enum):
        return _enum(annotation, where)
    if kind := _numpy_kind(annotation):
        return {"kind": kind}
    if isinstance(annotation, str) or type(annotation).__name__ == "ForwardRef":
        raise unsupported(annotation, where, "the name is not defined here")
    raise unsupported(annotation, where)


def _generic(annotation: Any, where: str, above: tuple[type, ...]) -> Spec:
    """The spec of a type with parameters."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _literal(annotation, args, where)
    if origin in _MAPPINGS:
        return json_spec(annotation, where)
    if origin is tuple:
        return _tuple(annotation, args, where, above)
    if origin in _LISTS or origin in _SETS:
        if args[0] is Any:
            return json_spec(annotation, where)
        kind = "list" if origin in _LISTS else "set"
        return {"kind": kind, "item": spec_of(args[0], where, above)}
    raise unsupported(annotation, where)


def _tuple(annotation: Any, args: tuple[Any, ...], where: str, above: tuple[type, ...]) -> Spec:
    kinds = args[:1] if args[1:] == (Ellipsis,) else args
    if args and all(a == kinds[0] for a in kinds) and kinds[0] is not Any:
        return {"kind": "tuple", "item": spec_of(kinds[0], where, above)}
    for part in kinds:
        if part is not Any:
            spec_of(part, where, above)
    return json_spec(annotation, where)


def _union(members: tuple[Any, ...], where: str, above: tuple[type, ...]) -> Spec:
    """The spec of several alternatives: one common kind, else JSON."""
    annotation: Any = Union[members]  # noqa: UP007
    specs = [spec_of(m, where, above) for m in members if m is not Any]
    kinds = {s["kind"] for s in specs}
    if kinds == {"str"}:
        return {"kind": "str", "annotation": type_text(annotation)}
    if kinds == {"int", "float"}:
        return {"kind": "float"}
    texts = sorted(k for k in (_json_form(s) for s in specs) if k in _TEXT_IN_JSON)
    if len(texts) > 1 or kinds & {"bytes"}:
        raise unsupported(annotation, where, f"{' and '.join(texts)} would be stored alike")
    return json_spec(annotation, where)


def _json_form(spec: Spec) -> str:
    item = spec["item"]["kind"] if spec["kind"] == "enum" else spec["kind"]
    return str(item)


def json_spec(annotation: Any, where: str) -> Spec:
    """The spec of something stored as JSON text, with the adapter that reads it back."""
    plain = annotation in (dict, list) or get_args(annotation) in ((str, Any), (Any,))
    exact = plain and (get_origin(annotation) or annotation) in (*_LISTS, *_MAPPINGS)
    if not exact:
        adapter = _adapter(annotation, where)
        return {"kind": "json", "adapter": adapter, "annotation": type_text(annotation)}
    only = "dict" if (get_origin(annotation) or annotation) in _MAPPINGS else "list"
    return {"kind": "json", "adapter": None, "annotation": type_text(annotation), "only": only}


def _adapter(annotation: Any, where: str) -> Any:
    """Pydantic's reader and writer of one type; bytes and NaN survive the round."""
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    config = ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants"
    )
    try:
        return TypeAdapter(annotation, config=config)
    except (PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
        raise unsupported(annotation, where) from error


def _decimal(metadata: tuple[Any, ...]) -> Spec:
    """128-bit decimal; `Field(max_digits=…, decimal_places=…)` narrows it.

    Values come back equal, but without trailing zeros: `1.10` as `1.1`.
    """

    def given(name: str) -> int | None:
        notes = [n for note in metadata for n in (note, *getattr(note, "metadata", ()))]
        found = (getattr(note, name, None) for note in notes)
        return next((value for value in found if value is not None), None)

    precision = given("max_digits") or 38
    places = given("decimal_places")
    scale = min(18, precision) if places is None else places
    return {"kind": "decimal", "precision": min(precision, 38), "scale": scale}


def _enum(cls: type[Enum], where: str) -> Spec:
    remember(cls)
    values = [member.value for member in cls]
    for value_type, kind in ((str, "str"), (int, "int")):
        if values and all(_is_exactly(v, value_type) for v in values):
            item = {"kind": kind, "nullable": False}
            literal = type_text(Literal[tuple(values)])
            named = {"cls": cls, "name": cls.__name__, "annotation": literal}
            return {"kind": "enum", "item": item} | named
    if all(isinstance(v, (str, int, float)) for v in values):
        return json_spec(cls, where)
    raise unsupported(cls, where, "its values are neither text nor numbers")


def _literal(annotation: Any, args: tuple[Any, ...], where: str) -> Spec:
    values = [a.value if isinstance(a, Enum) else a for a in args]
    present = [v for v in values if v is not None]
    for value_type, kind in ((str, "str"), (int, "int")):
        if len(present) == len(args) and all(type(a) is value_type for a in args):
            return {"kind": kind, "annotation": type_text(annotation), "choices": args}
    return json_spec(annotation, where)


def _is_exactly(value: Any, value_type: type) -> bool:
    """Whether it is stored as this type; a bool is no int."""
    return isinstance(value, value_type) and not isinstance(value, bool)


def _numpy_kind(annotation: Any) -> str | None:
    """The kind of a numpy scalar class; does not import numpy."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isclass(annotation) or not issubclass(annotation, numpy.generic):
        return None
    for base, kind in (
        (numpy.bool_, "bool"),
        (numpy.integer, "int"),
        (numpy.floating, "float"),
        (numpy.str_, "str"),
    ):
        if issubclass(annotation, base):
            return kind
    return None


def _plain_list(value: Any) -> Any:
    """An array or a tensor as a list, anything else as it is."""
    value = value.reshape(-1) if hasattr(value, "reshape") else value
    return value.tolist() if hasattr(value, "tolist") else value
