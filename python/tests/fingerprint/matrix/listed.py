# ruff: noqa: E501  rows of a table
"""Edits of what functions read as a whole: folders, patterns, databases, the environment."""

from __future__ import annotations

WHERE = "import os\nHERE = os.path.dirname(os.path.abspath(__file__))\n"
FOLDER = "os.path.join(HERE, ''.join(['da', 'ta']))"


def summed(imports, expression):
    """A script whose function reads all that is in a folder."""
    return f"{WHERE}{imports}\ndef f(x):\n    return x * int({expression})\n"


def part(number, name="%d"):
    """Writes one more file of numbers."""
    return (
        "import os, pyarrow as pa, pyarrow.parquet as pq\nos.makedirs('data', exist_ok=True)\n"
        f"pq.write_table(pa.table({{'v': [{number}]}}), 'data/{name % number}.parquet')"
    )


def reading(name, imports, expression, needs=()):
    return (
        name,
        summed(imports, expression),
        [],
        "recompute",
        {"prepare": part(2), "change": part(3), "needs": needs},
    )


PATTERN = f"os.path.join({FOLDER}, '*.parquet')"
TABLES = [
    reading(
        "polars pattern",
        "import polars as pl",
        f"pl.read_parquet({PATTERN})['v'].sum()",
        ("polars",),
    ),
    reading(
        "polars lazy pattern",
        "import polars as pl",
        f"pl.scan_parquet({PATTERN}).collect()['v'].sum()",
        ("polars",),
    ),
    reading(
        "polars folder", "import polars as pl", f"pl.read_parquet({FOLDER})['v'].sum()", ("polars",)
    ),
    reading(
        "duckdb pattern",
        "import duckdb",
        f"duckdb.read_parquet({PATTERN}).fetchall().__len__()",
        ("duckdb",),
    ),
    reading(
        "duckdb pattern in SQL",
        "import duckdb",
        "duckdb.sql(\"select sum(v) from 'data/*.parquet'\").fetchall()[0][0]",
        ("duckdb",),
    ),
    reading("pandas folder", "import pandas as pd", f"pd.read_parquet({FOLDER}).v.sum()"),
    reading(
        "arrow folder",
        "import pyarrow.dataset as ds",
        f"ds.dataset({FOLDER}).to_table()['v'].to_numpy().sum()",
    ),
    reading(
        "parquet folder",
        "import pyarrow.parquet as pq",
        f"pq.read_table({FOLDER})['v'].to_numpy().sum()",
    ),
    (
        "touched folder",
        summed("import polars as pl", f"pl.read_parquet({PATTERN})['v'].sum()"),
        [],
        "reuse",
        {
            "prepare": part(2),
            "change": "import os; os.utime('data/2.parquet', (1, 1))",
            "needs": ("polars",),
        },
    ),
    (
        "folder with another value",
        summed("import polars as pl", f"pl.read_parquet({PATTERN})['v'].sum()"),
        [],
        "recompute",
        {
            "prepare": part(2, "a%.0d") + "\nos.utime('data/a2.parquet', (1, 1))",
            "change": part(3, "a%.0d")
            + "\nos.rename('data/a3.parquet', 'data/a2.parquet'); os.utime('data/a2.parquet', (1, 1))",
            "needs": ("polars",),
        },
    ),
]

MADE = "import os\nos.makedirs('data/deep', exist_ok=True)\nopen('data/deep/%d.txt', 'w').close()\nopen('data/%d.txt', 'w').close()"


def listing(name, imports, expression, change=MADE, expected="recompute"):
    return (
        name,
        summed(imports, f"len(list({expression}))"),
        [],
        expected,
        {"prepare": MADE % (1, 1), "change": change % (2, 2) if change is MADE else change},
    )


UNRELATED = "open('data/other.csv', 'w').close()"
LISTINGS = [
    listing("os.listdir", "", f"os.listdir({FOLDER})"),
    listing("os.scandir", "", f"os.scandir({FOLDER})"),
    listing("os.walk", "", f"(name for _, _, names in os.walk({FOLDER}) for name in names)"),
    listing(
        "os.walk deep",
        "",
        f"(name for _, _, names in os.walk({FOLDER}) for name in names)",
        "open('data/deep/9.txt', 'w').close()",
    ),
    listing("working folder", "", "os.listdir()", "open('other', 'w').close()"),
    listing("glob.glob", "import glob", f"glob.glob({FOLDER} + '/*.txt')"),
    listing("glob.iglob", "import glob", f"glob.iglob({FOLDER} + '/**/*.txt', recursive=True)"),
    listing("glob below a folder", "import glob", "glob.glob('2.txt', root_dir='data')"),
    listing("glob of a name", "import glob", "glob.glob('data/*/2.txt')", MADE),
    listing(
        "glob of another name", "import glob", f"glob.glob({FOLDER} + '/*.txt')", UNRELATED, "reuse"
    ),
    listing(
        "glob of nothing yet",
        "import glob",
        "glob.glob('none/*.txt')",
        "import os; os.mkdir('none'); open('none/a.txt', 'w').close()",
    ),
    listing("Path.iterdir", "from pathlib import Path", f"Path({FOLDER}).iterdir()"),
    listing("Path.glob", "from pathlib import Path", f"Path({FOLDER}).glob('*.txt')"),
    listing("Path.glob of a name", "from pathlib import Path", f"Path({FOLDER}).glob('*/2.txt')"),
    listing(
        "Path.glob of another name",
        "from pathlib import Path",
        f"Path({FOLDER}).glob('*.txt')",
        UNRELATED,
        "reuse",
    ),
    listing(
        "Path.rglob",
        "from pathlib import Path",
        f"Path({FOLDER}).rglob('*.txt')",
        "open('data/deep/9.txt', 'w').close()",
    ),
    listing(
        "a file beside what is listed",
        "",
        f"os.listdir({FOLDER})",
        "open('other', 'w').close()",
        "reuse",
    ),
    (
        "listing of what it writes",
        f"{WHERE}def f(x):\n    found = os.listdir({FOLDER})\n    with open(os.path.join({FOLDER}, 'out%d' % x), 'w') as out:\n        out.write('a')\n    return x if found else 0\n",
        [],
        "reuse",
        {"prepare": MADE % (1, 1)},
    ),
    (
        "file that is not there",
        f"{WHERE}def f(x):\n    try:\n        with open({FOLDER}) as given:\n            return x * int(given.read())\n    except FileNotFoundError:\n        return x\n",
        [],
        "recompute",
        {"change": "open('data', 'w').write('3')"},
    ),
    (
        "cache of its own",
        f"{WHERE}def f(x):\n    try:\n        with open({FOLDER} + str(x)) as kept:\n            return kept.read()\n    except FileNotFoundError:\n        with open({FOLDER} + '.tmp', 'w') as made:\n            made.write(str(x))\n        os.replace({FOLDER} + '.tmp', {FOLDER} + str(x))\n        return x\n",
        [],
        "reuse",
    ),
]

DATABASE = "os.path.join(HERE, '.'.join(['w', 'db']))"
LOGGED = (
    "import sqlite3\nheld = sqlite3.connect('w.db')\nheld.execute('pragma journal_mode=wal')\n"
    "held.execute('create table if not exists t (v)')\nheld.execute('delete from t')\n"
    "held.execute('insert into t values (%d)')\nheld.commit()"
)
"""Without a close: what was written is in the log, as while a writer has it open."""
SELECT = ".execute('select v from t').fetchone()[0]"


def database(name, how, change=LOGGED % 3, expected="recompute", imports="import sqlite3"):
    return (
        name,
        summed(imports, how.format(f"({DATABASE})") + SELECT),
        [],
        expected,
        {"prepare": LOGGED % 2, "change": change},
    )


DATABASES = [
    database("write-ahead log", "sqlite3.connect({})"),
    database("write-ahead log of a reader", "sqlite3.connect('file:' + {} + '?mode=ro', uri=True)"),
    database("URI of a database", "sqlite3.connect('file://' + {} + '?mode=ro', uri=True)"),
    database(
        "write-ahead log, put in its place",
        "sqlite3.connect({})",
        "import sqlite3\nsqlite3.connect('w.db').execute('pragma wal_checkpoint(truncate)')",
        "reuse",
    ),
    database(
        "log that a reader leaves",
        "sqlite3.connect('file:' + {} + '?mode=ro', uri=True)",
        "import sqlite3\nsqlite3.connect('w.db').execute('select * from t').fetchall()",
        "reuse",
    ),
]


def environment(name, expression, **more):
    return (
        name,
        f"import os, subprocess\ndef f(x):\n    return {expression}\n",
        [],
        *more.values(),
    )


OTHER = {"env": {"RATE": "2"}, "env_after": {"AAA": "1", "TERM_SESSION": "2", "RATE": "4"}}
RATES = {"env": {"RATE": "2"}, "env_after": {"RATE": "3"}}
ENVIRONMENT = [
    environment("copied environment", "x if {**os.environ} else 0", how="reuse", more=OTHER),
    environment("dict of the environment", "x if dict(os.environ) else 0", how="reuse", more=OTHER),
    environment("environment's copy", "x if os.environ.copy() else 0", how="reuse", more=OTHER),
    environment(
        "environment's items", "x if list(os.environ.items()) else 0", how="reuse", more=OTHER
    ),
    environment(
        "environment of a command",
        "x * int(subprocess.run(['true'], env={**os.environ, 'A': 'b'}).returncode == 0)",
        how="reuse",
        more=OTHER,
    ),
    environment("variable of bytes", "x * int(os.environb[b'RATE'])", how="recompute", more=RATES),
    environment(
        "variable beside a copy",
        "x * int(os.environ['RATE']) if {**os.environ} else 0",
        how="recompute",
        more=RATES,
    ),
    (
        "many variables",
        "import os\ndef f(x):\n    return sum(int(os.environ.get('V%d' % i, '0')) for i in range(50))\n",
        [],
        "recompute",
        {"env_after": {"V49": "1"}},
    ),
]

HELPER = {"files": {"helper.py": "def g(x):\n    return x * 2\n"}}


def imported(name, body):
    return (name, f"def f(x):\n{body}", [("helper.py", "* 2", "* 3")], "recompute", HELPER)


NAMED = "''.join(['hel', 'per'])"
MODULES = [
    imported(
        "import_module", "    import importlib\n    return importlib.import_module('helper').g(x)\n"
    ),
    imported(
        "import_module of a computed name",
        f"    import importlib\n    return importlib.import_module({NAMED}).g(x)\n",
    ),
    imported("__import__ of a computed name", f"    return __import__({NAMED}).g(x)\n"),
    imported(
        "pydoc.locate of a computed name",
        f"    import pydoc\n    return pydoc.locate({NAMED} + '.g')(x)\n",
    ),
    imported(
        "pkgutil.resolve_name of a computed name",
        f"    import pkgutil\n    return pkgutil.resolve_name({NAMED} + ':g')(x)\n",
    ),
    imported("run_path", f"    import runpy\n    return runpy.run_path({NAMED} + '.py')['g'](x)\n"),
    imported(
        "spec_from_file_location",
        f"    import importlib.util as u\n    s = u.spec_from_file_location('h', {NAMED} + '.py')\n    m = u.module_from_spec(s)\n    s.loader.exec_module(m)\n    return m.g(x)\n",
    ),
    imported(
        "exec of a file",
        f"    scope = {{}}\n    with open({NAMED} + '.py') as text:\n        exec(text.read(), scope)\n    return scope['g'](x)\n",
    ),
    (
        "import_module of a loaded module",
        f"import helper\ndef f(x):\n    import importlib\n    return importlib.import_module({NAMED}).g(x)\n",
        [("helper.py", "* 2", "* 3")],
        "recompute",
        HELPER,
    ),
    (
        "sys.modules",
        f"import helper, sys\ndef f(x):\n    return sys.modules[{NAMED}].g(x)\n",
        [("helper.py", "* 2", "* 3")],
        "recompute",
        HELPER,
    ),
]

CASES = TABLES + LISTINGS + DATABASES + ENVIRONMENT + MODULES
