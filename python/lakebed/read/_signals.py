"""Types of columns that DataChain wrote into the notes of Parquet files."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from lakebed._types.resolve import rebuilt_spec, type_of
from lakebed._types.signal_schema import KEY
from lakebed._types.type_text import parse_type
from lakebed.exceptions import SignalSchemaError
from lakebed.models import ModelStore

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_FIELDS = "_custom_types"


def stored_signals(notes: Mapping[str, str]) -> dict[str, Any] | None:
    """Types by name, if the files say which.

    Raises:
        SignalSchemaError: What they say cannot be understood.
    """
    if KEY not in notes:
        return None
    try:
        stored = json.loads(notes[KEY])
    except ValueError as error:
        msg = f"`{KEY}` in the Parquet files is no JSON: {error}"
        raise SignalSchemaError(msg) from error
    models = stored.pop(_NO_FIELDS, {})
    return {name: _type(text, models, f"column `{name}`") for name, text in stored.items()}


def _type(text: str, models: Mapping[str, Any], where: str) -> Any:
    found = parse_type(text, partial(_model, models=models))
    if found is None:
        msg = f"{where} was written with the unknown type `{text}`; hint: source files, output="
        raise SignalSchemaError(msg)
    return found


def _model(name: str, models: Mapping[str, Any]) -> Any:
    """The class of a stored name; one that is made where there is none with these fields."""
    import lakebed.file  # noqa: F401  registers its models

    told = models.get(name)
    known = ModelStore.get(*ModelStore.parse_name_version(name))
    if told is None:
        return known
    fields = told.get("fields", {}) if "schema_version" in told else told
    if known is not None and set(known.model_fields) == set(fields):
        return known
    from lakebed._schema import spec_of

    typed = [
        (field, spec_of(_type(text, models, f"field `{name}.{field}`")))
        for field, text in fields.items()
    ]
    hidden = told.get("hidden_fields") or () if "schema_version" in told else ()
    return type_of(rebuilt_spec(name, typed, hidden))
