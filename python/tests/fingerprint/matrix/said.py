# ruff: noqa: E501  rows of a table
"""What users say about functions takes the place of what is found out, or adds to it."""

from __future__ import annotations

PLAIN = "def f(x):\n    return x + 1\n"
VERSIONED = "SETTINGS = {'version': 'v1'}\n" + PLAIN
LOCK = "SETTINGS = {'version': 1}\nG = (i for i in ())\ndef f(x):\n    return x if G else 0\n"
DEPS = "import os, pathlib\nSETTINGS = {'deps': [pathlib.Path('w.txt')]}\ndef f(x):\n    return x * int(os.popen('cat w*').read())\n"
FOLDER = "import os\nSETTINGS = {'deps': ['data']}\ndef f(x):\n    return x * int(os.popen('cat da*/w.txt').read())\n"
VALUE = "import json\nR = 2\nSETTINGS = {'deps': [R]}\ndef f(x):\n    return x * json.loads(open('/proc/self/environ').read() and str(R))\n"
IGNORED = "K = 1\nSETTINGS = {'ignore': ['K']}\ndef f(x):\n    return x if K else 0\n"

CASES = [
    ("same version", VERSIONED, [("x + 1", "1 + x")], "reuse"),
    ("another version", VERSIONED, [("x + 1", "x + 2"), ("'v1'", "'v2'")], "recompute"),
    ("version of what cannot be compared", LOCK, [("def f", "# as before\ndef f")], "reuse"),
    ("dependency on a file", DEPS, [("w.txt", "2", "3")], "recompute", {"files": {"w.txt": "2"}}),
    ("dependency that is as it was", DEPS, [], "reuse", {"files": {"w.txt": "2"}}),
    (
        "dependency on a folder",
        FOLDER,
        [("data/w.txt", "2", "3")],
        "recompute",
        {"files": {"data/w.txt": "2"}},
    ),
    ("dependency on a value", VALUE, [("R = 2", "R = 3")], "recompute"),
    ("ignored global", IGNORED, [("K = 1", "K = 2")], "reuse"),
    ("what is not ignored", IGNORED, [("else 0", "else 1"), ("x if", "2 * x if")], "recompute"),
]
