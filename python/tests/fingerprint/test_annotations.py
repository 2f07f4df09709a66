"""Annotations count by what they give, however and whenever Python makes them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from lakebed._fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

LAZY = pytest.mark.skipif(sys.version_info < (3, 14), reason="a name has to be there before")

ABSTRACT = """
import abc, typing

def check(value):
    return value * {times}

Known = {known}

class f(abc.ABC):
    size: {size} = 1
    note: typing.Annotated[str, check]
    known: Known
"""

WRAPPER = """
import functools

class Tool:
    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __call__(self, x):
        return self.__wrapped__(x)

class Box:
    times = 2

    @Tool
    def by(x: {type}) -> list["Box"]:
        return x

f = Box.by
"""

TOLD = """
def tool(x: {type}) -> list["Box"]:
    return x

f = [tool]
"""


def abstract(**changed: Any) -> str:
    return ABSTRACT.format(**{"times": 2, "known": "int", "size": "int", **changed})


CHANGES = {
    "type": (abstract(), abstract(size="str")),
    "function": (abstract(), abstract(times=3)),
    "what a name stands for": (abstract(), abstract(known="str")),
    "type that a wrapped function takes": (WRAPPER.format(type="int"), WRAPPER.format(type="str")),
    "type that a function tells": (TOLD.format(type="int"), TOLD.format(type="str")),
}

NOT_THERE = {
    "of a class": ("class f:\n  a: {}", "Missing", "Other"),
    "item": ("class f:\n  a: list[{}]", "Missing", "Other"),
    "with others around": ("class f:\n  a: {} | None\n  b: int", "Missing", "missing.Missing"),
    "of a function that is handed on": ("def g(x: list[{}]): pass\nf = [g]", "Missing", "Other"),
    "together with a function": (
        "import typing\nclass f:\n  a: typing.Annotated[Missing, lambda x: x * {}]",
        "2",
        "3",
    ),
    "bound of a type variable": ("class f[T: {}]:\n  a: T", "Missing", "Other"),
}


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES)
def test_changed_by(digest: Callable[[str], str], before: str, after: str) -> None:
    assert digest(before) == digest(before)
    assert digest(before) != digest(after)


def test_to_ask_is_no_change(made: Callable[..., Any]) -> None:
    asked = made(abstract())
    assert asked.__annotations__
    assert fingerprint(asked) == fingerprint(made(abstract())) == fingerprint(asked)


def test_what_a_program_annotates_counts(made: Callable[..., Any]) -> None:
    changed = made(abstract())
    changed.__annotations__["size"] = str
    assert fingerprint(changed) != fingerprint(made(abstract()))


@LAZY
def test_to_ask_a_class_that_has_none_is_no_change(made: Callable[..., Any]) -> None:
    asked = made("class f:\n  pass")
    assert asked.__annotations__ == {}
    assert fingerprint(asked) == fingerprint(made("class f:\n  pass"))


@LAZY
@pytest.mark.parametrize(("source", "before", "after"), NOT_THERE.values(), ids=NOT_THERE)
def test_names_that_are_not_there(
    digest: Callable[[str], str], source: str, before: str, after: str
) -> None:
    first = digest(source.format(before))
    assert digest(source.format(before)) == first
    assert digest(source.format(after)) != first


@LAZY
@pytest.mark.parametrize("source", ["class f:\n  a: Later", "def g(x: Later): pass\nf = [g]"])
def test_names_that_are_there_later(made: Callable[..., Any], source: str) -> None:
    early, late = made(source), made(source, Later=int)
    assert fingerprint(early) != fingerprint(late)
    assert fingerprint(late) == fingerprint(made(source.replace("Later", "int")))


@LAZY
def test_annotations_that_nobody_can_make(digest: Callable[[str], str]) -> None:
    assert digest("class f:\n  a: int\n  b: 'text'.missing")
