"""Results are found by what was computed of what, wherever the rows come from."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C, func

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Project

ROWS = 40


class Log:
    """A function that tells of its calls in a file: a list would be part of what it is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, x: int) -> int:
        self.note(x)
        return x * x

    def note(self, x: int) -> None:
        with self.path.open("a") as log:
            log.write(f"{x}\n")

    def new(self) -> list[int]:
        """The calls since this was asked before."""
        lines = self.path.read_text().split() if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return [int(line) for line in lines]


@pytest.fixture
def square(tmp_path: Path) -> Log:
    return Log(tmp_path / "calls")


def numbers(rows: int = ROWS) -> dc.DataChain:
    made = dc.read_values(x=list(range(rows)), third=[x % 3 for x in range(rows)])
    return made.settings(batch_size=10)


def mapped(chain: dc.DataChain, square: Any) -> dc.DataChain:
    return chain.map(y=square, output=int)


CHANGES: dict[str, Callable[[dc.DataChain], dc.DataChain]] = {
    "nothing": lambda chain: chain,
    "a filter": lambda chain: chain.filter(C("third") == 1),
    "a limit": lambda chain: chain.limit(7),
    "an offset": lambda chain: chain.offset(7),
    "another column": lambda chain: chain.mutate(z=C("x") + 1),
    "fewer columns": lambda chain: chain.select("x"),
    "an order": lambda chain: chain.order_by("third", "x", descending=True),
    "an order with ties": lambda chain: chain.order_by("third"),
    "groups": lambda chain: chain.group_by(x=func.max("x"), partition_by="third"),
    "a merge": lambda chain: chain.merge(dc.read_values(x=[1, 2, 50], n=[1, 2, 3]), on="x"),
    "a union": lambda chain: chain.filter(C("x") < 5).union(chain.filter(C("x") > 30)),
    "a dataset": lambda chain: chain.save("saved"),
    "another function": lambda chain: chain.map(w=lambda x: -x, output=int),
    "a computed argument": lambda chain: chain.mutate(x=ROWS - 1 - C("x")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_call_is_repeated(square: Log, change: Callable[[dc.DataChain], dc.DataChain]) -> None:
    mapped(numbers(), square).to_list()
    assert square.new() == list(range(ROWS))
    changed = change(numbers())
    for x, y in mapped(changed, square).to_list("x", "y"):
        assert y == x * x
    assert square.new() == []


def test_names_do_not_matter(square: Log) -> None:
    mapped(numbers(), square).to_list()
    square.new()
    renamed = numbers().map(other=square, output=int)
    assert renamed.to_values("other") == [x * x for x in range(ROWS)]
    column = numbers().mutate(renamed=C("x")).select("renamed")
    made = column.map(square, params=["renamed"], output={"y": int})
    assert made.to_values("y") == [x * x for x in range(ROWS)]
    assert square.new() == []


def test_first_some_then_more(square: Log) -> None:
    made = mapped(numbers(), square)
    assert len(made.limit(10).to_list()) == 10
    assert square.new() == list(range(10))
    made.filter(C("x") < 15).to_list()
    assert square.new() == list(range(10, 15))
    made.to_list()
    assert square.new() == list(range(15, ROWS))
    mapped(numbers(ROWS + 3), square).to_list()
    assert square.new() == list(range(ROWS, ROWS + 3))


def test_found_and_computed_rows_keep_their_order(square: Log) -> None:
    mapped(numbers().filter(C("third") == 0), square).to_list()
    square.new()
    assert mapped(numbers(), square).to_values("y") == [x * x for x in range(ROWS)]
    assert square.new() == [x for x in range(ROWS) if x % 3]


def test_a_file_is_added(tmp_path: Path, square: Log) -> None:
    files = tmp_path / "files"
    files.mkdir()

    def size(file: dc.File) -> int:
        square.note(int(file.get_file_stem()))
        return len(file.read())

    def run() -> list[int]:
        listed = dc.read_storage(files, update=True)
        return listed.map(n=size).order_by("file.path").to_values("n")

    for name in ("1", "2"):
        (files / f"{name}.txt").write_text("a" * int(name))
    assert (run(), sorted(square.new())) == ([1, 2], [1, 2])
    (files / "3.txt").write_text("aaa")
    assert (run(), square.new()) == ([1, 2, 3], [3])
    (files / "1.txt").unlink()
    assert (run(), square.new()) == ([2, 3], [])


def test_equal_arguments_keep_their_count(tmp_path: Path) -> None:
    drawn = Log(tmp_path / "calls")

    def draw(x: int) -> float:
        drawn.note(x)
        return random.SystemRandom().random()

    def run(*values: int) -> list[float]:
        return dc.read_values(x=list(values)).map(y=draw).to_values("y")

    first = run(1, 1, 2)
    assert len(set(first)) == 3
    assert drawn.new() == [1, 1, 2]
    assert run(1, 1, 2) == first
    assert run(2, 1, 1) == [first[2], *first[:2]]
    assert drawn.new() == []
    more = run(1, 1, 1)
    assert more[:2] == first[:2]
    assert more[2] not in first
    assert drawn.new() == [1]


def test_each_of_equal_functions_is_called(tmp_path: Path) -> None:
    drawn = Log(tmp_path / "calls")

    def draw(x: int) -> float:
        drawn.note(x)
        return random.SystemRandom().random()

    rows = dc.read_values(x=[1, 2])
    made = rows.map(a=draw).map(b=draw)
    first = made.to_list("a", "b")
    assert all(a != b for a, b in first)
    assert sorted(drawn.new()) == [1, 1, 2, 2]
    assert made.to_list("a", "b") == first
    side = rows.map(a=draw)
    both = side.merge(side.mutate(b=C("a")).select("x", "b"), on="x")
    joined = sorted(both.to_list("x", "a", "b"))
    assert sorted(both.to_list("x", "a", "b")) == joined
    assert drawn.new() == []


def test_how_failures_are_treated_does_not_matter_to_others(tmp_path: Path) -> None:
    log = Log(tmp_path / "calls")

    def odd(x: int) -> int:
        log.note(x)
        if x == 25:
            raise ValueError("odd")
        return x

    def run(**settings: Any) -> list[int | None]:
        return numbers().settings(**settings).map(y=odd).to_values("y")

    others = [x for x in range(ROWS) if x != 25]
    assert run(on_error="skip") == others
    log.new()
    assert run(on_error="skip") == others
    assert log.new() == []
    assert run(on_error="null") == [None if x == 25 else x for x in range(ROWS)]
    assert run(on_error="record") == others
    assert run(on_error="skip", retries=1, retry_wait=0) == others
    assert log.new() == [25, 25, 25, 25]
    with pytest.raises(ValueError, match="odd"):
        run()
    assert log.new() == [25]


def test_groups_that_did_not_change(tmp_path: Path) -> None:
    log = Log(tmp_path / "calls")

    def total(x: list[int]) -> int:
        log.note(sum(x))
        yield sum(x)

    def run(last: int) -> list[int]:
        rows = dc.read_values(x=[*range(8), last], third=[x % 3 for x in range(9)])
        made = rows.agg(y=total, partition_by="third", output={"y": int})
        return sorted(made.to_values("y"))

    assert run(8) == [9, 12, 15]
    log.new()
    assert run(80) == [9, 12, 87]
    assert log.new() == [87]


def test_many_results_of_a_row(tmp_path: Path) -> None:
    log = Log(tmp_path / "calls")

    def upto(x: int) -> int:
        log.note(x)
        yield from range(x % 4)

    def run(rows: dc.DataChain) -> list[tuple[int, int]]:
        return rows.gen(y=upto, output={"y": int}, keep=["x"]).to_list("x", "y")

    run(numbers().filter(C("third") == 0))
    log.new()
    assert run(numbers()) == [(x, y) for x in range(ROWS) for y in range(x % 4)]
    assert log.new() == [x for x in range(ROWS) if x % 3]
    back = run(numbers().order_by("x", descending=True))
    assert back == [(x, y) for x in reversed(range(ROWS)) for y in range(x % 4)]
    assert log.new() == []


def test_other_arguments_and_other_types_are_others(square: Log) -> None:
    def pair(a: str, b: str) -> str:
        square.note(len(a))
        return f"{a}|{b}"

    def run(a: list[str | None], b: list[str | None]) -> list[str]:
        return dc.read_values(a=a, b=b).map(y=pair).to_values("y")

    assert run(["ab", "a", ""], ["c", "bc", "abc"]) == ["ab|c", "a|bc", "|abc"]
    assert run(["a"], ["bc"]) == ["a|bc"]
    assert len(square.new()) == 3

    def shown(x: Any) -> str:
        return repr(x)

    for value in (1, 1.0, "1", True):
        made = dc.read_values(x=[value]).map(y=shown, output=str)
        assert made.to_values("y") == [repr(value)]


def test_damaged_units_are_absent(square: Log, root: Path) -> None:
    mapped(numbers(), square).to_list()
    square.new()
    [units, keys] = (sorted(root.glob(f"jobs/*/*.{kind}")) for kind in ("unit", "values-*"))
    assert len(units) == len(keys) == 4
    units[1].write_bytes(units[1].read_bytes()[:-9])
    keys[2].write_bytes(keys[2].read_bytes()[:-9])
    units[3].unlink()
    assert mapped(numbers(), square).to_values("y") == [x * x for x in range(ROWS)]
    assert square.new() == list(range(10, ROWS))
    assert mapped(numbers(), square).to_values("y") == [x * x for x in range(ROWS)]
    assert square.new() == []


CLOSING = """
import sys
import lakebed as dc
from recording import record

def scaled(by, limit):
    def scale(x: int) -> int:
        record(x)
        if x == limit:
            raise ValueError(x)
        return x * by if x > 15 else x
    return scale

by, limit = map(int, sys.argv[1:])
print(dc.read_values(x=list(range(30))).settings(batch_size=10).map(y=scaled(by, limit)).sum("y"))
"""


def test_a_sibling_of_a_closure_takes_nothing_over(project: Project) -> None:
    project.write("script.py", CLOSING)
    project.run("script.py", "2", "14", fails=True)
    assert len(project.new_calls()) == 15
    rest = sum(range(16))
    # they agree on all rows that both computed
    assert project.run("script.py", "3", "40").out == f"{rest + 3 * sum(range(16, 30))}\n"
    assert len(project.new_calls()) == 30


REPAIRED = """
import lakebed as dc
from recording import record

def f(x: int) -> int:
    record(x)
    if x == 25:
        raise ValueError(x)
    return x + 1

rows = range(30)
print(dc.read_values(x=list(rows)).settings(batch_size=10).map(y=f).to_values("y"))
"""


def test_a_repair_that_gives_other_results_takes_nothing_over(project: Project) -> None:
    project.write("script.py", REPAIRED)
    project.run("script.py", fails=True)
    project.new_calls()
    project.edit("script.py", "    if x == 25:\n        raise ValueError(x)\n", "")
    project.edit("script.py", "x + 1", "x + 2")
    ran = project.run("script.py")
    assert ran.out == f"{[x + 2 for x in range(30)]}\n"
    assert "nothing of earlier code is taken over, because it gives other results" in ran.err
    assert sorted(map(int, project.new_calls())) == list(range(30))
    again = project.run("script.py")
    assert "skipped, 30 rows from checkpoint\n" in again.err
    assert project.new_calls() == []


def test_a_repair_of_a_repair(project: Project) -> None:
    project.write("script.py", REPAIRED)
    project.run("script.py", fails=True)
    project.edit("script.py", "x == 25", "x == 28")
    project.run("script.py", fails=True)
    calls = project.new_calls()
    assert len(calls) == 26 + 9, "rows of finished units are not computed again"
    project.edit("script.py", "    if x == 28:\n        raise ValueError(x)\n", "")
    ran = project.run("script.py")
    assert ran.out == f"{[x + 1 for x in range(30)]}\n"
    assert len(project.new_calls()) <= 10


TWO = """
import sys
import lakebed as dc
from recording import record

def f(x: int) -> int:
    record(x)
    return x * x

first = int(sys.argv[1])
rows = [(first + x) % 2000 for x in range(2000)]
made = dc.read_values(x=rows).settings(batch_size=50).map(y=f)
assert made.to_values("y") == [x * x for x in rows]
"""


def test_two_processes_share_a_function(project: Project) -> None:
    project.write("script.py", TWO)
    both = [project.start("script.py", first) for first in ("0", "1000")]
    for child in both:
        assert child.wait(60) == 0
    assert {int(call) for call in project.new_calls()} == set(range(2000))
    project.run("script.py", "500")
    assert project.new_calls() == []


LARGE = """
import resource, sys
import lakebed as dc

def large(x: int) -> bytes:
    return x.to_bytes(8, "big") * 25_000

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

rows = dc.read_values(x=list(range(2000)))
if sys.argv[1:] == ["make"]:
    for part in rows.map(y=large).to_iter("y"):
        pass
else:
    rows.limit(1).to_list()
    base = peak()
    for x, y in rows.order_by("x", descending=True).map(y=large).to_iter("x", "y"):
        assert y[:8] == x.to_bytes(8, "big")
    print(peak() - base)
"""


def test_large_results_in_another_order_stay_out_of_memory(project: Project) -> None:
    project.write("script.py", LARGE)
    project.run("script.py", "make")
    assert int(project.run("script.py", "read").out) < 300
