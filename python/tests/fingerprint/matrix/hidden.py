"""Edits of what code does not name: files, the environment, texts, registries, states."""

PARQUET = "import pyarrow as pa, pyarrow.parquet as pq\npq.write_table(pa.table({'v': [%d]}), 'w.parquet')"
CSV = "open('w.csv', 'w').write('v\\n%d\\n')"
IPC = (
    "import pyarrow as pa\nt = pa.table({'v': [%d]})\n"
    "with pa.OSFile('w.arrow', 'wb') as s, pa.ipc.new_file(s, t.schema) as w:\n    w.write_table(t)"
)
SAFE = "import numpy as np\nfrom safetensors.numpy import save_file\nsave_file({'v': np.array([%d])}, 'w.safetensors')"
SQLITE = (
    "import sqlite3\nc = sqlite3.connect('w.db')\nc.execute('create table if not exists t (v)')\n"
    "c.execute('delete from t')\nc.execute('insert into t values (%d)')\nc.commit()\nc.close()"
)
TEXT = "open('w.txt', 'w').write('%d')"
PICKLE = (
    "import pickle, sys\nsys.path.insert(0, '.')\nimport shapes\n"
    "open('w.pkl', 'wb').write(pickle.dumps(shapes.Shape(2)))"
)
DATASET = "import lakebed as dc\ndc.read_values(v=[%d]).save('weights')"


def wrote(text, number):
    return text % number


def reading(name, script, how, needs=(), change=None):
    """A file that is written anew, named so that no text says it whole."""
    return (
        name,
        script,
        [],
        "recompute",
        {"prepare": how % 2, "change": change or how % 3, "needs": needs},
    )


WHERE = "import os\nHERE = os.path.dirname(os.path.abspath(__file__))\n"
AT = "os.path.join(HERE, 'w' + '.{}')"


def at(kind):
    return AT.format(kind)


def loaded(imports, expression):
    """A script whose set-up reads something."""
    return f"{WHERE}{imports}\ndef load():\n    return {expression}\nSETUP = {{'w': load}}\ndef f(x, w):\n    return x * int(w)\n"


def called(imports, expression):
    """A script whose function reads something."""
    return f"{WHERE}{imports}\ndef f(x):\n    return x * int({expression})\n"


LAZY_STATE = "import json\nRULES = json.load(open('w.txt'))\n"

FILES = [
    reading("open", called("", f"open({at('txt')}).read()"), TEXT),
    reading("open in set-up", loaded("", f"open({at('txt')}).read()"), TEXT),
    reading("pathlib", called("import pathlib", f"pathlib.Path({at('txt')}).read_text()"), TEXT),
    reading(
        "parquet",
        called("import pyarrow.parquet as pq", f"pq.read_table({at('parquet')})['v'][0].as_py()"),
        PARQUET,
    ),
    reading(
        "parquet in set-up",
        loaded("import pyarrow.parquet as pq", f"pq.read_table({at('parquet')})['v'][0].as_py()"),
        PARQUET,
    ),
    reading(
        "parquet by name",
        called(
            "from pyarrow.parquet import read_table", f"read_table({at('parquet')})['v'][0].as_py()"
        ),
        PARQUET,
    ),
    reading(
        "parquet file",
        called(
            "import pyarrow.parquet as pq",
            f"pq.ParquetFile({at('parquet')}).read()['v'][0].as_py()",
        ),
        PARQUET,
    ),
    reading(
        "parquet imported inside",
        f"{WHERE}def f(x):\n    import pyarrow.parquet as pq\n    return x * pq.read_table({at('parquet')})['v'][0].as_py()\n",
        PARQUET,
    ),
    reading(
        "arrow dataset",
        called(
            "import pyarrow.dataset as ds",
            f"ds.dataset({at('parquet')}).to_table()['v'][0].as_py()",
        ),
        PARQUET,
    ),
    reading(
        "pandas parquet",
        called("import pandas as pd", f"pd.read_parquet({at('parquet')}).v[0]"),
        PARQUET,
    ),
    reading("pandas csv", called("import pandas as pd", f"pd.read_csv({at('csv')}).v[0]"), CSV),
    reading(
        "arrow csv",
        called("import pyarrow.csv as csv", f"csv.read_csv({at('csv')})['v'][0].as_py()"),
        CSV,
    ),
    reading(
        "arrow csv by name",
        called("from pyarrow.csv import read_csv", "read_csv('w.csv')['v'][0].as_py()"),
        CSV,
    ),
    reading(
        "memory map",
        called(
            "import pyarrow as pa",
            f"pa.ipc.open_file(pa.memory_map({at('arrow')})).read_all()['v'][0].as_py()",
        ),
        IPC,
    ),
    reading(
        "OSFile",
        called(
            "import pyarrow as pa",
            f"pa.ipc.open_file(pa.OSFile({at('arrow')})).read_all()['v'][0].as_py()",
        ),
        IPC,
    ),
    reading(
        "feather",
        called("from pyarrow import feather", f"feather.read_table({at('arrow')})['v'][0].as_py()"),
        IPC,
    ),
    reading(
        "safetensors",
        loaded(
            "from safetensors.numpy import load_file", f"load_file({at('safetensors')})['v'][0]"
        ),
        SAFE,
        ("safetensors",),
    ),
    reading(
        "safe_open",
        loaded(
            "import safetensors",
            f"safetensors.safe_open({at('safetensors')}, 'np').get_tensor('v')[0]",
        ),
        SAFE,
        ("safetensors",),
    ),
    reading(
        "sqlite",
        called(
            "import sqlite3",
            f"sqlite3.connect({at('db')}).execute('select v from t').fetchone()[0]",
        ),
        SQLITE,
    ),
    reading(
        "polars",
        called("import polars as pl", f"pl.read_parquet({at('parquet')})['v'][0]"),
        PARQUET,
        ("polars",),
    ),
    reading(
        "polars lazy",
        called("import polars as pl", f"pl.scan_csv({at('csv')}).collect()['v'][0]"),
        CSV,
        ("polars",),
    ),
    reading(
        "duckdb",
        called(
            "import duckdb",
            "duckdb.sql(\"select v from 'w.parquet'\").fetchall()[0][0]",
        ),
        PARQUET,
        ("duckdb",),
    ),
    reading(
        "lakebed csv",
        called("import lakebed as dc", f"dc.read_csv({at('csv')}).to_values('v')[0]"),
        CSV,
    ),
    reading("numpy", called("import numpy as np", f"np.loadtxt({at('txt')})"), TEXT),
    reading(
        "file of a helper process",
        called("import subprocess", "subprocess.run(['cat', 'w.txt'], capture_output=True).stdout"),
        TEXT,
    ),
    reading(
        "dataset in set-up",
        loaded("import lakebed as dc", "dc.read_dataset('weights').to_values('v')[0]"),
        DATASET,
    ),
    reading(
        "dataset in a call",
        called("import lakebed as dc", "dc.read_dataset('weights').to_values('v')[0]"),
        DATASET,
    ),
    (
        "values of a lazy module",
        "def f(x):\n    import lazy\n    return lazy.RULES * x\n",
        [],
        "recompute",
        {"prepare": TEXT % 2, "change": TEXT % 3, "files": {"lazy.py": LAZY_STATE}},
    ),
    (
        "same size and time",
        called("", f"open({at('txt')}).read()"),
        [],
        "recompute",
        {
            "prepare": TEXT % 2 + "\nimport os; os.utime('w.txt', (1, 1))",
            "change": TEXT % 3 + "\nimport os; os.utime('w.txt', (1, 1))",
        },
    ),
    (
        "touched file",
        called("", f"open({at('txt')}).read()"),
        [],
        "reuse",
        {"prepare": TEXT % 2, "change": "import os; os.utime('w.txt', (1, 1))"},
    ),
    (
        "touched parquet",
        called("import pyarrow.parquet as pq", f"pq.read_table({at('parquet')})['v'][0].as_py()"),
        [],
        "reuse",
        {"prepare": PARQUET % 2, "change": "import os; os.utime('w.parquet', (1, 1))"},
    ),
    (
        "other file",
        called("", f"open({at('txt')}).read()"),
        [],
        "reuse",
        {"prepare": TEXT % 2, "change": "open('v.txt', 'w').write('1')"},
    ),
    (
        "same dataset saved again",
        loaded("import lakebed as dc", "dc.read_dataset('weights').to_values('v')[0]"),
        [],
        "reuse",
        {"prepare": DATASET % 2, "change": DATASET % 2},
    ),
    (
        "unpickled class",
        "import pickle\ndef f(x):\n    return x * pickle.load(open('w.pkl', 'rb')).size()\n",
        [("shapes.py", "* 2", "* 3")],
        "recompute",
        {
            "prepare": PICKLE,
            "files": {
                "shapes.py": "class Shape:\n    def __init__(self, k):\n        self.k = k\n    def size(self):\n        return self.k * 2\n"
            },
        },
    ),
    (
        "output of its own",
        "def f(x):\n    with open('out.txt', 'a') as out:\n        out.write('a')\n    return x\n",
        [],
        "reuse",
    ),
]

ENVIRONMENT = [
    (
        "os.environ[]",
        "import os\ndef f(x):\n    return x * int(os.environ['RATE'])\n",
        [],
        "recompute",
        {"env": {"RATE": "2"}, "env_after": {"RATE": "3"}},
    ),
    (
        "os.environ.get",
        "import os\ndef f(x):\n    return x * int(os.environ.get('RATE', '2'))\n",
        [],
        "recompute",
        {"env_after": {"RATE": "3"}},
    ),
    (
        "os.getenv",
        "import os\ndef f(x):\n    return x * int(os.getenv('RATE', '2'))\n",
        [],
        "recompute",
        {"env_after": {"RATE": "3"}},
    ),
    (
        "os.getenv in set-up",
        "import os\ndef load():\n    return os.getenv('RATE', '2')\nSETUP = {'w': load}\ndef f(x, w):\n    return x * int(w)\n",
        [],
        "recompute",
        {"env_after": {"RATE": "3"}},
    ),
    (
        "getenv by name",
        "from os import getenv\ndef f(x):\n    return x * int(getenv('RATE', '2'))\n",
        [],
        "recompute",
        {"env_after": {"RATE": "3"}},
    ),
    (
        "in os.environ",
        "import os\ndef f(x):\n    return x * (3 if 'RATE' in os.environ else 2)\n",
        [],
        "recompute",
        {"env_after": {"RATE": "3"}},
    ),
    (
        "another variable",
        "import os\ndef f(x):\n    return x * int(os.getenv('RATE', '2'))\n",
        [],
        "reuse",
        {"env_after": {"OTHER": "3"}},
    ),
    (
        "a secret",
        "import os\ndef f(x):\n    return x * (2 if os.getenv('API_KEY') else 3)\n",
        [],
        "reuse",
        {"env": {"API_KEY": "a"}, "env_after": {"API_KEY": "b"}},
    ),
    (
        "environment at import",
        "import os\nRATE = int(os.getenv('RATE', '2'))\ndef f(x):\n    return x * RATE\n",
        [],
        "recompute",
        {"env_after": {"RATE": "3"}},
    ),
    (
        "assert under -O",
        "import lazy\ndef f(x):\n    import lazy\n    return lazy.g(x)\n".replace(
            "import lazy\ndef", "def"
        ),
        [],
        "recompute",
        {
            "files": {"lazy.py": "def g(x):\n    return x if __debug__ else -x\n"},
            "flags_after": ["-O"],
        },
    ),
    (
        "debug under -O",
        "def f(x):\n    return x if __debug__ else -x\n",
        [],
        "recompute",
        {"flags_after": ["-O"]},
    ),
    (
        "nothing under -O",
        "def f(x):\n    return x\n",
        [],
        "reuse",
        {"flags_after": ["-O"], "needless": "asserts of what is used may be gone"},
    ),
    (
        "random.seed",
        "import random\nrandom.seed(1)\ndef f(x):\n    return random.random()\n",
        [("seed(1)", "seed(2)")],
        "recompute",
    ),
    (
        "random.seed kept",
        "import random\nrandom.seed(1)\ndef f(x):\n    return random.random()\n",
        [],
        "reuse",
    ),
    (
        "seed by name",
        "from random import seed, randint\nseed(1)\ndef f(x):\n    return randint(0, 10**9)\n",
        [("seed(1)", "seed(2)")],
        "recompute",
    ),
    (
        "np.random.seed",
        "import numpy as np\nnp.random.seed(1)\ndef f(x):\n    return np.random.rand()\n",
        [("seed(1)", "seed(2)")],
        "recompute",
    ),
    (
        "np.random.seed kept",
        "import numpy as np\nnp.random.seed(1)\ndef f(x):\n    return np.random.rand()\n",
        [],
        "reuse",
    ),
    (
        "default_rng",
        "import numpy as np\nR = np.random.default_rng(1)\ndef f(x):\n    return R.random()\n",
        [("rng(1)", "rng(2)")],
        "recompute",
    ),
    (
        "frame sampled",
        "import numpy as np, pandas as pd\nnp.random.seed(1)\ndef f(x):\n    return list(pd.Series(range(99)).sample(3))\n",
        [("seed(1)", "seed(2)")],
        "recompute",
    ),
    ("no seed", "import random\ndef f(x):\n    return random.random() < 2\n", [], "reuse"),
    (
        "max_errors",
        "SETTINGS = {'on_error': 'null', 'max_errors': 5}\ndef f(x):\n    return 1 // 0\n",
        [("'max_errors': 5", "'max_errors': 0")],
        "recompute",
        {"fails": True},
    ),
    (
        "on_error",
        "SETTINGS = {'on_error': 'null'}\ndef f(x):\n    return 1 // (x - 1)\n",
        [("'null'", "'skip'")],
        "recompute",
    ),
]

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
    (
        "parquet in workers",
        PARALLEL
        + called("import pyarrow.parquet as pq", f"pq.read_table({at('parquet')})['v'][0].as_py()"),
        [],
        "recompute",
        {"prepare": PARQUET % 2, "change": PARQUET % 3},
    ),
]

CASES = FILES + ENVIRONMENT + NAMES + SOURCES + WORKERS
