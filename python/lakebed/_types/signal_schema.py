"""The columns of a Parquet file as the peer writes them into its footer, and back.

A JSON object of names and types; models are `Name@v1`, and `_custom_types` says what they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lakebed._types.annotation import Spec, spec_of
from lakebed._types.resolve import rebuilt_spec, resolve_spec, type_of
from lakebed._types.type_text import parse_type, type_text
from lakebed.exceptions import SignalSchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = "DataChain SignalSchema"
"""Its key in the metadata of a file."""

_MODELS = "_custom_types"


def signal_text(columns: Iterable[tuple[str, Spec]]) -> str:
    """What stands in the footer."""
    signals: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for name, spec in columns:
        signals[name] = type_text(type_of(spec))
        _add_models(spec, models)
    return json.dumps(signals | ({_MODELS: models} if models else {}), ensure_ascii=False)


def signal_specs(text: str) -> list[tuple[str, Spec]] | None:
    """The columns that a footer tells of; None if it names types that are unknown here."""
    try:
        signals = json.loads(text)
        models = signals.pop(_MODELS, {})
        types = {name: parse_type(kind, _Found(models)) for name, kind in signals.items()}
        if None in types.values():
            return None
        return [(name, resolve_spec(spec_of(kind, name))) for name, kind in types.items()]
    except (ValueError, TypeError, AttributeError, KeyError, SignalSchemaError):
        return None


def _add_models(spec: Spec, models: dict[str, Any]) -> None:
    for part in ("item", "key", "value"):
        if isinstance(spec.get(part), dict):
            _add_models(spec[part], models)
    if spec["kind"] != "model" or spec["name"] in models:
        return
    models[spec["name"]] = {
        "schema_version": 2,
        "name": spec["name"],
        "fields": {name: type_text(type_of(field)) for name, field in spec["fields"]},
        "bases": _bases(spec["cls"]),
        "hidden_fields": list(spec["hidden"]),
    }
    for _, field in spec["fields"]:
        _add_models(field, models)


def _bases(cls: type) -> list[tuple[str, str, str | None]]:
    from lakebed.models import DataModel, ModelStore

    def stored(base: type) -> str | None:
        return ModelStore.get_name(base) if issubclass(base, DataModel) else None

    return [(base.__name__, base.__module__, stored(base)) for base in cls.__mro__]


class _Found:
    """The class of a model's name: the one that is known here, or one made of its fields."""

    def __init__(self, models: dict[str, Any]) -> None:
        self.models = models

    def __call__(self, name: str) -> Any:
        from lakebed._types.resolve import _candidates

        known = next(iter(_candidates(name)), None)
        told = self.models.get(name)
        if known is not None or told is None:
            return known
        fields = told["fields"] if told.get("schema_version") else told
        columns = []
        for field, kind in fields.items():
            annotation = parse_type(kind, self)
            if annotation is None:
                raise LookupError(kind)
            columns.append((field, spec_of(annotation, field)))
        return rebuilt_spec(name, columns, told.get("hidden_fields") or ())["cls"]
