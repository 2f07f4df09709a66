# ruff: noqa: E501, S608  rows of a table
"""Edits of what functions read: files, datasets, the environment, generators."""

from __future__ import annotations

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


def reading(name, script, how, needs=(), *, change=None, files=None):
    """A file that is written anew, named so that no text says it whole."""
    return (
        name,
        script,
        [],
        "recompute",
        {
            "prepare": how % 2,
            "change": change or how % 3,
            "needs": needs,
            "files": files or {},
        },
    )


WHERE = "import os\nHERE = os.path.dirname(os.path.abspath(__file__))\n"
AT = "os.path.join(HERE, '.'.join(['w', '{}']))"
"""Not `'w' + '.txt'`, which the compiler makes one text of."""


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
        called("from pyarrow.csv import read_csv", f"read_csv({at('csv')})['v'][0].as_py()"),
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
        "class by name",
        called(
            "import pyarrow as pa\nfrom pyarrow import OSFile as Opened",
            f"pa.ipc.open_file(Opened({at('arrow')})).read_all()['v'][0].as_py()",
        ),
        IPC,
    ),
    reading(
        "compiled reader of a helper",
        "import helper\ndef f(x):\n    return x * helper.load()\n",
        IPC,
        files={
            "helper.py": called("import pyarrow as pa\nfrom pyarrow import memory_map", "0")
            + f"def load():\n    return pa.ipc.open_file(memory_map({at('arrow')})).read_all()['v'][0].as_py()\n"
        },
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

PARALLEL = "SETTINGS = {'parallel': 2}\n"
WORKERS = [
    (
        "parquet in workers",
        PARALLEL
        + called("import pyarrow.parquet as pq", f"pq.read_table({at('parquet')})['v'][0].as_py()"),
        [],
        "recompute",
        {"prepare": PARQUET % 2, "change": PARQUET % 3},
    ),
]

CASES = FILES + ENVIRONMENT + WORKERS
