"""Rows whose function failed, as a chain of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._progress import progress

if TYPE_CHECKING:
    from lakebed._native import Chain, Session

_COLUMNS = {
    "stage": ("stage", "str"),
    "row": ("row", "int"),
    "arguments": ("arguments", "str"),
    "error": ("kind", "str"),
    "message": ("message", "str"),
    "traceback": ("traceback", "str"),
    "attempts": ("attempts", "int"),
}
"""Columns: what the engine calls each, and its kind."""


def failed_rows(native: Chain, session: Session, silent: frozenset[str]) -> Chain:
    """Run a chain and keep only what failed in it, but for the `silent` functions."""
    with progress() as report:
        found = native.failures(report)
    # the engine says `map encode`
    named = [failure | {"stage": failure["stage"].partition(" ")[2]} for failure in found]
    failures = [failure for failure in named if failure["stage"] not in silent]
    return session.read_values([_column(name, failures) for name in _COLUMNS])


def _column(name: str, failures: list[dict[str, Any]]) -> tuple[str, dict[str, Any], list[Any]]:
    key, kind = _COLUMNS[name]
    return name, {"kind": kind, "nullable": True}, [failure[key] for failure in failures]
