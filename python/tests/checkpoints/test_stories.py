"""What users see when they fix a bug and run again, however they run their code."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project

SCRIPT = """
import sys, time
import lakebed as dc
from recording import record

def f(x: int) -> int:
    record(x)
    if x == 237:
        raise ValueError("bug")
    return 2 * x

begin = time.perf_counter()
saved = dc.read_values(x=list(range(1000))).settings(batch_size=100).map(y=f).save("numbers")
secs = time.perf_counter() - begin
print(saved.version, saved.count(), saved.sum("y"))
print(f"{secs:.2f} s", file=sys.stderr)
"""

GEN = """
import lakebed as dc
from recording import record

def f(x: int):
    record(x)
    yield x
    if x == 237:
        raise ValueError("bug")
    yield 2 * x

chain = dc.read_values(x=list(range(1000))).settings(batch_size=100)
saved = chain.gen(y=f, output={"y": int}).save("numbers")
print(saved.version, saved.count(), saved.sum("y"))
"""

AGG = """
import lakebed as dc
from recording import record

def f(key: list[int], x: list[int]) -> int:
    record(key[0])
    if key[0] == 237:
        raise ValueError("bug")
    yield sum(x)

rows = range(3000)
chain = dc.read_values(key=[x % 1000 for x in rows], x=list(rows)).settings(batch_size=100)
saved = chain.agg(y=f, partition_by="key", output={"y": int}).save("numbers")
print(saved.version, saved.count(), saved.sum("y"))
"""

BUG = '    if {0} == 237:\n        raise ValueError("bug")\n'


@pytest.mark.parametrize(
    ("script", "bug", "rows"),
    [(SCRIPT, "x", "1000 999000"), (GEN, "x", "2000 1498500"), (AGG, "key[0]", "1000 4498500")],
    ids=["map", "gen", "agg"],
)
def test_a_repaired_function_goes_on(project: Project, script: str, bug: str, rows: str) -> None:
    project.write("script.py", script)
    failed = project.run("script.py", fails=True)
    assert "ValueError: bug" in failed.err
    assert "input row 237" in failed.err
    assert project.new_calls() == [str(x) for x in range(238)]

    project.edit("script.py", BUG.format(bug), "")
    repaired = project.run("script.py")
    assert "UDF 'f': continuing from checkpoint, 200 rows done" in repaired.err
    assert repaired.out.startswith(f"1.0.0 {rows}")
    assert project.new_calls() == [str(x) for x in range(200, 1000)]

    # rows of two codes are kept, but what is made of them is not what either would make
    again = project.run("script.py")
    assert "skipped, 1000 rows from checkpoint, 200 of them by earlier code" in again.err
    assert again.out.startswith(f"1.0.1 {rows}")
    assert project.new_calls() == []


WITHOUT_BUG = SCRIPT.replace(BUG.format("x"), "")


def as_script(project: Project) -> str:
    project.write("script.py", WITHOUT_BUG)
    return project.run("script.py").out


def moved(project: Project) -> str:
    (project.folder / "elsewhere").mkdir(exist_ok=True)
    project.write("elsewhere/other.py", WITHOUT_BUG)
    shutil.copy(project.folder / "recording.py", project.folder / "elsewhere")
    return project.run("elsewhere/other.py").out


def as_text(project: Project) -> str:
    return project.run("-c", WITHOUT_BUG).out


def as_module(project: Project) -> str:
    project.write("script.py", WITHOUT_BUG)
    return project.run("-m", "script").out


def in_the_repl(project: Project) -> str:
    # an empty line ends the function
    typed = WITHOUT_BUG.replace("return 2 * x\n", "return 2 * x\n\n")
    return project.run("-i", "-q", stdin=typed).out


def in_cells(project: Project) -> str:
    """As notebooks do: the cells run in one namespace, which is that of `__main__`."""
    cells = json.dumps(WITHOUT_BUG.split("\n\n"))
    notebook = f"""
        import sys
        main = vars(sys.modules["__main__"])
        for number, cell in enumerate({cells}):
            exec(compile(cell, f"<cell {{number}}>", "exec", dont_inherit=True), main)
    """
    project.write("notebook.py", notebook)
    return project.run("notebook.py").out


def test_it_does_not_matter_how_code_is_run(project: Project) -> None:
    assert as_script(project).startswith("1.0.0 1000 999000")
    assert len(project.new_calls()) == 1000
    for way in (moved, as_text, as_module, in_the_repl, in_cells):
        assert way(project).startswith("1.0.0 1000 999000"), way
        assert project.new_calls() == [], way


UNTYPED = """
import lakebed as dc
from recording import record

def model():
    record("model")
    return 2

def f(x, model):
    record(x)
    return model * x

rows = dc.read_values(x=[1, 2, 3])
saved = rows.setup(model=model).map(y=f).map(z=lambda y: y + 1).save("numbers")
print(saved.version, saved.to_list("x", "y", "z"))
"""


def test_a_function_without_annotations_is_not_called_to_learn_what_it_gives(
    project: Project,
) -> None:
    project.write("script.py", UNTYPED)
    first = project.run("script.py").out
    assert first == "1.0.0 [(1, 2, 3), (2, 4, 5), (3, 6, 7)]\n"
    assert [call for call in project.new_calls() if call != "model"] == ["1", "2", "3"]

    assert project.run("script.py").out == first
    assert project.new_calls() == []

    project.edit("script.py", "return model * x", "return model * x / 2")
    assert project.run("script.py").out.startswith("1.0.1 [(1, 1.0, 2.0), (2, 2.0, 3.0)")
    assert [call for call in project.new_calls() if call != "model"] == ["1", "2", "3"]

    project.edit("script.py", "x=[1, 2, 3]", "x=[0.5, 2, 3]")
    assert project.run("script.py").out.startswith("1.0.2 [(0.5, 0.5, 1.5), (2.0, 2.0, 3.0)")
    assert "0.5" in project.new_calls()


def test_what_a_function_gives_depends_on_how_it_is_used() -> None:
    import lakebed as dc

    def twice(x):  # type: ignore[no-untyped-def]
        return [x, x]

    rows = dc.read_values(x=[1, 2])
    assert rows.map(one=twice).to_values("one") == [[1, 1], [2, 2]]
    assert rows.map(other=twice).to_values("other") == [[1, 1], [2, 2]]
    assert rows.map(twice, output=["a", "b"]).to_list("a", "b") == [(1, 1), (2, 2)]
    assert rows.map(twice, output=["p", "q"]).to_list("p", "q") == [(1, 1), (2, 2)]
    assert rows.gen(one=twice).to_values("one") == [1, 1, 2, 2]
