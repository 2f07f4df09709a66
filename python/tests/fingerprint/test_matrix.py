"""A matrix of edits: what each must do to kept results, judged by values of a fresh run.

No edit may leave an answer standing that a fresh run would not give. A case in which
results are computed again though nothing changed says why (`needless`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parent / "matrix"
SERVER = FOLDER / "server.py"
FOOTER = runpy.run_path(str(SERVER))["FOOTER"]
IMPORTED = ("numpy", "pandas", "pyarrow.parquet", "pyarrow.dataset", "pyarrow.csv", "pydantic")


class Case(NamedTuple):
    """An edit.

    Attributes:
        name: What is edited.
        script: Defines `f`, which maps `x`; or a `CHAIN` with a column `y`.
        edits: What is replaced by what; of other files than the script with their name.
        expected: `recompute` or `reuse`.
        more: `files`, and what else there is: code that makes (`prepare`) or alters
            (`change`) them, environments, options of the interpreter, packages.
    """

    name: str
    script: str
    edits: list[tuple[str, ...]]
    expected: str
    more: Mapping[str, Any] = MappingProxyType({})


def _cases() -> list[Case]:
    tables = ("ordinary", "inputs", "listed", "hidden", "needless", "said")
    return [
        Case(*row) for name in tables for row in runpy.run_path(str(FOLDER / f"{name}.py"))["CASES"]
    ]


CASES = _cases()


class Servers:
    """Interpreters that run scripts, by their options."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, ...], subprocess.Popen[str]] = {}

    def run(self, flags: list[str], job: dict[str, Any]) -> dict[str, Any]:
        key = tuple(flags)
        if key not in self._running:
            command = [sys.executable, *flags, str(SERVER), *IMPORTED]
            self._running[key] = subprocess.Popen(  # noqa: S603
                command,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        server = self._running[key]
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        answer: dict[str, Any] = json.loads(server.stdout.readline())
        return answer

    def close(self) -> None:
        for server in self._running.values():
            server.stdin.close()
            server.wait()
            server.stdout.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


def as_text(source: str) -> str:
    """The source, with an `f` that gives texts."""
    head, defined, body = re.sub(r"(?m)^(f = lambda \w+:) (.*)$", r"\1 str(\2)", source).partition(
        "def f("
    )
    inside, dedent, rest = body.partition("\nf = ") if "\nf = " in body else (body, "", "")
    return head + defined + re.sub(r"(?m)return (.+)$", r"return str(\1)", inside) + dedent + rest


class Story:
    """A case in a folder of its own."""

    def __init__(self, case: Case, folder: Path, servers: Servers) -> None:
        self.case, self.folder, self.servers = case, folder, servers
        self.more = case.more
        self.files = {"main.py": case.script, **self.more.get("files", {})}
        self.write()

    def write(self) -> None:
        for name, text in self.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_text(text) + (FOOTER if name == "main.py" else ""))

    def run(self, script: str = "main.py", *, after: bool = False, **env: str) -> list[str]:
        env = {"LAKEBED_ROOT": str(self.folder / "root")} | self.more.get("env", {}) | env
        env |= self.more.get("env_after", {}) if after else {}
        flags = self.more.get("flags_after", []) if after else []
        answer = self.servers.run(flags, {"folder": str(self.folder), "env": env, "script": script})
        found: list[str] = answer["values"]
        return found

    def prepare(self, code: str) -> None:
        if code:
            (self.folder / "_prepare.py").write_text(code + "\nRESULT = []\n")
            assert self.run("_prepare.py") == []

    def edit(self) -> None:
        for edit in self.case.edits:
            file, before, after = edit if len(edit) == 3 else ("main.py", *edit)
            text = self.files[file]
            assert before in text, f"`{before}` is not in `{file}`"
            self.files[file] = text.replace(before, after)
        self.write()
        self.prepare(self.more.get("change", ""))

    def units(self) -> set[str]:
        return {unit.name for unit in (self.folder / "root" / "jobs").glob("*/*.unit")}


def judged(case: Case, folder: Path, servers: Servers) -> tuple[str, str]:
    """What was done and whether its values are those of a fresh run: `reuse` or `recompute`."""
    story = Story(case, folder, servers)
    story.prepare(case.more.get("prepare", ""))
    before = story.run()
    known = story.units()
    story.edit()
    script = case.more.get("then", "main.py")
    found = story.run(script, after=True)
    done = "reuse" if known and story.units() == known else "recompute"
    fresh = story.run(script, after=True, LAKEBED_IGNORE_CHECKPOINTS="1")
    values = "fresh" if found == fresh else f"stale: {found} where a fresh run gives {fresh}"
    if case.expected == "recompute" and not case.more.get("same"):
        assert before != fresh, "the edit changes nothing"
    if case.expected == "reuse" and not case.more.get("random"):
        assert before == fresh, f"the edit changes values: {before}, {fresh}"
    return done, values


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_edit(case: Case, tmp_path: Path, servers: Servers) -> None:
    for package in case.more.get("needs", ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    done, values = judged(case, tmp_path, servers)
    assert values == "fresh"
    expected = "recompute" if case.more.get("needless") else case.expected
    if not case.more.get("fails"):
        assert done == expected


def test_the_matrix_is_one() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 120
    assert os.path.isfile(SERVER)  # noqa: PTH113
