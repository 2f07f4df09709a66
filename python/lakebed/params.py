"""`param()`: what whoever starts a script tells it."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from lakebed.exceptions import ArgumentTypeError, DataChainParamsError

__all__ = ["given", "param"]

_VARIABLE = "LAKEBED_QUERY_PARAMS"
_OPTION = "--param"


def param(key: str, default: Any = None) -> Any:
    """The parameter of this name that the script was started with, else the default.

    `python script.py --param rate=0.1` gives one, as text, and so does the environment
    variable `LAKEBED_QUERY_PARAMS`, a JSON object: `{"rate": 0.1}`. The command line wins.
    What was asked for and its value are recorded with all that the run saves.

    Args:
        key: Its name.
        default: The value when it was not given.

    Raises:
        ArgumentTypeError: The name is no text.
        DataChainParamsError: The variable is no JSON object, or an argument has no `=`.

    Examples:
        >>> import lakebed as dc
        >>> dc.param("rate", 0.1)
        0.1
    """
    from lakebed.session import note

    if not isinstance(key, str):
        msg = f"Param key must be a string, not `{key!r}`"
        raise ArgumentTypeError(msg)
    value = given().get(key, default)
    note("params", key, value)
    return value


def given() -> dict[str, Any]:
    """All parameters that the script was started with."""
    return _of_environment() | _of_arguments(sys.argv[1:])


def _of_environment() -> dict[str, Any]:
    text = os.environ.get(_VARIABLE)
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        msg = f"{_VARIABLE} is a JSON object, not `{text}`: {error}"
        raise DataChainParamsError(msg) from error
    if not isinstance(found, dict):
        msg = f"{_VARIABLE} is a JSON object, not `{text}`"
        raise DataChainParamsError(msg)
    return found


def _of_arguments(arguments: list[str]) -> dict[str, Any]:
    found = {}
    words = iter(arguments)
    for word in words:
        if word == _OPTION:
            pair = next(words, "")
        elif word.startswith(f"{_OPTION}="):
            pair = word.removeprefix(f"{_OPTION}=")
        else:
            continue
        name, is_pair, value = pair.partition("=")
        if not is_pair or not name:
            msg = f"{_OPTION} takes `name=value`, not `{pair}`"
            raise DataChainParamsError(msg)
        found[name] = value
    return found
