# ruff: noqa: E501  rows of a table
"""What carries no result, and must not cost one."""

from __future__ import annotations


def holding(imports, made, more=""):
    """An object that holds something beside what it computes with."""
    return f"{imports}\nclass Model:\n    def __init__(self, by):\n        self.by = by\n        self.held = {made}\n    def __call__(self, x):\n        return x * self.by\nmodel = Model(2)\n{more}def f(x):\n    return model(x)\n"


def held(name, imports, made, needs=()):
    """Reused as it is, and computed again where the object computes otherwise."""
    script = holding(imports, made)
    return [
        (f"{name}, kept", script, [("def f", "# as before\ndef f")], "reuse", {"needs": needs}),
        (f"{name}, changed", script, [("Model(2)", "Model(3)")], "recompute", {"needs": needs}),
    ]


def used(name, script, needs=()):
    return (name, script, [("def f", "# as before\ndef f")], "reuse", {"needs": needs})


HELPER = "def f(x):\n    return x * 2\n"

CASES = [
    *held("lock", "import threading", "threading.Lock()"),
    *held("reentrant lock", "import threading", "threading.RLock()"),
    *held("condition", "import threading", "threading.Condition()"),
    *held("event", "import threading", "threading.Event()"),
    *held("thread-local", "import threading", "threading.local()"),
    *held("stream", "import sys", "sys.stderr"),
    *held("open file", "import os", "open(os.devnull)"),
    *held("socket", "import socket", "socket.socket()"),
    *held("logger", "import logging", "logging.getLogger('a')"),
    *held("weak reference", "import weakref\nclass R:\n    pass\nR0 = R()", "weakref.ref(R0)"),
    *held("weak dict", "import weakref", "weakref.WeakValueDictionary()"),
    *held(
        "thread pool", "from concurrent.futures import ThreadPoolExecutor", "ThreadPoolExecutor(2)"
    ),
    *held("queue", "import queue", "queue.Queue()"),
    used(
        "lock as global",
        "import threading\nLOCK = threading.Lock()\ndef f(x):\n    with LOCK:\n        return x\n",
    ),
    used(
        "thread-local as global",
        "import threading\nLOCAL = threading.local()\ndef f(x):\n    LOCAL.v = x\n    return x\n",
    ),
    used(
        "log handler",
        "import logging, sys\nH = logging.StreamHandler(sys.stderr)\ndef f(x):\n    H.flush()\n    return x\n",
    ),
    used(
        "session of requests",
        "import requests\nS = requests.Session()\ndef f(x):\n    return x if S else 0\n",
        ("requests",),
    ),
    used(
        "client of httpx",
        "import httpx\nC = httpx.Client()\ndef f(x):\n    return x if C else 0\n",
        ("httpx",),
    ),
    used(
        "client of openai",
        "import openai\nC = openai.OpenAI(api_key='a')\ndef f(x):\n    return x if C else 0\n",
        ("openai",),
    ),
    used(
        "client of boto3",
        "import boto3\nC = boto3.client('s3', region_name='us-east-1')\ndef f(x):\n    return x if C else 0\n",
        ("boto3",),
    ),
    used(
        "loguru",
        "from loguru import logger\ndef f(x):\n    logger.trace('a')\n    return x\n",
        ("loguru",),
    ),
    used(
        "console of rich",
        "from rich.console import Console\nC = Console()\ndef f(x):\n    return x if C else 0\n",
        ("rich",),
    ),
    (
        "client's address",
        "import httpx\nC = httpx.Client(base_url='http://a')\ndef f(x):\n    return str(C.base_url)\n",
        [("http://a", "http://b")],
        "recompute",
        {"needs": ("httpx",)},
    ),
    (
        "moved into a module",
        "def f(x):\n    return x * 2\n",
        [("def f(x):\n    return x * 2\n", "from helper import f\n")],
        "reuse",
        {"files": {"helper.py": HELPER}, "needless": "a module names what is in it"},
    ),
    (
        "imported by a driver",
        "import lakebed as dc\ndef f(x):\n    return x * 2\n",
        [("def f(x):\n    return x * 2\n", "import driver\nf = driver.f\n")],
        "reuse",
        {
            "files": {"driver.py": "import lakebed as dc\n" + HELPER},
            "needless": "a module names what is in it",
        },
    ),
    (
        "unrelated in a lazy module",
        "def f(x):\n    import helper\n    return helper.g(x)\n",
        [("helper.py", "return 1", "return 2")],
        "reuse",
        {
            "needless": "what is imported inside of a function counts as a whole",
            "files": {"helper.py": "def g(x):\n    return x * 2\ndef h():\n    return 1\n"},
        },
    ),
    (
        "memo as global",
        "MEMO = {}\nimport lakebed as dc\ndef f(x):\n    MEMO[x] = x\n    return MEMO[x]\ndc.read_values(x=[1, 2]).map(y=f, output=str).to_values('y')\n",
        [("def f", "# as before\ndef f")],
        "reuse",
    ),
    (
        "client on first call",
        "import lakebed as dc\nCLIENT = None\ndef client():\n    global CLIENT\n    if CLIENT is None:\n        CLIENT = dict(a=1)\n    return CLIENT\ndef f(x):\n    return x + client()['a']\ndc.read_values(x=[1, 2]).map(y=f, output=str).to_values('y')\n",
        [("def f", "# as before\ndef f")],
        "reuse",
    ),
    (
        "unsettled client on first call",
        "import lakebed as dc, threading\nCLIENT = None\ndef client():\n    global CLIENT\n    if CLIENT is None:\n        CLIENT = threading.Lock()\n    return CLIENT\ndef f(x):\n    with client():\n        return x\ndc.read_values(x=[1, 2]).map(y=f, output=str).to_values('y')\n",
        [("def f", "# as before\ndef f")],
        "reuse",
    ),
    (
        "library in a folder",
        "import sys\nsys.path.insert(0, 'libs')\nimport tool\ndef f(x):\n    return tool.g(x)\n",
        [("libs/tool/other.py", "1", "2")],
        "reuse",
        {
            "files": {
                "libs/tool/__init__.py": "def g(x):\n    from tool import other\n    return x * 2\n",
                "libs/tool/other.py": "A = 1\n",
                "libs/tool-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
                "libs/tool-1.0.dist-info/INSTALLER": "pip\n",
                "libs/tool-1.0.dist-info/RECORD": "tool/__init__.py,,\ntool/other.py,,\n",
            }
        },
    ),
    (
        "version of a library in a folder",
        "import sys\nsys.path.insert(0, 'libs')\nimport tool\ndef f(x):\n    return tool.g(x)\n",
        [
            ("libs/tool/__init__.py", "* 2", "* 3"),
            ("libs/tool-1.0.dist-info/METADATA", "Version: 1.0", "Version: 1.1"),
        ],
        "recompute",
        {
            "files": {
                "libs/tool/__init__.py": "def g(x):\n    return x * 2\n",
                "libs/tool-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
                "libs/tool-1.0.dist-info/INSTALLER": "pip\n",
                "libs/tool-1.0.dist-info/RECORD": "tool/__init__.py,,\n",
            }
        },
    ),
]
