"""Stored types to Python types: which class the rows of a column become.

A stored model meets the class registered under its name: a class that gained fields
reads old rows with its defaults, one that lost a field ignores it, anything else is an
error that names the field. Without a class one is generated, so that reading a dataset
never needs the code that wrote it.
"""

from __future__ import annotations

import datetime as dt
import warnings
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Union, cast, get_args
from uuid import UUID

from lakebed._types.annotation import Spec, Vector, json_spec
from lakebed._types.enums import named
from lakebed._types.type_text import parse_type, type_text
from lakebed.exceptions import SignalSchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

FILE_KINDS = (
    *("File", "TextFile", "ImageFile", "VideoFile", "AudioFile"),
    *("VideoFrame", "VideoFragment", "AudioFragment", "ArrowRow"),
)
_ANNOTATIONS = ("BBox", "OBBox", "Pose", "Pose3D", "Segment")
_HOMES = (
    dict.fromkeys(FILE_KINDS, "file")
    | dict.fromkeys(_ANNOTATIONS, "model")
    | {f"Yolo{name}": "model.ultralytics" for name in ("BBox", "OBBox", "Pose", "Segment")}
    | {f"Yolo{name}": "model.ultralytics" for name in ("BBoxes", "OBBoxes", "Poses", "Segments")}
    | dict.fromkeys(("HFAudio", "HFClassLabel", "HFImage"), "hf")
    | {"Sys": "_sys"}
)
"""Where this package defines the models that stored data names."""

_TYPES: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "bytes": bytes,
    "datetime": dt.datetime,
    "date": dt.date,
    "time": dt.time,
    "timedelta": dt.timedelta,
    "decimal": Decimal,
    "uuid": UUID,
    "null": type(None),
    "arrow": Any,
}
_LISTS = ("list", "tuple", "set")

_rebuilt: dict[Any, type[BaseModel]] = {}


def resolve_spec(spec: Spec) -> Spec:
    """Fill in the classes of a spec that came from storage.

    Raises:
        SignalSchemaError: A registered class does not fit the stored fields.
    """
    match spec["kind"]:
        case "model" if spec.get("cls") is None:
            return _resolve_model(spec)
        case "list" | "tuple" | "set":
            return spec | {"item": resolve_spec(spec["item"])}
        case "map":
            return spec | {k: resolve_spec(spec[k]) for k in ("key", "value")}
        case "enum" if spec.get("cls") is None:
            values = get_args(parse_type(spec.get("annotation") or ""))
            return spec | {"cls": named(spec.get("name", ""), values)}
        case "json" if spec.get("adapter") is None:
            annotation = parse_type(spec.get("annotation") or "dict", _class_named)
            adapter = json_spec(annotation, "the column")["adapter"] if annotation else None
            return spec | {"adapter": adapter}
    return spec


def type_of(spec: Spec) -> Any:
    """The Python annotation of a spec; its models are resolved."""
    plain = _type_of(spec)
    return Union[plain, None] if spec["nullable"] and plain is not Any else plain  # noqa: UP007


def _type_of(spec: Spec) -> Any:
    match spec["kind"]:
        case "model":
            return spec.get("cls") or resolve_spec(spec)["cls"]
        case "list":
            return list[type_of(spec["item"])]  # type: ignore[misc]
        case "tuple":
            return tuple[type_of(spec["item"]), ...]  # type: ignore[misc]
        case "set":
            return set[type_of(spec["item"])]  # type: ignore[misc]
        case "map":
            return dict[type_of(spec["key"]), type_of(spec["value"])]  # type: ignore[misc]
        case "vector":
            return Vector(spec["length"], spec["item"])
        case "enum":
            return spec.get("cls") or type_of(spec["item"])
        case "json":
            return _annotated(spec, Any if spec.get("annotation") else dict)
        case kind:
            return _annotated(spec, _TYPES[kind])


def _annotated(spec: Spec, otherwise: Any) -> Any:
    """The type that the spec's text names, if all names in it are known."""
    text = spec.get("annotation")
    return (parse_type(text, _class_named) if text else None) or otherwise


def _class_named(name: str) -> Any:
    """The class that a name in stored text stands for."""
    return next(iter(_candidates(name)), None) or named(name)


# A stored model and its class


class _MisfitError(Exception):
    """A class cannot read the stored fields; the text says which one and why."""


def _resolve_model(spec: Spec) -> Spec:
    """Choose the class that fits best, or generate one."""
    from lakebed._types.model_spec import model_spec

    fitting: list[Spec] = []
    misfits: list[_MisfitError] = []
    for cls in _candidates(spec["name"]):
        try:
            fitting.append(_fit_model(spec, model_spec(cls))[0])
        except _MisfitError as misfit:
            misfits.append(misfit)
    if not fitting and misfits:
        raise _unfit(spec, misfits[0])
    if not fitting:
        return rebuilt_spec(spec["name"], spec["fields"], spec.get("hidden", ())) | {
            "nullable": spec["nullable"]
        }
    exact = (fit for fit in fitting if _same_fields(spec, model_spec(fit["cls"])))
    return next(exact, fitting[0])


def _same_fields(stored: Spec, wanted: Spec) -> bool:
    """Whether a class has just the fields that are stored, and so have the classes in it."""
    if stored["kind"] in _LISTS and wanted["kind"] in _LISTS:
        return _same_fields(stored["item"], wanted["item"])
    if stored["kind"] != "model" or wanted["kind"] != "model":
        return True
    have, want = dict(stored["fields"]), dict(wanted["fields"])
    return have.keys() == want.keys() and all(_same_fields(have[key], want[key]) for key in have)


def read_as(stored: Spec, cls: type[BaseModel]) -> Spec:
    """The spec to read a stored model with as this class.

    Raises:
        SignalSchemaError: The class cannot read the stored fields.
    """
    from lakebed._types.model_spec import model_spec

    try:
        return _fit_model(stored, model_spec(cls))[0]
    except _MisfitError as misfit:
        raise _unfit(stored, misfit) from misfit


def _candidates(fullname: str) -> list[type[BaseModel]]:
    from lakebed.models import ModelStore

    home = _HOMES.get(fullname.partition("@")[0])
    if home is not None:
        import_module(f"lakebed.{home}")  # registers them
    return ModelStore.candidates(fullname)


def _fit_model(stored: Spec, wanted: Spec) -> tuple[Spec, bool]:
    """The stored spec with the class's view of it, and whether nothing was stretched."""
    name = wanted["cls"].__name__
    mine = dict(wanted["fields"])
    fields, same_values = [], True
    for field, spec in stored["fields"]:
        if field in mine:
            fitted, same = _fit(spec, mine[field], f"`{name}.{field}`")
            fields.append((field, fitted))
            same_values = same_values and same
    for field in mine.keys() - {field for field, _ in stored["fields"]}:
        if field not in wanted["defaults"]:
            msg = f"field `{name}.{field}` is not stored and has no default"
            raise _MisfitError(msg)
    spec = wanted | {"name": stored["name"], "nullable": stored["nullable"]}
    fast, trusted = (bool(wanted[how]) and same_values for how in ("fast", "trusted"))
    return spec | {"fields": fields, "fast": fast, "trusted": trusted}, fast


def _fit(stored: Spec, wanted: Spec, field: str) -> tuple[Spec, bool]:
    """How a stored field is read for a class's field.

    Returns:
        The spec to read with, and whether it gives what validation would give.
    """
    same_nulls = wanted["nullable"] or not stored["nullable"]
    have, want = stored["kind"], wanted["kind"]
    if have == "model" and want == "model":
        return _fit_model(stored, wanted)[0], same_nulls
    if have in _LISTS and want in _LISTS:
        item, exact = _fit(stored["item"], wanted["item"], f"an item of {field}")
        spec = wanted | {"item": item, "nullable": stored["nullable"]}
        return spec, exact and same_nulls
    if want == "vector" or have == "vector":
        return _fit_vector(stored, wanted, field), same_nulls and want in ("vector", "list")
    if have == want:
        classes = {k: wanted[k] for k in ("cls", "adapter", "annotation") if k in wanted}
        return stored | classes, same_nulls
    if _text_or_number(stored) == _text_or_number(wanted) != "":
        return wanted | {"nullable": stored["nullable"]}, same_nulls
    if (have, want) in {("int", "float"), ("map", "json"), ("null", want)}:
        return stored, False
    raise _misfit(stored, wanted, field)


def _fit_vector(stored: Spec, wanted: Spec, field: str) -> Spec:
    """Vectors of one length, or a vector and a list of floats."""
    vectors = stored["kind"] == wanted["kind"]
    other = wanted if stored["kind"] == "vector" else stored
    lists = other["kind"] in _LISTS and other["item"]["kind"] == "float"
    if (vectors and stored["length"] == wanted["length"]) or (not vectors and lists):
        return stored
    raise _misfit(stored, wanted, field)


def _text_or_number(spec: Spec) -> str:
    """What an enum or UUID is underneath; empty for kinds that are only themselves."""
    kind = spec["item"]["kind"] if spec["kind"] == "enum" else spec["kind"]
    return {"str": "str", "uuid": "str", "int": "int"}.get(kind, "")


def _unfit(stored: Spec, misfit: _MisfitError) -> SignalSchemaError:
    name = stored["name"]
    msg = (
        f"stored type `{name}` does not fit class `{name.partition('@')[0]}`: "
        f"{misfit}; hint: give the class another name or raise its `_version`"
    )
    return SignalSchemaError(msg)


def _misfit(stored: Spec, wanted: Spec, field: str) -> _MisfitError:
    have, want = type_text(type_of(stored)), type_text(type_of(wanted))
    return _MisfitError(f"field {field} is stored as `{have}`, the class wants `{want}`")


# Classes for stored models that have none


def rebuilt_spec(
    fullname: str, columns: Sequence[tuple[str, Spec]], hidden: Sequence[str] = ()
) -> Spec:
    """The spec of a generated model with these fields; equal input, equal class."""
    from lakebed._types.model_spec import defaults_of, is_fast, is_trusted

    fields = [(name, resolve_spec(spec)) for name, spec in columns]
    types = tuple((name, type_of(spec)) for name, spec in fields)
    base = _base_for([name for name, _ in fields])
    key = (fullname, types, tuple(hidden), base)
    if key not in _rebuilt:
        _rebuilt[key] = _rebuild(fullname, types, tuple(hidden), base)
    cls = _rebuilt[key]
    return {
        "kind": "model",
        "name": fullname,
        "cls": cls,
        "fields": fields,
        "hidden": [name for name in hidden if name in dict(fields)],
        "fast": is_fast(cls),
        "trusted": is_trusted(cls),
        "defaults": defaults_of(cls),
        "nullable": False,
    }


def _base_for(names: Sequence[str]) -> type[BaseModel]:
    """`File` for whatever holds all of its fields, so that it can be opened."""
    from lakebed.models import DataModel

    if "path" in names and "etag" in names:
        from lakebed.file import File

        if set(File.model_fields) <= set(names):
            return File
    return DataModel


def _rebuild(
    fullname: str,
    types: tuple[tuple[str, Any], ...],
    hidden: tuple[str, ...],
    base: type[BaseModel],
) -> type[BaseModel]:
    from pydantic import Field, create_model

    from lakebed.models import ModelStore

    name, version = ModelStore.parse_name_version(fullname)
    fields: dict[str, Any] = {}
    for field, annotation in types:
        if field in base.model_fields:
            continue
        required = type(None) not in (annotation, *get_args(annotation))
        default: Any = ... if required and annotation is not Any else None
        # WHY: Pydantic takes no attribute that starts with an underscore
        public = field.lstrip("_") or "field"
        alias = None if public == field else field
        fields[public] = (annotation, Field(default, alias=alias))
    with ModelStore.rebuilding(), warnings.catch_warnings():
        # a stored field may be called `copy` or `json`
        warnings.simplefilter("ignore", UserWarning)
        cls = create_model(name or "Struct", __base__=base, __module__=__name__, **fields)
    generated = cast("type[_Generated]", cls)
    generated._version = version
    generated._hidden_fields = [*hidden]
    generated._rebuilt = True
    return cls


class _Generated:
    """The class attributes that `_rebuild` sets, for the type checker."""

    _version: ClassVar[int]
    _hidden_fields: ClassVar[list[str]]
    _rebuilt: ClassVar[bool]
