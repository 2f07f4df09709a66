"""`maker_of`: what makes objects of stored fields where the user's code has a say.

Stored fields are those of an object after all of its code ran, so they are not validated
and code does not change them again. But what objects keep besides, in private attributes,
is not stored: the code that sets those runs.
"""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from lakebed._types.model_spec import overrides

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel


def maker_of(cls: type[BaseModel]) -> Callable[..., BaseModel]:
    """What makes an object from its fields, given by their names."""
    validators = cls.__pydantic_decorators__.model_validators.values()
    if overrides(cls, "__init__"):
        return partial(_made, cls, partial(_initialised, cls, _arguments(cls)))
    if any(validator.info.mode != "before" for validator in validators):
        return partial(_made, cls, partial(_validated, cls))
    if overrides(cls, "model_post_init"):
        return partial(_made, cls, partial(_constructed, cls))
    return partial(_constructed, cls)


def _made(cls: type[BaseModel], make: Callable[..., BaseModel], **fields: Any) -> BaseModel:
    """An object that code of the user's made, with the fields as they were before."""
    before = copy.deepcopy(fields)
    try:
        made = make(**fields)
    except Exception:
        # without declared private attributes nothing is known to be missing
        if cls.__private_attributes__:
            raise
        made = _constructed(cls, **before)
    own = vars(made)
    own.update({name: old for name, old in before.items() if not _is_same(own.get(name), old)})
    return made


def _initialised(cls: type[BaseModel], names: dict[str, str], **fields: Any) -> BaseModel:
    return cls(**{names[name]: value for name, value in fields.items()})


def _validated(cls: type[BaseModel], **fields: Any) -> BaseModel:
    # WHY: of an object, validation looks at no field; it runs what looks at whole objects
    return cls.model_validate(_constructed(cls, **fields))


def _constructed(cls: type[BaseModel], **fields: Any) -> BaseModel:
    made = cls.model_construct(**fields)
    # WHY: it takes names for aliases where one field is called as another's alias
    vars(made).update(fields)
    return made


def _arguments(cls: type[BaseModel]) -> dict[str, str]:
    """By which name `__init__` takes each field."""
    config = cls.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    aliases = {name: field.validation_alias for name, field in cls.model_fields.items()}
    return {
        name: alias if isinstance(alias, str) and not by_name else name
        for name, alias in aliases.items()
    }


def _is_same(new: Any, old: Any) -> bool:
    try:
        return type(new) is type(old) and bool(new == old)
    except Exception:  # noqa: BLE001  comparisons may be the user's
        return False
