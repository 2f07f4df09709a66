"""What scripts are made of is the same in every process, whatever differs between the runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
    import argparse, collections, contextlib, dataclasses, datetime, decimal, enum, functools
    import itertools, json, logging, os, random, re, sys, threading, time, types, typing, uuid
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    import numpy as np
    import pandas as pd
    import pydantic
    import lakebed as dc
    from lakebed._fingerprint import fingerprint

    # what is another in each run, and of no use to the functions
    logging.basicConfig()
    STARTED = datetime.datetime.now()
    RUN = uuid.uuid4()
    LOCK = threading.Lock()
    COUNT = int(sys.argv[1])
    SEED = hash("a")

    logger = logging.getLogger(__name__)
    HERE = Path(__file__).resolve().parent
    PATTERN = re.compile(r"\\d+", re.IGNORECASE)
    WEIGHTS = np.arange(12, dtype="f4").reshape(3, 4)
    FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    WORDS = {"the", "a", "of", "an"}
    MIXED = frozenset({"the", "a", 1, 2.5, None, int, ("a", "b")})
    RANDOM = random.Random(3)
    GENERATOR = np.random.default_rng(3)
    NAMES = types.SimpleNamespace(a=1, b=2)
    COUNTER = collections.Counter("abba")
    DEFAULTS = collections.defaultdict(lambda: 3, a=1)
    PRICE = decimal.Decimal("1.5")

    class Color(enum.Enum):
        RED = 1
        BLUE = 2

        def label(self):
            return self.name.lower()

    class Rights(enum.Flag):
        READ = enum.auto()
        WRITE = enum.auto()

    @dataclasses.dataclass
    class Config:
        rate: float = 0.1
        names: list = dataclasses.field(default_factory=list)
        path: Path = Path("a")

    @dataclasses.dataclass(frozen=True, slots=True)
    class Frozen:
        tags: frozenset = frozenset({"x", "y", "z"})

    CONFIG = Config(0.5, ["a"])
    FROZEN = Frozen()

    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--size", type=int, default=3)
    ARGS = argparse.Namespace(size=parser.parse_args().size)

    class Module:
        def __init__(self):
            self._modules = {}
            self.training = True

        def __setattr__(self, name, value):
            if isinstance(value, Module):
                self._modules[name] = value
            object.__setattr__(self, name, value)

        def __call__(self, x):
            return self.forward(x)

    class Linear(Module):
        def __init__(self, size):
            super().__init__()
            self.weights = np.ones((size, size))

        def forward(self, x):
            return self.weights @ x

    class Net(Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = Linear(2), Linear(2)

        def forward(self, x):
            return self.second(self.first(x))

    NET = Net()

    class Info(pydantic.BaseModel):
        width: int = 0
        color: Color = Color.RED
        parts: list["Info"] = pydantic.Field(default_factory=list)

        @pydantic.field_validator("width")
        @classmethod
        def check(cls, value):
            return value

    INFO = Info(width=3, parts=[Info()])

    class Rich(dc.DataModel):
        width: int = 0
        file: dc.File | None = None

    class Point(typing.NamedTuple):
        x: int = 1

    class Pickled:
        def __init__(self):
            self.size, self.lock = 3, threading.Lock()

        def __getstate__(self):
            return {"size": self.size}

    PICKLED = Pickled()

    class Registry:
        known = {}

        def __init_subclass__(cls):
            Registry.known[cls.__name__] = cls

    class Registered(Registry):
        pass

    @functools.lru_cache(maxsize=None)
    def cached(x):
        return x * 2

    cached(COUNT)

    @functools.singledispatch
    def dispatched(x):
        return x

    @dispatched.register
    def _(x: int):
        return -x

    @contextlib.contextmanager
    def opened():
        yield 1

    def timed(function):
        @functools.wraps(function)
        def wrapper(*args):
            start = time.perf_counter()
            try:
                return function(*args)
            finally:
                logger.debug("took %s", time.perf_counter() - start)

        return wrapper

    class Adder(dc.Mapper):
        def __init__(self, by):
            self.by = by

        def setup(self):
            self.net = Net()

        def process(self, x: int) -> int:
            return x + self.by

    @timed
    def f_decorated(x):
        return x

    def f_dataclass(x):
        return CONFIG.rate, Config(1.0).names, FROZEN.tags

    def f_arguments(x):
        return ARGS.size + NAMES.a

    def f_parser(x):
        return parser.parse_args([x])

    def f_model(x):
        return NET(x)

    def f_cached(x):
        return cached(x), dispatched(x)

    def f_logger(x):
        logger.info("x")

    def f_pattern(x):
        return PATTERN.sub("", x), re.match("a", x)

    def f_path(x):
        return HERE / x

    def f_enum(x):
        return Color.RED.label(), Rights.READ | Rights.WRITE

    def f_numpy(x):
        return WEIGHTS @ x, np.float32(1), np.linalg.norm(x), np.random.rand()

    def f_pandas(x):
        return FRAME.a.sum(), pd.to_datetime(x)

    def f_nothing(x):
        return x + 1

    def f_sets(x):
        return x in WORDS or x in MIXED

    def f_pydantic(x):
        return Info(width=x), INFO

    def f_typed(x: dc.File) -> Rich:
        return Rich(width=x.size, file=x)

    def f_collections(x):
        return COUNTER, DEFAULTS[x], PRICE, Point()

    def f_random(x):
        return RANDOM.random(), GENERATOR.random()

    def f_pickled(x):
        return PICKLED.size

    def f_registry(x):
        return Registry.known[x]

    def f_context(x):
        with opened() as y:
            return y

    def f_time(x):
        return datetime.datetime.now(), time.time(), uuid.uuid4(), os.environ.get("A")

    def f_generator(x):
        yield from itertools.chain(range(3), (i for i in x))

    async def f_async(x):
        import asyncio
        await asyncio.sleep(0)

    def f_threads(x):
        with ThreadPoolExecutor() as pool:
            return list(pool.map(cached, x))

    def f_inside(x):
        import tools
        return tools.made(x), tools.TABLE

    def f_failing(x):
        try:
            return json.loads(x)
        except (ValueError, TypeError) as error:
            print(x, file=sys.stderr)
            raise RuntimeError from error

    f_lambda = lambda x: x + WEIGHTS.sum()
    f_partial = functools.partial(f_dataclass, x=Color.RED)
    f_mapper = Adder(3).process

    if COUNT:
        import tools
    made = {name: value for name, value in globals().items() if name.startswith("f_")}
    print(json.dumps({name: fingerprint(value) for name, value in made.items()}))
"""

TOOLS = """
    import functools

    TABLE = {"a": [1, -2], "b": {"c", "d", "e"}}

    def around(function):
        @functools.wraps(function)
        def inner(x):
            return function(x)

        return inner

    @around
    def made(x):
        return TABLE.get(x)
"""


def run(folder: Path, count: int) -> dict[str, str]:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "script.py", str(count)],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": str(count)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("count", [1, 2])
def test_two_processes(tmp_path_factory: pytest.TempPathFactory, count: int) -> None:
    folders = [tmp_path_factory.mktemp("scripts") / "project" for _ in range(2)]
    found = []
    for folder, number in zip(folders, (0, count), strict=True):
        folder.mkdir()
        (folder / "script.py").write_text(dedent(SCRIPT))
        (folder / "tools.py").write_text(dedent(TOOLS))
        found.append(run(folder, number))
    one, two = found
    assert len(one) == 30
    # where the script is, is the value of a constant of it
    assert {name for name in one if one[name] != two[name]} == {"f_path"}
    assert run(folders[0], count)["f_path"] == one["f_path"]
