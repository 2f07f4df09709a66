"""Specs of Pydantic models, and whether stored rows may skip their validation.

A model is *trusted* when every field's annotation is exactly what storage gives back: its
objects were valid when they were stored, and validators that change values must not run
on the results of their own. It is *fast* when, besides, no code of the user's runs when
an object is made, so that setting its fields directly is the same. In doubt a model is
neither, and validated.
"""

from __future__ import annotations

import copy
import types
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from pydantic import BaseModel, RootModel
from pydantic.errors import PydanticUndefinedAnnotation
from pydantic_core import PydanticUndefined

from lakebed._types.annotation import Spec, VectorType, spec_of, unsupported
from lakebed.exceptions import SignalSchemaError
from lakebed.models import ModelStore

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Default = tuple[str, Any]
"""`("value", v)`, or `("factory", f)` where `f` takes no arguments."""

# WHY: an allow-list, so that an option which a later Pydantic adds makes a model slow
# instead of wrong. Each of these does not change which values validation gives.
_HARMLESS_CONFIG = {
    "arbitrary_types_allowed",
    "defer_build",
    "extra",
    "from_attributes",
    "frozen",
    "hide_input_in_errors",
    "json_schema_extra",
    "json_schema_mode_override",
    "populate_by_name",
    "protected_namespaces",
    "ser_json_bytes",
    "ser_json_inf_nan",
    "ser_json_timedelta",
    "strict",
    "title",
    "use_attribute_docstrings",
    "validate_assignment",
    "validate_by_alias",
    "validate_by_name",
}
_OWN_METHODS = (
    "__init__",
    "__new__",
    "__setattr__",
    "__get_pydantic_core_schema__",
    "model_post_init",
    "model_validate",
    "model_construct",
)
_EXACT_ORIGINS = (list, set, tuple, dict)

_known: WeakKeyDictionary[type[BaseModel], Spec] = WeakKeyDictionary()


def model_spec(
    cls: type[BaseModel], where: str = "the value", above: tuple[type, ...] = ()
) -> Spec:
    """The spec of a model class, which becomes registered if it was not.

    The result is shared between calls: copy before changing it.
    """
    if cls in _known:
        return _known[cls]
    if cls in above:
        raise unsupported(cls, where, "a model that contains itself has no fixed columns")
    if issubclass(cls, RootModel):
        raise unsupported(cls, where, "a RootModel has no fields")
    _complete(cls, where)
    if not vars(cls).get("_rebuilt"):
        ModelStore.register(cls)
    fields = [
        (name, _field_spec(cls, name, field, (*above, cls)))
        for name, field in cls.model_fields.items()
    ]
    if not fields:
        raise unsupported(cls, where, "it has no fields")
    _known[cls] = {
        "kind": "model",
        "name": ModelStore.get_name(cls),
        "cls": cls,
        "fields": fields,
        "hidden": hidden_of(cls),
        "fast": is_fast(cls),
        "trusted": is_trusted(cls),
        "defaults": defaults_of(cls),
        "nullable": False,
    }
    return _known[cls]


def hidden_of(cls: type[BaseModel]) -> list[str]:
    """The fields that `show()` leaves out."""
    return [name for name in getattr(cls, "_hidden_fields", ()) if name in cls.model_fields]


def defaults_of(cls: type[BaseModel]) -> dict[str, Default]:
    """What a missing field is filled with, for the fields that have a default."""
    found = {name: _default(field) for name, field in cls.model_fields.items()}
    return {name: default for name, default in found.items() if default is not None}


def is_fast(cls: type[BaseModel]) -> bool:
    """Whether objects may be built with `__new__` and `__dict__`."""
    return _runs_no_code(cls) and all(_is_plain_field(f) for f in cls.model_fields.values())


def is_plain(cls: type[BaseModel]) -> bool:
    """Whether validation looks up values under the names of fields, and no more."""
    fields = cls.model_fields.values()
    return _runs_no_code(cls) and all(_is_plain_field(f, may_be_named=True) for f in fields)


def _runs_no_code(cls: type[BaseModel]) -> bool:
    decorators = cls.__pydantic_decorators__
    runs_code = (
        decorators.validators
        or decorators.field_validators
        or decorators.root_validators
        or decorators.model_validators
        or cls.__private_attributes__
    )
    return (
        not runs_code
        and not any(overrides(cls, name) for name in _OWN_METHODS)
        and set(cls.model_config) <= _HARMLESS_CONFIG
        and cls.model_config.get("extra") in (None, "ignore")
    )


def is_trusted(cls: type[BaseModel]) -> bool:
    """Whether stored values are the fields of an object, without validation."""
    return all(_is_exact(field.annotation, checked=True) for field in cls.model_fields.values())


def _field_spec(cls: type[BaseModel], name: str, field: FieldInfo, above: tuple[type, ...]) -> Spec:
    noted = (field.annotation, *field.metadata)
    annotation: Any = Annotated[noted] if field.metadata else field.annotation
    return spec_of(annotation, f"field `{cls.__name__}.{name}`", above)


def _complete(cls: type[BaseModel], where: str) -> None:
    """Resolve annotations that were text when the class was made."""
    if cls.__pydantic_complete__:
        return
    try:
        cls.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        msg = (
            f"{where} has type `{cls.__name__}`, whose annotation `{error.name}` is not "
            f"defined; hint: define it first, then call `{cls.__name__}.model_rebuild()`"
        )
        raise SignalSchemaError(msg) from error


def _default(field: FieldInfo) -> Default | None:
    factory: Any = field.default_factory
    if factory is not None:
        return None if _takes_data(field) else ("factory", factory)
    if field.default is PydanticUndefined:
        return None
    try:
        hash(field.default)
    except TypeError:
        return ("factory", partial(copy.deepcopy, field.default))
    return ("value", field.default)


def overrides(cls: type[BaseModel], name: str) -> bool:
    """Whether a class between `cls` and Pydantic's own defines this method."""
    foreign = {"pydantic", "builtins", "typing", "abc"}
    own = (c for c in cls.__mro__ if c.__module__.partition(".")[0] not in foreign)
    return any(name in vars(c) for c in own)


def _is_plain_field(field: FieldInfo, *, may_be_named: bool = False) -> bool:
    named = not may_be_named and (field.alias or field.validation_alias)
    checked = any(not isinstance(note, VectorType) for note in field.metadata)
    return not (named or _takes_data(field) or checked or field.validate_default) and _is_exact(
        field.annotation
    )


def _takes_data(field: FieldInfo) -> bool:
    """Whether the default is made from the other fields; Pydantic's newer kind."""
    return bool(getattr(field, "default_factory_takes_validated_data", False))


def _is_exact(annotation: Any, *, checked: bool = False) -> bool:
    """Whether storage gives back exactly what validation would, at every depth.

    `checked` values need not fulfil once more what they had to when they were stored.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        harmless = all(isinstance(n, VectorType) or (checked and _only_checks(n)) for n in args[1:])
        return harmless and _is_exact(args[0], checked=checked)
    if origin in (Union, types.UnionType) or origin in _EXACT_ORIGINS:
        return all(_is_exact(a, checked=checked) for a in args if a is not Ellipsis)
    if origin is Literal and checked:
        return all(type(value) in (str, int, bool) for value in args)
    # Literal values and classes with parameters of their own are checked by Pydantic
    return origin is None and not hasattr(annotation, "__supertype__")


def _only_checks(note: Any) -> bool:
    """Whether a note of an annotation is a bound, which changes no value."""
    return type(note).__module__.partition(".")[0] == "annotated_types"
