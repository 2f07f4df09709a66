"""How to reach buckets, as users give it: under the names of s3fs, gcsfs and adlfs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lakebed.exceptions import DataChainParamsError

_NESTED = ("client_kwargs", "config_kwargs")
"""What s3fs hands on to boto: the same options, one level down."""


def options_of(
    client_config: Mapping[str, Any] | None, *, anon: bool | None = None
) -> dict[str, str]:
    """Options by name, as text; None leaves an option out.

    Args:
        client_config: The options.
        anon: One more of them, which wins.

    Raises:
        DataChainParamsError: It is no mapping, or an option has a value that is no text,
            number, boolean or mapping. The value is not shown: it may be a secret.
    """
    if anon is not None:
        return options_of(client_config) | {"anon": _text("anon", bool(anon))}
    if client_config is None:
        return {}
    if not isinstance(client_config, Mapping):
        msg = f"client_config is a dict of options, not `{type(client_config).__name__}`"
        raise DataChainParamsError(msg)
    options: dict[str, str] = {}
    for name, value in client_config.items():
        if value is None:
            continue
        if name in _NESTED:
            options |= options_of(value)
        else:
            options[str(name)] = _text(name, value)
    return options


def _text(name: str, value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case Mapping():
            return json.dumps(dict(value))
    kind = type(value).__name__
    msg = f"client_config: `{name}` is text, a number, a boolean or a dict, not `{kind}`"
    raise DataChainParamsError(msg)
