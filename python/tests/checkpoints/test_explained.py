"""`explain(reuse=True)` and `lakebed why` say what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project

SCRIPT = """
import os, sys
import lakebed as dc
import helper

RATE = 2

def scaled(x: int) -> int:
    return x * RATE + helper.add(x) + int(open("w.txt").read()) + int(os.getenv("MORE", "0"))

chain = dc.read_values(x=[1, 2]).map(y=scaled)
if sys.argv[1:] == ["explain"]:
    print(chain.explain(reuse=True))
else:
    chain.save("scaled")
"""

HELPER = "def add(x):\n    return 1\n"


def test_what_changed_is_told(project: Project) -> None:
    project.write("script.py", SCRIPT)
    project.write("helper.py", HELPER)
    project.write("w.txt", "1")

    def explained(**env: str) -> str:
        return project.run("script.py", "explain", **env).out

    assert explained() == "`scaled`: computed, as no results of it are kept\n"
    project.run("script.py")
    assert explained().startswith("`scaled`: results are used again for the same rows (")
    project.edit("script.py", "RATE = 2", "RATE = 3")
    project.edit("helper.py", "return 1", "return 2")
    lines = explained().splitlines()
    assert lines[0] == "`scaled`: computed again"
    assert [line.partition(":")[0].strip() for line in lines[1:]] == [
        "code of `add`",
        "global `RATE` of `scaled`",
    ]
    assert "(helper.py:1)" in lines[1]
    project.edit("script.py", "RATE = 3", "RATE = 2")
    project.edit("helper.py", "return 2", "return 1")
    project.write("w.txt", "5")
    lines = explained(MORE="1").splitlines()
    assert lines[0] == "`scaled`: computed again"
    read = {line.partition(": ")[0].split()[-1].rpartition("/")[2] for line in lines[1:]}
    assert read == {"w.txt", "MORE"}


def test_why_a_dataset_would_be_another(project: Project) -> None:
    project.write("script.py", SCRIPT)
    project.write("helper.py", HELPER)
    project.write("w.txt", "1")
    project.run("script.py")

    def why(name: str) -> str:
        return project.run("-m", "lakebed.cli", "why", name).out

    assert why("scaled") == "`scaled`: nothing changed\n"
    project.edit("helper.py", "return 1", "return 2")
    project.write("w.txt", "5")
    lines = why("scaled").splitlines()
    assert lines[0] == "`scaled`: something changed"
    assert lines[1].startswith("  code in helper.py: ")
    assert "w.txt: " in lines[2]
    assert len(lines) == 3


def test_what_no_function_made(project: Project) -> None:
    project.write("script.py", "import lakebed as dc\ndc.read_values(x=[1]).save('plain')\n")
    project.run("script.py")
    out = project.run("-m", "lakebed.cli", "why", "plain").out
    assert out == "nothing is known of functions that made `plain`\n"
