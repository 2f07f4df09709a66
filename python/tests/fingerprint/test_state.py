"""What a program sets in modules counts as far as code names it; loading them is no change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "config.py": """
        import dataclasses, enum, functools
        import other
        from other import Thing, borrowed
        from other import *

        LIMIT = 3
        BELOW = -1
        TABLE = {"a": [1, 2]}
        DEEP = {"k": 1}
        COMPUTED = int("7")

        class Base:
            depth = [1]

        class Settings(Base):
            level = [3]

            def method(self):
                return DEEP

            @property
            def prop(self):
                return 1

            @staticmethod
            def static():
                return 2

            @functools.lru_cache
            def memo(self):
                return 3

        @dataclasses.dataclass
        class Data:
            size: tuple = (1,)

        class Color(enum.Enum):
            RED = "red"

        def lookup(x):
            return TABLE.get(x)

        @functools.lru_cache
        def cached(x):
            return x
    """,
    "other.py": """
        LIST = [1]

        def borrowed(x):
            return LIST

        def starred(x):
            return LIST

        class Thing:
            size = (1,)
    """,
    "pack/__init__.py": "",
    "pack/part.py": "NAMES = ['a']",
    "fake.py": "SIZE = 1",
    "functions.py": """
        import functools

        def limit(x):
            import config
            return x > config.LIMIT

        def table(x):
            import config as c
            return c.TABLE["a"]

        def lookup(x):
            from config import lookup
            return lookup(x)

        def cached(x):
            from config import cached
            return cached(x)

        def level(x):
            import config
            return config.Settings.level, config.Settings.depth

        def methods(x):
            import config
            made = config.Settings()
            return made.method(), made.prop, made.static(), made.memo()

        def data(x):
            import config
            return config.Data().size

        def color(x):
            import config
            return config.Color.RED

        def borrowed(x):
            import config
            return config.borrowed(x)

        def starred(x):
            import config
            return config.starred(x)

        def thing(x):
            import config
            return config.Thing.size

        def by_text(x):
            import config
            return getattr(config, "DEEP")

        def new(x):
            import config
            return config.NEW

        def computed(x):
            import config
            return config.COMPUTED

        def part(x):
            import pack.part
            return pack.part.NAMES

        def swapped(x):
            import config
            return config.other.SIZE

        def norm(x):
            import numpy
            return numpy.linalg.norm(x)
    """,
}

MAIN = """
    import json, sys, threading, types
    from functools import lru_cache, wraps
    import functions
    from lakebed._fingerprint import NoFingerprint, fingerprint

    found = {}

    def digest(function):
        try:
            return fingerprint(function)
        except NoFingerprint as error:
            return str(error)

    def digests():
        known = vars(functions).items()
        return {n: digest(f) for n, f in known if isinstance(f, types.FunctionType)}

    def changed(name, owner, value):
        old = vars(owner).get(name)
        setattr(owner, name, value)
        now = digests()
        setattr(owner, name, old) if old is not None else delattr(owner, name)
        assert digests() == loaded
        return sorted(n for n in now if now[n] != loaded[n])

    fresh = digests()
    assert not {"config", "other", "numpy", "pack"} & sys.modules.keys()
    import config, fake, numpy, other, pack.part
    loaded = digests()
    found["loaded"] = sorted(n for n in fresh if fresh[n] != loaded[n])

    def mine(*x):
        return 5

    around = wraps(config.lookup)(lambda x: mine(x))
    cases = {
        "limit": ("LIMIT", config, 5),
        "table": ("TABLE", config, {"a": [1, 2, 3]}),
        "order": ("DEEP", config, {"k": 1.0}),
        "function": ("lookup", config, mine),
        "wrapped function": ("lookup", config, around),
        "cached function": ("cached", config, lru_cache(mine)),
        "level": ("level", config.Settings, [5]),
        "depth": ("depth", config.Base, [5]),
        "method": ("method", config.Settings, mine),
        "property": ("prop", config.Settings, property(mine)),
        "static method": ("static", config.Settings, staticmethod(mine)),
        "cached method": ("memo", config.Settings, lru_cache(mine)),
        "class": ("Data", config, other.Thing),
        "default of a field": ("size", config.Data, (2,)),
        "borrowed function": ("borrowed", config, mine),
        "function where it is from": ("borrowed", other, mine),
        "starred function": ("starred", config, mine),
        "what borrowed functions use": ("LIST", other, [2]),
        "attribute of a borrowed class": ("size", other.Thing, (2,)),
        "new name": ("NEW", config, [1]),
        "new name of a generator": ("NEW", config, (i for i in ())),
        "name that nobody uses": ("UNUSED", config, [1]),
        "computed value": ("COMPUTED", config, 5),
        "module": ("other", config, fake),
        "part of a package": ("NAMES", pack.part, []),
        "function of a release": ("norm", numpy.linalg, mine),
    }
    found |= {name: changed(*case) for name, case in cases.items()}
    config.NEW = (i for i in ())
    found["reason"] = digest(functions.new)
    print(json.dumps(found))
"""

ALL_BUT_PART = sorted(
    {"limit", "table", "lookup", "cached", "level", "methods", "data", "color", "borrowed"}
    | {"starred", "thing", "by_text", "new", "computed", "swapped"}
)

CHANGED = {
    "loaded": ["computed"],
    # plain constants count with the text of their module
    "limit": ALL_BUT_PART,
    "table": ["lookup", "table"],
    "order": ["by_text", "level", "methods"],
    "function": ["lookup"],
    "wrapped function": ["lookup"],
    "cached function": ["cached"],
    "level": ["level"],
    "depth": ["level"],
    "method": ["level", "methods"],
    "property": ["level", "methods"],
    "static method": ["level", "methods"],
    "cached method": ["level", "methods"],
    "class": ["data"],
    "default of a field": ["data"],
    "borrowed function": ["borrowed"],
    "function where it is from": ["borrowed"],
    "starred function": ["starred"],
    "what borrowed functions use": ["borrowed", "starred"],
    "attribute of a borrowed class": ["thing"],
    "new name": ["new"],
    "new name of a generator": ["new"],
    "name that nobody uses": [],
    "computed value": ["computed"],
    "module": ["swapped"],
    "part of a package": ["part"],
    "function of a release": ["norm"],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The functions whose digests each change gives others."""
    folder: Path = tmp_path_factory.mktemp("state")
    for name, text in {**FILES, "main.py": MAIN}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(dedent(text))
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("case", CHANGED)
def test_changed(found: dict[str, Any], case: str) -> None:
    assert found[case] == CHANGED[case]


def test_what_cannot_be_compared(found: dict[str, Any]) -> None:
    reason = "`config.NEW` is a `generator`, which cannot be compared between runs"
    assert found["reason"] == reason
