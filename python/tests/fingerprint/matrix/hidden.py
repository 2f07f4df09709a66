# ruff: noqa: E501  rows of a table
"""Edits of what code does not name: texts, registries, sources, workers."""

from __future__ import annotations

TOOLS = "TOOLS = [search]\ndef f(x):\n    return [{} for tool in TOOLS]\n"
TOOL = "def search(q: int = 1) -> str:\n    '''Searches.'''\n    return q\n"
SCHEMA = """
import pydantic
class Part(pydantic.BaseModel):
    '''A part.'''
    size: int = 1
class Info(pydantic.BaseModel):
    '''Facts.'''
    part: Part = Part()
def f(x):
    return Info.model_json_schema()
"""
QUERY = "import pandas as pd\nLIMIT = 1\ndef f(x):\n    return len(pd.DataFrame({'v': [1, 2, 3]}).query('v > @LIMIT'))\n"
DUCK = "import duckdb, pandas as pd\nFRAME = pd.DataFrame({'v': [2]})\ndef f(x):\n    return duckdb.sql('select sum(v) from FRAME').fetchall()[0][0]\n"
CACHED = """
import functools
class Box:
    def __init__(self, k):
        self.size = k
    @functools.cached_property
    def size(self):
        return 1
box = Box(2)
def f(x):
    return x * box.size
"""
ABC = """
import abc
class Shape(abc.ABC):
    pass
class Square:
    pass
Shape.register(Square)
def f(x):
    return isinstance(Square(), Shape)
"""
ACCESSOR = """
import pandas as pd
@pd.api.extensions.register_series_accessor("geo")
class Geo:
    def __init__(self, series):
        self.series = series
    def total(self):
        return self.series.sum() * 2
def f(x):
    return pd.Series([x]).geo.total()
"""
CODEC = """
import codecs
def encode(text, errors="strict"):
    return text.replace("1", "2").encode(), len(text)
def look(name):
    if name == "mine":
        return codecs.CodecInfo(encode, None, name="mine")
codecs.register(look)
def f(x):
    return str(x).encode("mine")
"""
COUNTED = "import functools\n@functools.lru_cache\ndef g(x):\n    return x * g.k\ng.k = 2\ndef f(x):\n    return g(x)\n"
CACHETOOLS = "import cachetools\n@cachetools.cached(cache={})\ndef g(x):\n    return x * 2\ndef f(x):\n    return g(x)\n"

NAMES = [
    (
        "docstring of a tool",
        TOOL + TOOLS.format("tool.__doc__"),
        [("Searches.", "Finds.")],
        "recompute",
    ),
    (
        "docstring of a tool as argument",
        TOOL + "def ask(tool):\n    return tool.__doc__\ndef f(x):\n    return ask(search)\n",
        [("Searches.", "Finds.")],
        "recompute",
    ),
    (
        "docstring asked for",
        TOOL + "def f(x):\n    return search.__doc__\n",
        [("Searches.", "Finds.")],
        "recompute",
    ),
    (
        "docstring of a class asked for",
        "class A:\n    '''One.'''\ndef f(x):\n    return A.__doc__\n",
        [("One.", "Two.")],
        "recompute",
    ),
    (
        "docstring through an object",
        "class A:\n    '''One.'''\na = A()\ndef f(x):\n    return type(a).__doc__\n",
        [("One.", "Two.")],
        "recompute",
    ),
    (
        "docstring of a called helper",
        TOOL + "def f(x):\n    return search(x)\n",
        [("Searches.", "Finds.")],
        "reuse",
    ),
    ("name of a tool", TOOL + TOOLS.format("tool.__name__"), [("search", "look")], "recompute"),
    (
        "annotations of a tool",
        "import typing\n" + TOOL + TOOLS.format("str(typing.get_type_hints(tool))"),
        [("q: int", "q: float")],
        "recompute",
    ),
    (
        "signature of a tool",
        "import inspect\n" + TOOL + TOOLS.format("str(inspect.signature(tool))"),
        [("-> str", "-> int")],
        "recompute",
    ),
    (
        "signature asked for",
        "import inspect\n" + TOOL + "def f(x):\n    return str(inspect.signature(search))\n",
        [("-> str", "-> int")],
        "recompute",
    ),
    (
        "docstring of a tool in a module",
        "from tools import search\nTOOLS = [search]\ndef f(x):\n    return TOOLS[0].__doc__\n",
        [("tools.py", "Searches.", "Finds.")],
        "recompute",
        {"files": {"tools.py": TOOL}},
    ),
    (
        "docstring of a lazy tool",
        "def f(x):\n    from tools import search\n    return search.__doc__\n",
        [("tools.py", "Searches.", "Finds.")],
        "recompute",
        {"files": {"tools.py": TOOL}},
    ),
    (
        "docstring of a module's tool",
        "import tools\ndef f(x):\n    return tools.search.__doc__\n",
        [("tools.py", "Searches.", "Finds.")],
        "recompute",
        {"files": {"tools.py": TOOL}},
    ),
    ("schema's docstring", SCHEMA, [("Facts.", "Truths.")], "recompute"),
    ("schema's inner docstring", SCHEMA, [("A part.", "Parts.")], "recompute"),
    ("schema's field", SCHEMA, [("size: int", "size: float")], "recompute"),
    (
        "decorator that tells the name",
        "def named(g):\n    def inner(x):\n        return g.__name__ + str(g(x))\n    return inner\n@named\ndef g(x):\n    return x\ndef f(x):\n    return g(x)\n",
        [("def g(x)", "def h(x)"), ("return g(x)\n", "return h(x)\n")],
        "recompute",
    ),
    ("name in a query", QUERY, [("LIMIT = 1", "LIMIT = 2")], "recompute"),
    ("frame in SQL of duckdb", DUCK, [("[2]", "[3]")], "recompute", {"needs": ("duckdb",)}),
    (
        "name in eval of a frame",
        QUERY.replace("query('v > @LIMIT')", "eval('v > @LIMIT').sum()").replace("len(", "int("),
        [("LIMIT = 1", "LIMIT = 2")],
        "recompute",
    ),
    (
        "pydoc.locate",
        "import pydoc\ndef f(x):\n    return pydoc.locate('helper.g')(x)\n",
        [("helper.py", "* 2", "* 3")],
        "recompute",
        {"files": {"helper.py": "def g(x):\n    return x * 2\n"}},
    ),
    (
        "pkgutil.resolve_name",
        "import pkgutil\ndef f(x):\n    return pkgutil.resolve_name('helper:g')(x)\n",
        [("helper.py", "* 2", "* 3")],
        "recompute",
        {"files": {"helper.py": "def g(x):\n    return x * 2\n"}},
    ),
    ("cached property set", CACHED, [("Box(2)", "Box(3)")], "recompute"),
    ("attribute of lru_cache", COUNTED, [("g.k = 2", "g.k = 3")], "recompute"),
    ("lru_cache's function", COUNTED, [("x * g", "x + g")], "recompute"),
    ("ABC.register", ABC, [("Shape.register(Square)\n", "")], "recompute"),
    (
        "register of a package's ABC",
        ABC.replace(
            "class Shape(abc.ABC):\n    pass", "from collections.abc import Sized as Shape"
        ),
        [("Shape.register(Square)\n", "")],
        "recompute",
    ),
    ("accessor of pandas", ACCESSOR, [("* 2", "* 3")], "recompute"),
    ("codec", CODEC, [('"1", "2"', '"1", "3"')], "recompute"),
    ("cachetools", CACHETOOLS, [("x * 2", "x * 3")], "recompute", {"needs": ("cachetools",)}),
    (
        "cachetools kept",
        CACHETOOLS,
        [("x * 2", "x * 2  # twice")],
        "reuse",
        {"needs": ("cachetools",)},
    ),
    (
        "cachetools in a lazy module",
        "def f(x):\n    import tools\n    return tools.g(x)\n",
        [("tools.py", "x * 2", "x * 3")],
        "recompute",
        {"needs": ("cachetools",), "files": {"tools.py": CACHETOOLS}},
    ),
    (
        "frompyfunc",
        "import numpy as np\ndef g(x):\n    return x * 2\nG = np.frompyfunc(g, 1, 1)\ndef f(x):\n    return G(x)\n",
        [("* 2", "* 3")],
        "recompute",
    ),
    (
        "vectorize",
        "import numpy as np\ndef g(x):\n    return x * 2\nG = np.vectorize(g)\ndef f(x):\n    return G(x)\n",
        [("* 2", "* 3")],
        "recompute",
    ),
    (
        "functools.singledispatch",
        "import functools\n@functools.singledispatch\ndef g(x):\n    return x\n@g.register(int)\ndef _(x):\n    return x * 2\ndef f(x):\n    return g(x)\n",
        [("* 2", "* 3")],
        "recompute",
    ),
]

SOURCES = [
    (
        "swapped values",
        "import lakebed as dc\nCHAIN = dc.read_values(a=[1, 2], b=[3, 4])\ndef f(a):\n    return a\n",
        [("a=[1, 2], b=[3, 4]", "b=[1, 2], a=[3, 4]")],
        "recompute",
    ),
    (
        "swapped csv columns",
        "import lakebed as dc\nCHAIN = dc.read_csv('w.csv')\ndef f(a):\n    return a\n",
        [],
        "recompute",
        {
            "prepare": "open('w.csv', 'w').write('a,b\\n1,2\\n')",
            "change": "open('w.csv', 'w').write('b,a\\n1,2\\n')",
        },
    ),
    (
        "names of csv columns",
        "import lakebed as dc\nCHAIN = dc.read_csv('w.csv', header=False, output=['a', 'b'])\ndef f(a):\n    return a\n",
        [("['a', 'b']", "['b', 'a']")],
        "recompute",
        {"prepare": "open('w.csv', 'w').write('1,2\\n')"},
    ),
    (
        "swapped parquet columns",
        "import lakebed as dc\nCHAIN = dc.read_parquet('w.parquet')\ndef f(a):\n    return a\n",
        [],
        "recompute",
        {
            "prepare": "import pyarrow as pa, pyarrow.parquet as pq\npq.write_table(pa.table({'a': [1], 'b': [2]}), 'w.parquet')",
            "change": "import pyarrow as pa, pyarrow.parquet as pq\npq.write_table(pa.table({'b': [1], 'a': [2]}), 'w.parquet')",
        },
    ),
    (
        "renamed columns",
        "import lakebed as dc\nCHAIN = dc.read_values(a=[1, 2], b=[3, 4]).select('a', 'b').mutate(c=dc.C('a'))\ndef f(c):\n    return c\n",
        [("dc.C('a')", "dc.C('b')")],
        "recompute",
    ),
    (
        "type of files",
        "import lakebed as dc\nCHAIN = dc.read_storage('files/', type='text')\ndef f(file):\n    return type(file).__name__\n",
        [("'text'", "'binary'")],
        "recompute",
        {"files": {"files/a.txt": "a"}},
    ),
    (
        "column of files",
        "import lakebed as dc\nCHAIN = dc.read_storage('files/', type='text', column='a')\nCHAIN = CHAIN.map(y=lambda a: a.path, output=str) if 'a' in CHAIN.schema else CHAIN.map(y=lambda b: b.path + '!', output=str)\n",
        [("column='a'", "column='b'")],
        "recompute",
        {"files": {"files/a.txt": "a"}},
    ),
    (
        "type of a column",
        "import lakebed as dc\nCHAIN = dc.read_values(a=[1, 2])\ndef f(a):\n    return type(a).__name__\n",
        [("[1, 2]", "[1.0, 2.0]")],
        "recompute",
    ),
]

PARALLEL = "SETTINGS = {'parallel': 2}\n"
WORKERS = [
    (
        "module state in workers",
        PARALLEL + "import helper\nhelper.K = 2\ndef f(x):\n    return helper.K * x\n",
        [("K = 2", "K = 3")],
        "recompute",
        {"files": {"helper.py": "K = 1\n"}},
    ),
    (
        "module state in lazy workers",
        PARALLEL
        + "import helper\nhelper.K = 2\ndef f(x):\n    import helper\n    return helper.g(x)\n",
        [("K = 2", "K = 3")],
        "recompute",
        {"files": {"helper.py": "K = 1\ndef g(x):\n    return K * x\n"}},
    ),
    (
        "module edited under way",
        PARALLEL
        + "open('helper.py', 'w').write('def g(x):\\n    return x * 2\\n')\nimport helper\n"
        + "open('helper.py', 'w').write('def g(x):\\n    return -x\\n')\n"
        + "def f(x):\n    return helper.g(x)\n",
        [("x * 2", "x * 3")],
        "recompute",
    ),
    (
        "environment in workers",
        PARALLEL + "import os\ndef f(x):\n    return x * int(os.getenv('RATE', '2'))\n",
        [],
        "recompute",
        {"env_after": {"RATE": "3"}},
    ),
]

CASES = NAMES + SOURCES + WORKERS
