"""Results are used again exactly as long as they would come out the same."""

from __future__ import annotations

import functools
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Project

HELPER = """
LIMIT = 100

def scale(x):
    return min(x * factor(), LIMIT)

def factor():
    return 2
"""

# Each function tells its name when it is called, once a row.
SCRIPT = """
import json, os, sys
import lakebed as dc
import helper
from recording import record

RATE = 3

class Table:
    def __init__(self, *rows):
        self.rows = rows

TABLE = Table(1, 2)

class Scale(dc.Mapper):
    def __init__(self, by):
        self.by = by

    def process(self, x: int) -> int:
        record("argument")
        return x * self.by

def constant(x: int) -> int:
    '''Multiplies.'''
    record("constant")
    # by the rate
    return x * RATE

def helped(x: int) -> int:
    record("helper")
    return helper.scale(x)

def closing(by):
    def closure(x: int) -> int:
        record("closure")
        return x + by
    return closure

def plus(x, more=1):
    return x + more

def default(x: int) -> int:
    record("default")
    return plus(x)

def weights():
    return {"w": 4}

def weighted(x: int, model) -> int:
    record("setup")
    return x * model["w"]

def typed(x: int) -> int:
    record("type")
    return x

def stateful(x: int) -> int:
    record("state")
    return x + sum(TABLE.rows)

def arguments(x: int) -> int:
    record("argv")
    return x + len(sys.argv)

unrelated = 1
chain = dc.read_values(x=[1, 2, 3, 4]).settings(parallel=None)
stages = {
    "constant": chain.map(y=constant),
    "lambda": chain.map(y=lambda x: (record("lambda"), x * 2)[1], output=int),
    "helper": chain.map(y=helped),
    "closure": chain.map(y=closing(5)),
    "argument": chain.map(y=Scale(6)),
    "setup": chain.setup(model=weights).map(y=weighted),
    "default": chain.map(y=default),
    "type": chain.map(y=typed),
    "state": chain.map(y=stateful),
    "argv": chain.map(y=arguments),
}
print(json.dumps({name: made.to_values("y") for name, made in stages.items()}))
"""

RESULTS = {
    "constant": [3, 6, 9, 12],
    "lambda": [2, 4, 6, 8],
    "helper": [2, 4, 6, 8],
    "closure": [6, 7, 8, 9],
    "argument": [6, 12, 18, 24],
    "setup": [4, 8, 12, 16],
    "default": [2, 3, 4, 5],
    "type": [1, 2, 3, 4],
    "state": [4, 5, 6, 7],
    "argv": [2, 3, 4, 5],
}


@pytest.fixture(scope="module")
def original(new_project) -> Project:
    made = new_project()
    made.write("script.py", SCRIPT)
    made.write("helper.py", HELPER)
    assert json.loads(made.run("script.py").out) == RESULTS
    assert made.calls() == [name for name in RESULTS for _ in range(4)]
    return made


@pytest.fixture
def copy(original: Project, project: Project) -> Project:
    """All results of the script are at hand."""
    shutil.copytree(original.folder, project.folder, dirs_exist_ok=True)
    project.new_calls()
    return project


def check(project: Project, changed: dict[str, list[float]], *arguments: str, **env: str) -> None:
    """Only these results are computed, and they are the new ones."""
    ran = project.run(*(arguments or ("script.py",)), **env)
    assert json.loads(ran.out) == RESULTS | changed
    assert project.new_calls() == [name for name in RESULTS if name in changed for _ in range(4)]


@pytest.mark.parametrize(
    ("file", "before", "after", "changed"),
    [
        ("script.py", "RATE = 3", "RATE = 4", {"constant": [4, 8, 12, 16]}),
        ("script.py", "x * RATE", "-x * RATE", {"constant": [-3, -6, -9, -12]}),
        ("script.py", "x * 2)", "x * 3)", {"lambda": [3, 6, 9, 12]}),
        ("helper.py", "return 2", "return 3", {"helper": [3, 6, 9, 12]}),
        ("helper.py", "LIMIT = 100", "LIMIT = 5", {"helper": [2, 4, 5, 5]}),
        ("script.py", "closing(5)", "closing(6)", {"closure": [7, 8, 9, 10]}),
        ("script.py", "Scale(6)", "Scale(7)", {"argument": [7, 14, 21, 28]}),
        ("script.py", "self.by = by", "self.by = -by", {"argument": [-6, -12, -18, -24]}),
        ("script.py", '{"w": 4}', '{"w": 5}', {"setup": [5, 10, 15, 20]}),
        ("script.py", "more=1", "more=2", {"default": [3, 4, 5, 6]}),
        ("script.py", "typed(x: int) -> int", "typed(x: int) -> float", {"type": [1, 2, 3, 4]}),
        ("script.py", "Table(1, 2)", "Table(1, 3)", {"state": [5, 6, 7, 8]}),
    ],
)
def test_a_change_is_seen(
    copy: Project, file: str, before: str, after: str, changed: dict[str, list[float]]
) -> None:
    copy.edit(file, before, after)
    check(copy, changed)


def test_arguments_of_the_program_are_seen(copy: Project) -> None:
    check(copy, {"argv": [4, 5, 6, 7]}, "script.py", "a", "b")


def test_what_changes_nothing_is_no_change(copy: Project) -> None:
    for before, after in [
        ("# by the rate", "# as often as needed\n    # and no more"),
        ("Multiplies.", "Times the rate."),
        ("unrelated = 1", "another = 2"),
        ("parallel=None", "parallel=1, batch_size=3, cache=True"),
    ]:
        copy.edit("script.py", before, after)
        check(copy, {})
    (copy.folder / "moved").mkdir()
    for name in ("script.py", "helper.py", "recording.py"):
        (copy.folder / name).rename(copy.folder / "moved" / name)
    check(copy, {}, "moved/script.py")


def test_back_to_what_it_was(copy: Project) -> None:
    copy.edit("script.py", "RATE = 3", "RATE = 4")
    check(copy, {"constant": [4, 8, 12, 16]})
    copy.edit("script.py", "RATE = 4", "RATE = 3")
    check(copy, {})


READING = """
import json, os, sys
import lakebed as dc
from recording import record

def read(x: int) -> str:
    record("read")
    return os.popen("cat da*").read()

def shout(y: str) -> str:
    record("shout")
    return y.upper()

chain = dc.read_values(x=[1, 2, 3, 4]).settings(batch_size=2).map(y=read)
print(json.dumps([chain.to_values("y"), chain.order_by("y").map(z=shout).to_values("z")]))
"""


def test_afresh_replaces_what_was_kept(project: Project) -> None:
    project.write("script.py", READING)
    project.write("data", "old")
    old = '[["old", "old", "old", "old"], ["OLD", "OLD", "OLD", "OLD"]]\n'
    assert project.run("script.py").out == old
    project.write("data", "new")
    # nobody can know that the function has another program read a file
    assert project.run("script.py").out == old
    new = old.replace("old", "new").replace("OLD", "NEW")
    assert project.run("script.py", LAKEBED_IGNORE_CHECKPOINTS="1").out == new
    project.new_calls()
    assert project.run("script.py").out == new
    assert project.new_calls() == []


FILES = """
import json
import lakebed as dc
from recording import record

def text(file: dc.File) -> str:
    record(file.name)
    return file.read_text()

made = dc.read_storage("files/*.txt", type="text").settings(parallel=None).map(t=text)
print(json.dumps(made.to_values("t")))
"""


def test_changed_files_are_read(project: Project) -> None:
    project.write("script.py", FILES)
    files = project.folder / "files"
    files.mkdir()
    for name in "abc":
        (files / f"{name}.txt").write_text(name)
    assert json.loads(project.run("script.py").out) == ["a", "b", "c"]
    project.new_calls()
    assert json.loads(project.run("script.py").out) == ["a", "b", "c"]
    assert project.new_calls() == []
    (files / "b.txt").write_text("B")
    assert json.loads(project.run("script.py").out) == ["a", "B", "c"]
    assert "b.txt" in project.new_calls()
    (files / "d.txt").write_text("d")
    assert json.loads(project.run("script.py").out) == ["a", "B", "c", "d"]
    (files / "a.txt").unlink()
    assert json.loads(project.run("script.py").out) == ["B", "c", "d"]


def test_the_first_result_is_of_the_code_that_runs() -> None:
    known = {"a": 1}
    chain = dc.read_values(x=[1, 2, 3]).map(y=lambda x: x + known["a"])
    known["a"] = 100
    assert chain.to_values("y") == [101, 102, 103]


def test_failures_from_limits_are_of_these_limits() -> None:
    tries: list[int] = []

    def flaky(x: int) -> int:
        tries.append(x)
        if tries.count(x) % 2:
            raise ValueError(x)
        return x

    chain = dc.read_values(x=[1, 2]).settings(on_error="null")
    assert chain.map(y=flaky).to_values("y") == [None, None]
    tries.clear()
    assert chain.settings(retries=1, retry_wait=0.0).map(y=flaky).to_values("y") == [1, 2]


class Bounded(dc.Mapper):
    """Fails for large products."""

    def __init__(self, by: int) -> None:
        self.by = by

    def process(self, x: int) -> int:
        if x * self.by > 30:
            raise ValueError(x)
        return x * self.by


def product(x: int, by: int) -> int:
    if x * by > 30:
        raise ValueError(x)
    return x * by


def bounded(by: int) -> Callable[[int], int]:
    return functools.partial(product, by=by)


@pytest.mark.parametrize("made", [Bounded, bounded])
def test_a_failure_leaves_nothing_to_a_function_of_other_values(
    made: Callable[[int], Any],
) -> None:
    chain = dc.read_values(x=list(range(6))).settings(batch_size=2)
    with pytest.raises(ValueError, match="4"):
        chain.map(y=made(10)).to_values("y")
    assert chain.map(y=made(2)).to_values("y") == [0, 2, 4, 6, 8, 10]


def test_the_time_is_never_that_of_an_earlier_run() -> None:
    first, second = (dc.sql("SELECT now() AS t").save("times") for _ in range(2))
    assert first.version != second.version
    assert first.to_values("t") < second.to_values("t")


SET = """
import json, os, sys
import numpy
import lakebed as dc
import limits
from recording import record

limits.TABLE["one"] = limits.ONE = [int(os.environ["ONE"])]
by = int(os.environ["TWO"])
numpy.linalg.norm = lambda x: x * by

class Model:
    def __init__(self, scale):
        self.scale, self.shift = scale, int(os.environ["THREE"])

    def __reduce__(self):
        return Model, (self.scale,)

MODEL = Model(1)

def table(x: int) -> int:
    import limits
    record("table")
    return limits.TABLE["one"][0]

def attribute(x: int) -> int:
    record("attribute")
    return getattr(limits, "ONE")[0]

def replaced(x: int) -> int:
    record("replaced")
    return numpy.linalg.norm(x)

def pickled(x: int) -> int:
    record("pickled")
    return x + MODEL.shift

chain = dc.read_values(x=[1])
functions = (table, attribute, replaced, pickled)
print(json.dumps([chain.map(y=function).to_values("y")[0] for function in functions]))
"""


def test_what_the_program_sets_is_seen(project: Project) -> None:
    project.write("script.py", SET)
    project.write("limits.py", "TABLE = {}\n")

    def run(one: int, two: int, three: int) -> list[int]:
        ran = project.run("script.py", ONE=str(one), TWO=str(two), THREE=str(three))
        found: list[int] = json.loads(ran.out)
        return found

    assert run(1, 1, 1) == [1, 1, 1, 2]
    assert project.new_calls() == ["table", "attribute", "replaced", "pickled"]
    assert run(1, 1, 1) == [1, 1, 1, 2]
    assert project.new_calls() == []
    assert run(2, 1, 1) == [2, 2, 1, 2]
    assert project.new_calls() == ["table", "attribute"]
    assert run(2, 2, 1) == [2, 2, 2, 2]
    assert project.new_calls() == ["replaced"]
    assert run(2, 2, 2) == [2, 2, 2, 3]
    assert project.new_calls() == ["pickled"]


SAVED = """
import sys
import lakebed as dc
from recording import record

def text(file: dc.File) -> str:
    record(file.name)
    return file.read_text()

if "list" in sys.stdin.readline():
    dc.read_storage("files/*.txt", update=True).save("files")
print(dc.read_dataset("files").map(t=text).order_by("t").to_values("t"))
"""


def test_files_that_changed_since_they_were_saved_are_told(project: Project) -> None:
    project.write("script.py", SAVED)
    files = project.folder / "files"
    files.mkdir()
    for name in "abc":
        (files / f"{name}.txt").write_text(name)
    assert project.run("script.py", stdin="list").out == "['a', 'b', 'c']\n"
    project.new_calls()
    (files / "b.txt").write_text("changed")
    # what was computed is what was saved, for all rows
    assert project.run("script.py").out == "['a', 'b', 'c']\n"
    assert project.new_calls() == []
    error = project.run("script.py", fails=True, LAKEBED_IGNORE_CHECKPOINTS="1").err
    assert "lakebed.exceptions.FileChangedError: file `file://" in error
    assert "b.txt` had 1 bytes when it was listed and has 7 now; hint: list it again" in error
    assert project.run("script.py", stdin="list").out == "['a', 'c', 'changed']\n"
