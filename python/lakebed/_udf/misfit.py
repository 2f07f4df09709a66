"""What is said of a result that is not what its function declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lakebed._schema import resolve_spec, type_of, type_text
from lakebed.exceptions import JsonSerializationError, UdfError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed._schema import Spec

_CODE = "udf.function_failed"
_SHOWN = 80


def wrong_value(function: Mapping[str, Any], at: int, value: Any, reason: str) -> UdfError:
    """The error for a value that its column cannot hold.

    Args:
        function: The function, as `_native.Function` takes it.
        at: Which of its outputs.
        value: What was returned for it.
        reason: Why it does not fit; it may be about a part of the value.
    """
    name, spec = function["gives"][at]
    where = f"invalid value for output `{name}` of `{function['name']}`"
    unwritten = _unwritten(name, value) if spec["kind"] == "json" else None
    if unwritten is not None:
        msg = f"{where}. Expected JSON-serializable {_declared(spec)}. {unwritten.message}"
        error = UdfError(msg, code=_CODE)
        error.__cause__ = unwritten
        return error
    kind = type(value).__qualname__
    whole = reason.startswith("expected ") and reason.endswith(f"got {kind} `{_shown(value)}`")
    more = "" if whole else f": {reason}"
    msg = f"{where}. Expected {_declared(spec)}, got {_shown(value)} (type: {kind}){more}"
    return UdfError(msg, code=_CODE)


def wrong_number(function: Mapping[str, Any], result: Any, values: int | None) -> UdfError:
    """The error for a result that has not one value for each output.

    Args:
        function: The function, as `_native.Function` takes it.
        result: What was returned.
        values: How many values that is; None for a single one.
    """
    label, gives = function["name"], function["gives"]
    what = "columns" if function["mode"] == "batch" else "values"
    if values:
        names = ", ".join(f"`{name}`" for name, _ in gives)
        msg = (
            f"`{label}` returned {values} {what}, but {len(gives)} are declared in output: {names}"
        )
        return UdfError(msg, code=_CODE)
    count = 1 if values is None else values
    names = " and ".join(f"`{name}`" for name, _ in gives)
    types = " and ".join(_declared(spec) for _, spec in gives)
    msg = (
        f"invalid value for outputs {names} of `{label}`. Expected {types}, got {_shown(result)} "
        f"(type: {type(result).__qualname__}). Note: UDF call returned {count} value"
        f"{'' if count == 1 else 's'} while {len(gives)} are expected per output definition"
    )
    if function["mode"] == "rows":
        msg += "; hint: functions of gen and agg usually use yield, and return an `Iterator`"
    return UdfError(msg, code=_CODE)


def no_rows(label: str, result: Any) -> UdfError:
    """The error for what a function of any number of results returned instead of them."""
    msg = (
        f"`{label}` must yield its results or return a list, not `{_shown(result)}` "
        f"(type: {type(result).__qualname__})"
    )
    return UdfError(msg, code=_CODE)


def no_column(label: str, name: str) -> UdfError:
    """The error for a table that a function returned without one of its outputs."""
    return UdfError(f"the result of `{label}` has no column `{name}`", code=_CODE)


def _unwritten(name: str, value: Any) -> JsonSerializationError | None:
    """The error that the value raises as JSON text, if it does."""
    try:
        json.dumps(value)
    except (TypeError, ValueError) as problem:
        error = JsonSerializationError(
            f"JSON serialization error: {problem}", name, _shown(value), code=_CODE
        )
        error.__cause__ = problem
        return error
    return None


def _declared(spec: Spec) -> str:
    return type_text(type_of(resolve_spec(spec)))


def _shown(value: Any) -> str:
    return repr(value)[:_SHOWN]
