"""Every function shows in an example what it does; the examples are run with the docstrings."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from lakebed import func

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def functions() -> Iterator[tuple[str, Callable[..., object]]]:
    homes = [func, *(m for m in vars(func).values() if inspect.ismodule(m))]
    for home in homes:
        for name in getattr(home, "__all__", ()):
            if inspect.isfunction(getattr(home, name)):
                yield f"{home.__name__}.{name}", getattr(home, name)


@pytest.mark.parametrize(("name", "function"), list(functions()))
def test_a_function_has_an_example(name: str, function: Callable[..., object]) -> None:
    assert ">>>" in (inspect.getdoc(function) or ""), name
