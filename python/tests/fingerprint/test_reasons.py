"""What has no digest, and which reason is given."""

from __future__ import annotations

import functools
import types
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from lakebed._fingerprint import NoFingerprint, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

UNCOMPARED = "which cannot be compared between runs"

CASES = [
    ("def f(x):\n  return V", "global `V` of `f`"),
    ("R = [1, V]\ndef f(x):\n  return R", "an item of global `R` of `f`"),
    ("R = {'a': V}\ndef f(x):\n  return R", "item `a` of global `R` of `f`"),
    ("def g(x):\n  return V\ndef f(x):\n  return g(x)", "global `V` of `g`"),
    ("def outer(v):\n  return lambda x: v\nf = outer(V)", "closure value `v` of `<lambda>`"),
    ("def f(x, lock=V):\n  return lock", "default of `lock` of `f`"),
    ("class A:\n  k = V\ndef f(x):\n  return A", "attribute `k` of `A`"),
    ("class A:\n  pass\nf = A()\nf.k = V", "attribute `k` of the value"),
    ("import functools as t\nf = t.partial(max, key=V)", "argument `key` of the value"),
]


@pytest.mark.parametrize(("source", "place"), CASES)
def test_the_place_of_the_value(made: Callable[..., Any], source: str, place: str) -> None:
    f = made(source, V=(i for i in ()))
    with pytest.raises(NoFingerprint) as caught:
        fingerprint(f)
    assert str(caught.value) == f"{place} is a `generator`, {UNCOMPARED}"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("__import__('sqlite3').connect(':memory:')", "sqlite3.Connection"),
        ("__import__('threading').Thread()", "threading.Thread"),
        ("(i for i in ())", "generator"),
        ("__import__('numpy').nditer([1])", "numpy.nditer"),
        ("__import__('lakebed').Session()", "lakebed.Session"),
    ],
)
def test_the_type_of_the_value(made: Callable[..., Any], source: str, name: str) -> None:
    f = made(f"f = {source}")
    try:
        with pytest.raises(NoFingerprint) as caught:
            fingerprint(f)
    finally:
        getattr(f, "close", bool)()
    assert str(caught.value) == f"the value is a `{name}`, {UNCOMPARED}"


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("def f(x):\n  return eval(x)", "eval"),
        ("run = exec\ndef f(x):\n  return run(x)", "exec"),
        ("import builtins\ndef f(x):\n  return builtins.eval(x)", "eval"),
        ("def f(x):\n  return globals()[x]", "globals"),
        ("def f(x):\n  return __import__(x)", "__import__"),
        ("import importlib as i\ndef f(x):\n  return i.reload(x)", "importlib.reload"),
        ("from importlib import reload\ndef f(x):\n  return reload(x)", "importlib.reload"),
        ("def f(x):\n  import importlib\n  return importlib.reload(x)", "importlib"),
    ],
)
def test_code_that_is_made_at_run_time(
    digest: Callable[[str], str], source: str, used: str
) -> None:
    with pytest.raises(NoFingerprint) as caught:
        digest(source)
    message = f"`f` uses `{used}`, so what it does is not known before it runs"
    assert str(caught.value) == message


def test_reading_resources_is_known(digest: Callable[[str], str]) -> None:
    assert digest("import importlib.resources as r\ndef f(x):\n  return r.files(x)")
    assert digest("def f(x):\n  from importlib import resources\n  return resources.files(x)")


def test_module_made_at_run_time(made: Callable[..., Any]) -> None:
    plugin = types.ModuleType("plugin")
    plugin.clean = str.strip
    assert fingerprint(made("def f(x):\n  return plugin.clean(x)", plugin=plugin))
    with pytest.raises(NoFingerprint, match="`f` uses module `plugin`, which has no file"):
        fingerprint(made("def f(x):\n  return vars(plugin)", plugin=plugin))


def test_object_that_pickles_in_another_way_each_time() -> None:
    class Fickle:
        def __getstate__(self) -> dict[str, uuid.UUID]:
            return {"now": uuid.uuid4()}

    with pytest.raises(NoFingerprint, match=f"the value is a `.*Fickle`, {UNCOMPARED}"):
        fingerprint(Fickle())


def test_too_deep() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(NoFingerprint, match="the value holds values that are nested too deeply"):
        fingerprint(functools.partial(len, deep))


LEFT_OUT = """
class Client:
    def __init__(self, by):
        self.by, self.lock = by, (i for i in ())

class Encoder:
    def __init__(self, by):
        self.client = Client(by)

    def __getstate__(self):
        return {}

    def __call__(self, x):
        return x * self.client.by

f = Encoder(1)
"""


def test_what_pickling_leaves_out_may_decide_the_results(made: Callable[..., Any]) -> None:
    with pytest.raises(NoFingerprint, match=r"attribute `lock` of .*, which cannot be compared"):
        fingerprint(made(LEFT_OUT))


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("getattr(sys.modules[__name__], 'helper')(x)", "sys.modules"),
        ("sys.path.insert(0, 'lib')", "sys.path"),
        ("sys._getframe().f_globals['helper'](x)", "sys._getframe"),
        ("f.__globals__['helper'](x)", "__globals__"),
        ("[kind() for kind in Base.__subclasses__()]", "__subclasses__"),
    ],
)
def test_doors_to_what_is_not_named(made: Callable[..., Any], body: str, used: str) -> None:
    source = f"import sys\nclass Base: pass\ndef f(x):\n  return {body}"
    with pytest.raises(NoFingerprint, match=f"uses `{used}`, so what it does is not known"):
        fingerprint(made(source))
