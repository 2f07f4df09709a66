"""Functions of a project, made from text."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from lakebed._fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable


def _made(source: str, **known: Any) -> Any:
    scope: dict[str, Any] = {"__name__": "__main__", **known}
    exec(compile(dedent(source), "<string>", "exec", dont_inherit=True), scope)  # noqa: S102
    return scope["f"]


@pytest.fixture
def made() -> Callable[..., Any]:
    """What a script calls `f`."""
    return _made


@pytest.fixture
def digest() -> Callable[[str], str]:
    """The digest of what a script calls `f`."""
    return lambda source: fingerprint(_made(source))
