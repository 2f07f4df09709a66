"""What failed code computed is taken over by its repair, and by no other function."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project

SCRIPT = """
import lakebed as dc
from recording import record

def embed(x: int) -> int:
    record(x)
    return x + 1

made = dc.read_values(x=list(range(30))).settings(batch_size=10).map(y=embed).save("made")
print(made.version, made.to_values("y") == [x + 1 for x in range(30)])
"""

FAILING = """    if x == 25:
        raise ValueError(x)
    return x * 1000
"""


def failed(project: Project, name: str) -> None:
    project.write(name, SCRIPT)
    project.edit(name, "    return x + 1\n", FAILING)
    project.run(name, fails=True)
    assert len(project.new_calls()) == 26


def test_a_function_of_another_script(project: Project) -> None:
    failed(project, "a.py")
    project.write("b.py", SCRIPT)
    assert project.run("b.py").out == "1.0.0 True\n"
    assert len(project.new_calls()) == 30


def test_a_function_of_another_folder(project: Project) -> None:
    for name in ("a", "b"):
        (project.folder / name).mkdir()
        project.write(f"{name}/recording.py", (project.folder / "recording.py").read_text())
    failed(project, "a/embed.py")
    project.write("b/embed.py", SCRIPT)
    assert project.run("b/embed.py").out == "1.0.0 True\n"


def test_a_repair_goes_on_and_its_mix_is_never_unchanged(project: Project) -> None:
    failed(project, "a.py")
    project.edit("a.py", "x == 25", "x == 250")
    assert project.run("a.py").out == "1.0.0 False\n"
    assert project.new_calls() == [str(x) for x in range(20, 30)]
    again = project.run("a.py")
    assert again.out == "1.0.1 False\n"
    assert "unchanged" not in again.err
    assert project.new_calls() == []


def test_whole_results_stay_when_the_script_moves(project: Project) -> None:
    project.write("a.py", SCRIPT)
    assert project.run("a.py").out == "1.0.0 True\n"
    project.new_calls()
    (project.folder / "a.py").rename(project.folder / "moved.py")
    ran = project.run("moved.py")
    assert "unchanged" in ran.err
    assert ran.out == "1.0.0 True\n"
    assert project.new_calls() == []
