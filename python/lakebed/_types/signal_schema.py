"""The columns of a Parquet file as the peer writes them into its footer.

A JSON object of names and types; models are `Name@v1`, and `_custom_types` says what they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lakebed._types.resolve import type_of
from lakebed._types.type_text import type_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakebed._types.annotation import Spec

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
