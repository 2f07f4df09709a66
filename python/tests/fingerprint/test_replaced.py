"""Functions and classes that a program puts into packages count as its own code."""

from __future__ import annotations

import functools
import json
import unittest.mock
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

USES = {
    "attributes": "import numpy\ndef f(x):\n  return numpy.linalg.norm(x)",
    "module": "import numpy.linalg as la\ndef f(x):\n  return la.norm(x)",
    "inside": "def f(x):\n  import numpy\n  return numpy.linalg.norm(x)",
    "from inside": "def f(x):\n  from numpy.linalg import norm\n  return norm(x)",
    "method": "import json\ndef f(x):\n  return json.JSONEncoder().encode(x)",
    "method inside": "def f(x):\n  import json\n  return json.JSONEncoder().encode(x)",
    "object": "import json\nE = json.JSONEncoder()\ndef f(x):\n  return E.encode(x)",
}

NORM = {"attributes", "module", "inside", "from inside"}
ENCODE = {"method", "method inside", "object"}


def one(*_: Any) -> int:
    return 1


def two(*_: Any) -> int:
    return 2


class Caller:
    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, *_: Any) -> int:
        return self.number


class Encoder(json.JSONEncoder):
    pass


def wrapped(norm: Any, by: int) -> Any:
    @functools.wraps(norm)
    def around(*args: Any) -> Any:
        return norm(*args) * by

    return around


NORMS = {
    "function": (one, two),
    "lambda": (lambda _: 1, lambda _: 2),
    "wrapper": (wrapped(np.linalg.norm, 1), wrapped(np.linalg.norm, 2)),
    "partial": (functools.partial(one, 1), functools.partial(one, 2)),
    "cached": (functools.lru_cache(one), functools.lru_cache(two)),
    "object": (Caller(1), Caller(2)),
    "mock": (unittest.mock.Mock(return_value=1), unittest.mock.Mock(return_value=2)),
}


@pytest.fixture
def digests(digest: Callable[[str], str]) -> Callable[[], dict[str, str]]:
    return lambda: {name: digest(source) for name, source in USES.items()}


def differing(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("kind", NORMS)
def test_function(
    digests: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    before = digests()
    first, second = NORMS[kind]
    monkeypatch.setattr(np.linalg, "norm", first)
    found = digests()
    assert differing(before, found) == NORM
    assert digests() == found
    monkeypatch.setattr(np.linalg, "norm", second)
    assert differing(found, digests()) == NORM
    monkeypatch.undo()
    assert digests() == before


@pytest.mark.parametrize("around", [lambda f: f, staticmethod, functools.lru_cache, property])
def test_method(
    digests: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch, around: Any
) -> None:
    before = digests()
    monkeypatch.setattr(json.JSONEncoder, "encode", around(one))
    found = digests()
    assert differing(before, found) == ENCODE
    monkeypatch.setattr(json.JSONEncoder, "encode", around(two))
    assert differing(found, digests()) == ENCODE
    monkeypatch.undo()
    assert digests() == before


def test_class(digests: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    monkeypatch.setattr(json, "JSONEncoder", Encoder)
    found = digests()
    assert differing(before, found) == ENCODE
    monkeypatch.setattr(Encoder, "item_separator", ";")
    assert differing(found, digests()) == ENCODE


def test_function_of_another_package(
    digests: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests()
    monkeypatch.setattr(np.linalg, "norm", json.dumps)
    assert differing(before, digests()) >= {"attributes", "module"}
    monkeypatch.undo()
    assert digests() == before
