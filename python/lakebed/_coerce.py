"""Arguments of verbs as what the engine takes, or a clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from lakebed.exceptions import DataChainParamsError, SignalResolvingTypeError
from lakebed.expr import Column, Expr

if TYPE_CHECKING:
    from lakebed._verbs.base import Base

_MOST_ROWS = 2**63 - 1
_SEEDS = 2**64

Some = TypeVar("Some", bound="Base")


def whole(name: str, given: object) -> int:
    """A number of rows."""
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= _MOST_ROWS:
        msg = f"{name} is a number of rows from 0 to {_MOST_ROWS}, not `{given!r}`"
        raise DataChainParamsError(msg)
    return given


def version_number(version: str | int | None) -> str | None:
    """The number of a version to save; 2 is 2.0.0."""
    if isinstance(version, bool) or not isinstance(version, (str, int, type(None))):
        msg = f"version takes a text like `1.2.0` or a whole number, not `{version!r}`"
        raise DataChainParamsError(msg)
    return f"{version}.0.0" if isinstance(version, int) else version


def key_expr(key: object, verb: str) -> Expr:
    """What to sort or group by."""
    if isinstance(key, str):
        return Column(key)
    if isinstance(key, Expr):
        return key
    msg = f"{verb} takes names and expressions, not `{key!r}`"
    raise SignalResolvingTypeError(msg)


def chain_beside(given: Any, chain: Some, verb: str) -> Some:
    """The chain that a verb puts beside this one."""
    if not isinstance(given, type(chain)):
        msg = f"{verb} takes another chain, not `{given!r}`"
        raise SignalResolvingTypeError(msg)
    return given


def seed_number(seed: int | None) -> int | None:
    """A seed as the engine takes it: any whole number is one."""
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        msg = f"seed is a whole number or None, not `{seed!r}`"
        raise DataChainParamsError(msg)
    return None if seed is None else seed % _SEEDS
