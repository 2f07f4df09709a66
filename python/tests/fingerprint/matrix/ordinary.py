# ruff: noqa: E501  rows of a table
"""Edits of everyday: of functions, what they use, and what says nothing."""

from __future__ import annotations

HELPER = "def g(x):\n    return x * 2\n\ndef unrelated(x):\n    return x\n"
PLAIN = "def f(x):\n    '''Adds.'''\n    y = x + 1  # one\n    return y\n"
DECORATED = """
import functools
def twice(function):
    @functools.wraps(function)
    def inner(*given):
        return function(*given) * 2
    return inner
@twice
def f(x):
    '''Adds.'''
    return x + 1
"""
CLASS = """
class Base:
    size = 1
    def scale(self, x):
        return x * 2
class Encoder(Base):
    '''Encodes.'''
    def __init__(self, by):
        self.by = by
    def __call__(self, x):
        return self.scale(x) + self.by + self.size
encoder = Encoder(5)
def f(x):
    return encoder(x)
"""
MAPPER = """
import lakebed as dc
class M(dc.Mapper):
    '''Maps.'''
    def __init__(self, by):
        self.by = by
    def setup(self):
        self.model = self.by * 10
    def process(self, x: int) -> str:
        return str(x * self.model)
CHAIN = dc.read_values(x=[1, 2]).map(y=M(3))
"""
SETUP = """
def load():
    return {"w": 2}
SETUP = {"model": load}
def f(x, model):
    return x * model["w"]
"""
ENUM = """
import enum
class Color(enum.Enum):
    RED = 1
    BLUE = 2
def f(x):
    return Color.RED.value + x
"""
DATACLASS = """
import dataclasses
@dataclasses.dataclass
class Config:
    rate: int = 2
    other: int = 3
CONFIG = Config()
def f(x):
    return x * CONFIG.rate
"""
MODEL = """
import pydantic
class Info(pydantic.BaseModel):
    note: str = "a"
    size: int = 1
    def area(self):
        return self.size * 2
def f(x):
    return Info(size=x).area()
"""
CLOSURE = (
    "def make(k):\n    def inner(x):\n        return str(x + k)\n    return inner\nf = make(5)\n"
)
PARTIAL = (
    "import functools\ndef g(x, by):\n    return x * by\nG = functools.partial(g, by=2)\n"
    "import lakebed as dc\nCHAIN = dc.read_values(x=[1, 2])\n"
    "def h(x):\n    return str(G(x))\nCHAIN = CHAIN.map(y=h, output=str)\n"
)
CHAINED = """
import lakebed as dc
def first(x):
    return x + 1
def second(a):
    return str(a * 2)
CHAIN = dc.read_values(x=[1, 2]).map(a=first, output=int).map(y=second, output=str)
"""
GEN = """
import lakebed as dc
def words(x):
    yield str(x)
    yield str(-x)
CHAIN = dc.read_values(x=[1, 2]).gen(y=words, output=str)
"""
AGG = """
import lakebed as dc
def total(x):
    return [str(sum(x) + 1)]
CHAIN = dc.read_values(x=[1, 2]).agg(y=total, output=str)
"""
BATCHES = """
import lakebed as dc
def plus(x: list):
    return [str(v + 1) for v in x]
CHAIN = dc.read_values(x=[1, 2]).map_batches(y=plus, output=str)
"""
MODULE = "import helper\ndef f(x):\n    return helper.g(x)\n"
LAZY = "def f(x):\n    import helper\n    return helper.g(x)\n"
FROM = "from helper import g\ndef f(x):\n    return g(x)\n"
PACKAGE = "import tools.inner\ndef f(x):\n    return tools.inner.g(x)\n"
FILES = {"helper.py": HELPER}

CASES = [
    # name, script, edits, what must happen, more
    ("constant", PLAIN, [("+ 1", "+ 2")], "recompute"),
    ("operator", PLAIN, [("x + 1", "x - 1")], "recompute"),
    ("comment", PLAIN, [("# one", "# two\n    # and more")], "reuse"),
    ("docstring of the function", PLAIN, [("Adds.", "Adds one.")], "reuse"),
    ("moved lines", PLAIN, [("def f", "import re\n\nA = 3\n\n\ndef f")], "reuse"),
    ("renamed local", PLAIN, [("y = x", "z = x"), ("return y", "return z")], "reuse"),
    ("annotation of a local", PLAIN, [("y = x", "y: int = x")], "reuse"),
    ("blank lines and quotes", PLAIN, [("'''Adds.'''", '"""Adds."""\n')], "reuse"),
    ("unrelated function", PLAIN + "def g():\n    return 1\n", [("return 1", "return 2")], "reuse"),
    ("unrelated constant", "K = 1\n" + PLAIN, [("K = 1", "K = 2")], "reuse"),
    ("unrelated import", PLAIN, [("def f", "import json\ndef f")], "reuse"),
    ("default", "def f(x, k=1):\n    return x + k\n", [("k=1", "k=2")], "recompute"),
    ("keyword default", "def f(x, *, k=1):\n    return x + k\n", [("k=1", "k=2")], "recompute"),
    ("global", "K = 1\ndef f(x):\n    return x + K\n", [("K = 1", "K = 2")], "recompute"),
    ("global list", "K = [1]\ndef f(x):\n    return x + K[0]\n", [("[1]", "[2]")], "recompute"),
    (
        "global of a type",
        "K = 1\ndef f(x):\n    return x * K\n",
        [("K = 1", "K = 1.0")],
        "recompute",
    ),
    ("closure", CLOSURE, [("make(5)", "make(6)")], "recompute"),
    ("closure's code", CLOSURE, [("x + k", "x - k")], "recompute"),
    ("lambda", "f = lambda x: x * 2\n", [("x * 2", "x * 3")], "recompute"),
    ("lambda moved", "f = lambda x: x * 2\n", [("f =", "\n# here\nf =")], "reuse"),
    ("partial's argument", PARTIAL, [("by=2", "by=3")], "recompute"),
    ("partial's function", PARTIAL, [("x * by", "x + by")], "recompute"),
    ("decorated function", DECORATED, [("x + 1", "x + 2")], "recompute"),
    ("decorator", DECORATED, [("(*given) * 2", "(*given) * 3")], "recompute"),
    ("docstring under a decorator", DECORATED, [("Adds.", "Adds one.")], "reuse"),
    ("decorator removed", DECORATED, [("@twice\n", "")], "recompute"),
    ("method", CLASS, [("x * 2", "x * 3")], "recompute"),
    ("class attribute", CLASS, [("size = 1", "size = 2")], "recompute"),
    ("constructor", CLASS, [("self.by = by", "self.by = -by")], "recompute"),
    ("constructor's argument", CLASS, [("Encoder(5)", "Encoder(6)")], "recompute"),
    (
        "overridden method",
        CLASS,
        [("self.by = by\n", "self.by = by\n    def scale(self, x):\n        return x\n")],
        "recompute",
    ),
    ("docstring of an object's class", CLASS, [("Encodes.", "Encodes it.")], "reuse"),
    ("comment in a class", CLASS, [("class Base:", "class Base:  # of all")], "reuse"),
    ("mapper's argument", MAPPER, [("M(3)", "M(4)")], "recompute"),
    ("mapper's setup", MAPPER, [("* 10", "* 20")], "recompute"),
    ("mapper's process", MAPPER, [("x * self", "x + self")], "recompute"),
    ("mapper's docstring", MAPPER, [("Maps.", "Maps it.")], "reuse"),
    ("setup's value", SETUP, [('"w": 2', '"w": 3')], "recompute"),
    ("setup's comment", SETUP, [("return {", "# here\n    return {")], "reuse"),
    ("enum's value", ENUM, [("RED = 1", "RED = 3")], "recompute"),
    ("dataclass default", DATACLASS, [("rate: int = 2", "rate: int = 4")], "recompute"),
    ("model's method", MODEL, [("size * 2", "size * 3")], "recompute"),
    (
        "model's default",
        MODEL,
        [
            ("size=x", "note='b'"),
            ("self.size * 2", "self.size * 2"),
            ("size: int = 1", "size: int = 7"),
        ],
        "recompute",
    ),
    ("first of two functions", CHAINED, [("x + 1", "x + 2")], "recompute"),
    ("second of two functions", CHAINED, [("a * 2", "a * 3")], "recompute"),
    ("generator", GEN, [("yield str(-x)", "yield str(-2 * x)")], "recompute"),
    ("generator's comment", GEN, [("yield str(-x)", "yield str(-x)  # below")], "reuse"),
    ("aggregator", AGG, [("+ 1", "+ 2")], "recompute"),
    ("batch function", BATCHES, [("v + 1", "v + 2")], "recompute"),
    ("rows", MAPPER, [("x=[1, 2]", "x=[1, 3]")], "recompute"),
    ("helper's code", MODULE, [("helper.py", "* 2", "* 3")], "recompute", {"files": FILES}),
    ("helper's comment", MODULE, [("helper.py", "* 2", "* 2  # twice")], "reuse", {"files": FILES}),
    (
        "unrelated in a helper",
        MODULE,
        [("helper.py", "return x\n", "return -x\n")],
        "reuse",
        {"files": FILES},
    ),
    ("lazy helper's code", LAZY, [("helper.py", "* 2", "* 3")], "recompute", {"files": FILES}),
    (
        "lazy helper's comment",
        LAZY,
        [("helper.py", "* 2", "* 2  # twice")],
        "reuse",
        {"files": FILES},
    ),
    ("helper by name", FROM, [("helper.py", "* 2", "* 3")], "recompute", {"files": FILES}),
    (
        "helper in a package",
        PACKAGE,
        [("tools/inner.py", "* 2", "* 3")],
        "recompute",
        {"files": {"tools/__init__.py": "", "tools/inner.py": HELPER}},
    ),
    ("parallel", PLAIN, [("def f", "SETTINGS = {'parallel': 1}\ndef f")], "reuse"),
    ("batch_size", PLAIN, [("def f", "SETTINGS = {'batch_size': 1}\ndef f")], "reuse"),
    ("retries", PLAIN, [("def f", "SETTINGS = {'retries': 1}\ndef f")], "reuse"),
    (
        "cache and prefetch",
        PLAIN,
        [("def f", "SETTINGS = {'cache': True, 'prefetch': 2}\ndef f")],
        "reuse",
    ),
    (
        "name of the function",
        PLAIN,
        [("def f(x)", "def f2(x)"), ("return y", "return str(y)\nf = f2")],
        "reuse",
        {"needless": "results are those of a name, by which users know them"},
    ),
    (
        "recursion",
        "def f(x):\n    return 1 if x < 1 else f(x - 1) * 2\n",
        [("* 2", "* 3")],
        "recompute",
    ),
    ("set literal", "def f(x):\n    return x in {1, 5}\n", [("{1, 5}", "{2, 5}")], "recompute"),
    ("text format", "def f(x):\n    return f'{x:03}'\n", [(":03", ":04")], "recompute"),
    (
        "exception handled",
        "def f(x):\n    try:\n        return 1 // (x - 1)\n    except ZeroDivisionError:\n        return 5\n",
        [("return 5", "return 6")],
        "recompute",
    ),
    (
        "keyword of a call",
        "def g(x, a=0, b=1):\n    return x + 2 * a + b\ndef f(x):\n    return g(x, a=5)\n",
        [("a=5", "b=5")],
        "recompute",
    ),
    (
        "comprehension",
        "K = 2\ndef f(x):\n    return [v * K for v in range(x)]\n",
        [("K = 2", "K = 3")],
        "recompute",
    ),
    (
        "property",
        "class A:\n    @property\n    def k(self):\n        return 2\na = A()\ndef f(x):\n    return a.k * x\n",
        [("return 2", "return 3")],
        "recompute",
    ),
    (
        "static method",
        "class A:\n    @staticmethod\n    def k(x):\n        return 2 * x\ndef f(x):\n    return A.k(x)\n",
        [("return 2", "return 3")],
        "recompute",
    ),
    (
        "regex",
        "import re\nP = re.compile('1')\ndef f(x):\n    return bool(P.match(str(x)))\n",
        [("'1'", "'2'")],
        "recompute",
    ),
    (
        "array",
        "import numpy as np\nW = np.array([2, 3])\ndef f(x):\n    return int(W[0]) * x\n",
        [("[2, 3]", "[4, 3]")],
        "recompute",
    ),
    (
        "frame",
        "import pandas as pd\nW = pd.DataFrame({'a': [2]})\ndef f(x):\n    return int(W.a[0]) * x\n",
        [("[2]", "[4]")],
        "recompute",
    ),
    (
        "set by the program",
        "import helper\nhelper.K = 2\ndef f(x):\n    return helper.K * x\n",
        [("K = 2", "K = 3")],
        "recompute",
        {"files": {"helper.py": "K = 1\n"}},
    ),
    (
        "arguments of the program",
        "import sys\nsys.argv = ['a', '2']\ndef f(x):\n    return x * int(sys.argv[1])\n",
        [("'2'", "'3'")],
        "recompute",
    ),
    (
        "whole script moved",
        PLAIN,
        [],
        "reuse",
        {"change": "import shutil; shutil.move('main.py', 'other.py')", "then": "other.py"},
    ),
]
