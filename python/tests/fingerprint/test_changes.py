"""What changes the digest of a function, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

CLASS = """
class Base:
    def scale(self, x):
        return x * {base}

class Encoder(Base):
    size = {attribute}

    def __init__(self, by):
        self.by = by

    @property
    def twice(self):
        return self.by * {prop}

    def __call__(self, x):
        return self.scale(x) * self.twice

f = Encoder({argument})
"""


def encoder(**changed: Any) -> str:
    return CLASS.format(**{"base": 2, "attribute": 3, "prop": 4, "argument": 5, **changed})


MODEL = """
import pydantic, typing

def strip(text):
    return text.{strip}()

class Info(pydantic.BaseModel):
    note: typing.Annotated[str, pydantic.BeforeValidator(strip)] = {default}
    size: {size} = 1

    @pydantic.field_validator({validated})
    @classmethod
    def check(cls, value):
        return value

    def area(self):
        return self.size * {method}

def f(x):
    return Info(note=x).area()
"""


def model(**changed: Any) -> str:
    known = {"strip": "strip", "default": "''", "size": "int", "validated": "'note'", "method": 2}
    return MODEL.format(**{**known, **changed})


DISPATCHED = """
import functools

@functools.singledispatch
def f(x):
    return x

@f.register(int)
def _(x):
    return {}
"""

CHANGES = {
    "body of a lambda": ("f = lambda x: x.lower()", "f = lambda x: x.upper()"),
    "constant of a lambda": ("f = lambda x: x + 1.5", "f = lambda x: x + 2.5"),
    "type of a constant": ("f = lambda x: x + 1", "f = lambda x: x + 1.0"),
    "sign of zero": ("f = lambda x: x * 0.0", "f = lambda x: x * -0.0"),
    "constant": ("def f(x):\n  return x + 1", "def f(x):\n  return x + 2"),
    "operator": ("def f(x):\n  return x + 1", "def f(x):\n  return x - 1"),
    "name of an argument": ("def f(x):\n  return g(a=x)", "def f(x):\n  return g(b=x)"),
    "order of a dict": (
        "D = {'a': 1, 2: 'b'}\ndef f(x):\n  return D[x]",
        "D = {2: 'b', 'a': 1}\ndef f(x):\n  return D[x]",
    ),
    "order of operands": ("def f(x, y):\n  return x - y", "def f(x, y):\n  return y - x"),
    "comparison": ("def f(x):\n  return x < 1", "def f(x):\n  return x <= 1"),
    "attribute": ("def f(x):\n  return x.a", "def f(x):\n  return x.b"),
    "names of parameters": ("def f(a, b):\n  return a", "def f(b, a):\n  return b"),
    "default": ("def f(x, k=1):\n  return x + k", "def f(x, k=2):\n  return x + k"),
    "keyword default": ("def f(x, *, k=1):\n  return k", "def f(x, *, k=2):\n  return k"),
    "global constant": ("K = 1\ndef f(x):\n  return K", "K = 2\ndef f(x):\n  return K"),
    "global of an inner function": (
        "K = 1\ndef f(x):\n  return [K for _ in x]",
        "K = 2\ndef f(x):\n  return [K for _ in x]",
    ),
    "local names that are looked at": (
        "def f(x):\n  a = 1\n  return locals()",
        "def f(x):\n  b = 1\n  return locals()",
    ),
    "helper": (
        "def g(x):\n  return x\ndef f(x):\n  return g(x)",
        "def g(x):\n  return -x\ndef f(x):\n  return g(x)",
    ),
    "one of two that call each other": (
        "def g(x):\n  return f(x)\ndef f(x):\n  return g(x)",
        "def g(x):\n  return f(x + 1)\ndef f(x):\n  return g(x)",
    ),
    "closure value": (
        "def outer(k):\n  return lambda x: x * k\nf = outer(2)",
        "def outer(k):\n  return lambda x: x * k\nf = outer(3)",
    ),
    "reach of a try": (
        "def f(x):\n  try:\n    a(x)\n    b(x)\n  except E:\n    pass",
        "def f(x):\n  try:\n    a(x)\n  except E:\n    pass\n  else:\n    b(x)",
    ),
    "async": ("def f(x):\n  return x", "async def f(x):\n  return x"),
    "generator": ("def f(x):\n  return [x]", "def f(x):\n  yield x"),
    "argument of partial": (
        "import functools\nf = functools.partial(pow, 2)",
        "import functools\nf = functools.partial(pow, 3)",
    ),
    "which argument of partials": (
        "import functools as t\nf = t.partial(max, t.partial(max, 1), 2)",
        "import functools as t\nf = t.partial(max, t.partial(max, 1, 2))",
    ),
    "cached function": (
        "import functools\n@functools.lru_cache\ndef f(x):\n  return x",
        "import functools\n@functools.lru_cache\ndef f(x):\n  return -x",
    ),
    "decorated function": (
        "import contextlib\n@contextlib.contextmanager\ndef f(x):\n  yield x",
        "import contextlib\n@contextlib.contextmanager\ndef f(x):\n  yield -x",
    ),
    "function that calls itself another": (
        "import functools, numpy\n@functools.wraps(numpy.sum)\ndef f(x):\n  return x",
        "import functools, numpy\n@functools.wraps(numpy.sum)\ndef f(x):\n  return -x",
    ),
    "registered function": (
        DISPATCHED.format(1),
        DISPATCHED.format(2),
    ),
    "function inside an object of a package": (
        "import numpy\nf = numpy.vectorize(lambda x: x + 1)",
        "import numpy\nf = numpy.vectorize(lambda x: x + 2)",
    ),
    "which function of a package": (
        "import numpy as np\ndef f(x):\n  return np.sin(x)",
        "import numpy as np\ndef f(x):\n  return np.cos(x)",
    ),
    "what a name stands for": (
        "from numpy import sin as g\ndef f(x):\n  return g(x)",
        "from numpy import cos as g\ndef f(x):\n  return g(x)",
    ),
    "pattern": (
        "import re\nP = re.compile('a')\ndef f(x):\n  return P.match(x)",
        "import re\nP = re.compile('a', re.I)\ndef f(x):\n  return P.match(x)",
    ),
    "constructor argument": (encoder(), encoder(argument=6)),
    "type of a constructor argument": (encoder(), encoder(argument=5.0)),
    "method of a base class": (encoder(), encoder(base=3)),
    "property": (encoder(), encoder(prop=5)),
    "class attribute": (encoder(), encoder(attribute=4)),
    "slot": (
        "class A:\n  __slots__ = ('k',)\nf = A()\nf.k = 1",
        "class A:\n  __slots__ = ('k',)\nf = A()\nf.k = 2",
    ),
    "order of the fields of a dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass f:\n  a: int = 1\n  b: int = 1",
        "import dataclasses\n@dataclasses.dataclass\nclass f:\n  b: int = 1\n  a: int = 1",
    ),
    "order of a dict in an object": (
        "class A:\n  pass\nf = A()\nf.k = {'a': 1, 'b': 2}",
        "class A:\n  pass\nf = A()\nf.k = {'b': 2, 'a': 1}",
    ),
    "order of a dict in an object of a package": (
        "import types\nf = types.SimpleNamespace(k={'a': 1, 'b': 2})",
        "import types\nf = types.SimpleNamespace(k={'b': 2, 'a': 1})",
    ),
    "value of an enum": (
        "import enum\nclass E(enum.Enum):\n  A = 1\ndef f(x):\n  return E.A.value",
        "import enum\nclass E(enum.Enum):\n  A = 2\ndef f(x):\n  return E.A.value",
    ),
    "default of a dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass f:\n  x: int = 1",
        "import dataclasses\n@dataclasses.dataclass\nclass f:\n  x: int = 2",
    ),
    "method of a model": (model(), model(method=3)),
    "default of a model": (model(), model(default="'a'")),
    "type of a field": (model(), model(size="float")),
    "function in an annotation": (model(), model(strip="lower")),
    "field that a validator checks": (model(), model(validated="'size'")),
    "content of a set": (
        "S = {'a', 'b'}\ndef f(x):\n  return x in S",
        "S = {'a', 'c'}\ndef f(x):\n  return x in S",
    ),
    "class in a set": (
        "class A:\n  k = 1\nS = {A, int}\ndef f(x):\n  return type(x) in S",
        "class A:\n  k = 2\nS = {A, int}\ndef f(x):\n  return type(x) in S",
    ),
    "value under a key": (
        "D = {'a': 1, 'b': 2}\ndef f(x):\n  return D[x]",
        "D = {'a': 2, 'b': 1}\ndef f(x):\n  return D[x]",
    ),
}

PLAIN = """
K = 3
def g(x):
    return x + K
def f(x):
    if x:
        return g(x)
    return 'none'
"""

SAME = {
    "comments": (PLAIN, PLAIN.replace("    if x:", "    # why\n    if x:  # so")),
    "blank lines": (PLAIN, PLAIN.replace("\n", "\n\n\n")),
    "added docstrings": (PLAIN, PLAIN.replace("(x):\n", "(x):\n    'about it'\n")),
    "changed docstring": ("def f(x):\n  'a'\n  return x", "def f(x):\n  'b'\n  return x"),
    "docstring of an inner class": (
        "def f(x):\n  class A:\n    'a'\n    k = x\n  return A",
        "def f(x):\n\n  class A:\n    k = x\n  return A",
    ),
    "docstring of a class": (
        encoder(),
        encoder().replace("class Base:\n", "class Base:\n    'about it'\n"),
    ),
    "line breaks": (
        PLAIN,
        PLAIN.replace("g(x)\n    return", "g(\n            x\n        )\n    return"),
    ),
    "one line": (
        "def f(x):\n  if x:\n    return 1\n  return 2",
        "def f(x):\n  if x: return 1\n  return 2",
    ),
    "pass": ("def f(x):\n  return x", "def f(x):\n  pass\n  return x"),
    "other names in the file": (PLAIN, "OTHER = 1\n" + PLAIN),
    "other functions in the file": (PLAIN, "def h(x):\n    return K\n" + PLAIN),
    "order in the file": (PLAIN, PLAIN.replace("K = 3\n", "") + "K = 3\n"),
    "local names": (
        "def f(x):\n  a = x + 1\n  return a * a",
        "def f(x):\n  b = x + 1\n  return b * b",
    ),
    "annotations of a helper": (PLAIN, PLAIN.replace("def g(x)", "def g(x: int) -> int")),
    "order of methods": (
        "class f:\n  def a(self): return 1\n  def b(self): return 2",
        "class f:\n  def b(self): return 2\n  def a(self): return 1",
    ),
    "order of attributes of a class": (
        "class f:\n  a: int = 1\n  b: str = ''\n  c: float",
        "class f:\n  c: float\n  b: str = ''\n  a: int = 1",
    ),
    "order of attributes of an object": (
        "class A:\n  pass\nf = A()\nf.a = 1\nf.b = 2",
        "class A:\n  pass\nf = A()\nf.b = 2\nf.a = 1",
    ),
    "order of slots that are set": (
        "class A:\n  __slots__ = ('a', 'b')\nf = A()\nf.a = 1\nf.b = 2",
        "class A:\n  __slots__ = ('a', 'b')\nf = A()\nf.b = 2\nf.a = 1",
    ),
    "order of attributes of an object of a package": (
        "import argparse\nf = argparse.Namespace(a=1, b=2)",
        "import argparse\nf = argparse.Namespace(b=2, a=1)",
    ),
    "logger": (
        "import logging\nlog = logging.getLogger('a')\ndef f(x):\n  log.info(x)",
        "import logging\nlog = logging.getLogger('b')\ndef f(x):\n  log.info(x)",
    ),
    "where a function is made": (
        "def f(x):\n  return lambda y: y",
        "class A:\n  def f(x):\n    return lambda y: y\nf = A.f",
    ),
}


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES)
def test_changed_by(digest: Callable[[str], str], before: str, after: str) -> None:
    assert digest(before) == digest(before)
    assert digest(before) != digest(after)


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_not_changed_by(digest: Callable[[str], str], before: str, after: str) -> None:
    assert before != after
    assert digest(before) == digest(after)


def test_an_argument_of_the_program(
    digest: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import sys\ndef f(x):\n    return x + len(sys.argv[1])"
    monkeypatch.setattr("sys.argv", ["script.py", "one"])
    first = digest(source)
    assert digest(source) == first
    monkeypatch.setattr("sys.argv", ["script.py", "two"])
    assert digest(source) != first


ENUM = """
import enum

class Kind(enum.Enum):
    A = (1, 2)

    def __init__(self, one, two):
        self.both = one * two * {init}

    def __str__(self):
        return "{text}"

    def _hidden(self):
        return {hidden}

Kind.A.note = {note}

def f(x):
    return Kind.A.both * x
"""


def kind(**changed: Any) -> str:
    return ENUM.format(**{"init": 1, "text": "a", "hidden": 2, "note": 3, **changed})


def test_all_of_an_enum_counts(digest: Callable[[str], str]) -> None:
    variants = [kind(), kind(init=2), kind(text="b"), kind(hidden=3), kind(note=4)]
    assert len({digest(variant) for variant in variants}) == len(variants)
    assert digest(kind()) == digest(kind())


def test_the_config_of_a_pydantic_dataclass_counts(digest: Callable[[str], str]) -> None:
    source = """
import pydantic
from pydantic.dataclasses import dataclass

@dataclass(config=pydantic.ConfigDict(str_to_upper={upper}))
class Note:
    text: str

def f(x):
    return Note(text=x).text
"""
    assert digest(source.format(upper=True)) != digest(source.format(upper=False))
