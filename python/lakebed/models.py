"""`DataModel` and `ModelStore`: which Python class a stored model name stands for.

A stored type has a name and a version, `Info@v1`. A `DataModel` registers itself under
its class name and `_version`; a plain Pydantic model is registered on first use under
its bare name. This module knows names only; what a model's fields mean for storage is
in `_types/annotation.py`, and how stored data meets a class in `_types/resolve.py`.
"""

from __future__ import annotations

import contextlib
import re
from contextvars import ContextVar
from datetime import datetime
from inspect import isclass
from types import GenericAlias, UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DataType = (
    type[BaseModel]
    | type[int | str | float | bool | bytes | datetime]
    | type[list[Any]]
    | type[dict[Any, Any]]
)
"""The types that columns may have, for annotations; `is_chain_type` tells more exactly."""

_rebuilding: ContextVar[bool] = ContextVar("_rebuilding", default=False)

_PARTIAL = re.compile(r"Partial_[0-9a-f]{10}(_v\d+)?$")


def is_chain_type(annotation: Any) -> bool:
    """Whether columns may have this type.

    Examples:
        >>> is_chain_type(list[int]), is_chain_type(object)
        (True, False)
    """
    from lakebed._schema import spec_of
    from lakebed.exceptions import SignalSchemaError

    try:
        spec_of(annotation, "the type")
    except SignalSchemaError:
        return False
    return True


class ModelStore:
    """The registry of model classes by stored name, newest definition last."""

    store: ClassVar[dict[str, dict[int, list[type[BaseModel]]]]] = {}

    @classmethod
    def register(cls, model: type[Any]) -> None:
        """Register a model class and the models in its fields.

        A class with the same module and qualified name replaces its older definition
        (a re-run notebook cell); an unrelated class of the same name only goes first.
        """
        if not cls.is_pydantic(model):
            return
        known = cls.store.setdefault(model.__name__, {})
        classes = known.setdefault(cls.get_version(model), [])
        if classes and classes[-1] is model:
            return
        home = (model.__module__, model.__qualname__)
        kept = [c for c in classes if (c.__module__, c.__qualname__) != home]
        known[cls.get_version(model)] = [*kept, model]
        for field in model.model_fields.values():
            for inner in _models_in(field.annotation):
                cls.register(inner)

    @classmethod
    def get(cls, name: str, version: int | None = None) -> type[BaseModel] | None:
        """The newest class of this name, of the highest version unless one is given."""
        versions = cls.store.get(name)
        if not versions:
            return None
        classes = versions.get(max(versions) if version is None else version)
        return classes[-1] if classes else None

    @classmethod
    def candidates(cls, fullname: str) -> list[type[BaseModel]]:
        """All classes registered under a stored name, newest first."""
        name, version = cls.parse_name_version(fullname)
        return list(reversed(cls.store.get(name, {}).get(version, [])))

    @classmethod
    def remove(cls, model: type[BaseModel]) -> None:
        """Forget every class registered under this model's name and version."""
        versions = cls.store.get(model.__name__, {})
        versions.pop(cls.get_version(model), None)
        if not versions:
            cls.store.pop(model.__name__, None)

    @classmethod
    def get_name(cls, model: type[BaseModel]) -> str:
        """The stored name: `Info@v1`, or `Info` for a plain Pydantic model."""
        version = cls.get_version(model)
        return f"{model.__name__}@v{version}" if version > 0 else model.__name__

    @classmethod
    def get_version(cls, model: type[BaseModel]) -> int:
        """The model's `_version`; 0 for a plain Pydantic model."""
        version = getattr(model, "_version", 0)
        return version if isinstance(version, int) else 0

    @classmethod
    def parse_name_version(cls, fullname: str) -> tuple[str, int]:
        """Split a stored name.

        Examples:
            >>> ModelStore.parse_name_version("File@v1")
            ('File', 1)
        """
        name, _, version = fullname.partition("@")
        digits = version.strip().removeprefix("v")
        return name, int(digits) if digits.isdigit() else 0

    @classmethod
    def is_partial(cls, model: type[BaseModel]) -> bool:
        """Whether the class is of a model of which only some fields are left."""
        return _PARTIAL.search(model.__name__) is not None

    @classmethod
    def rebuild_all(cls) -> None:
        """Let every registered class look up again what its annotations name."""
        for versions in cls.store.values():
            for classes in versions.values():
                for model in classes:
                    model.model_rebuild(force=True, raise_errors=False)

    @staticmethod
    def is_pydantic(value: object) -> bool:
        """Whether `value` is a Pydantic model class."""
        plain = isclass(value) and not isinstance(value, GenericAlias)
        return plain and issubclass(value, BaseModel)  # type: ignore[arg-type]

    @classmethod
    def to_pydantic(cls, value: object) -> type[BaseModel] | None:
        """`value` if it is a Pydantic model class, else None."""
        return value if cls.is_pydantic(value) else None  # type: ignore[return-value]

    @staticmethod
    @contextlib.contextmanager
    def rebuilding() -> Iterator[None]:
        """Within this block new `DataModel` classes are taken as they are.

        For classes rebuilt from stored types: they must not be registered, or they
        would stand in the way of the user's own class.
        """
        token = _rebuilding.set(True)
        try:
            yield
        finally:
            _rebuilding.reset(token)


class DataModel(BaseModel):
    """A Pydantic model that lakebed knows by name and version.

    Raise `_version` when the meaning of the fields changes. Fields listed in
    `_hidden_fields` are stored, but left out of `show()`.

    Examples:
        >>> class Info(DataModel):
        ...     width: int
        ...     note: str = None  # promoted to Optional[str]
        >>> ModelStore.get_name(Info)
        'Info@v1'
    """

    # WHY: so that a field of an unsupported type is reported by us, with the model,
    # the field and what is accepted, when the model is first used as a column.
    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    _version: ClassVar[int] = 1
    _hidden_fields: ClassVar[list[str]] = []

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Register the new class, after `x: int = None` became Optional."""
        super().__pydantic_init_subclass__(**kwargs)
        if not _rebuilding.get():
            _promote_none_defaults(cls)
            ModelStore.register(cls)

    @staticmethod
    def register(models: type[Any] | Sequence[type[Any]]) -> None:
        """Register one class or several that do not inherit from `DataModel`."""
        for model in [models] if isclass(models) else models:
            ModelStore.register(model)

    @classmethod
    def hidden_fields(cls) -> list[str]:
        """Names of the fields that `show()` leaves out."""
        return list(cls._hidden_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model class named anywhere in an annotation."""
    if ModelStore.is_pydantic(annotation):
        yield annotation
    elif get_origin(annotation) is not None:
        for part in get_args(annotation):
            yield from _models_in(part)


def _promote_none_defaults(model: type[BaseModel]) -> None:
    """Make the annotation Optional wherever the default is None."""
    promoted = False
    for field in model.model_fields.values():
        if field.default is None and not _accepts_none(field.annotation):
            field.annotation = Union[field.annotation, None]  # type: ignore[assignment]  # noqa: UP007
            promoted = True
    if promoted:
        model.model_rebuild(force=True)


def _accepts_none(annotation: Any) -> bool:
    if annotation is None or annotation is type(None) or annotation is Any:
        return True
    union = get_origin(annotation) in (Union, UnionType)
    return union and type(None) in get_args(annotation)
