"""Scripts in folders of their own, run by fresh interpreters; their functions tell of calls."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 60

# what is called a token says nothing about the results
RECORDING = """
import os

def record(call):
    # one write to a file that is open for appending: whole even when the process is killed
    log = os.open(os.environ["TOKEN_CALLS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{call}\\n".encode())
    os.close(log)
"""


@dataclass
class Project:
    """A folder with scripts, a root, and a file with a line for each call."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    told: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.write("recording.py", RECORDING)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(dedent(text))

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert before in text, f"`{before}` is not in `{name}`"
        path.write_text(text.replace(before, after))

    def calls(self) -> list[str]:
        """All calls so far."""
        log = self.folder / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def new_calls(self) -> list[str]:
        """The calls since this was asked before."""
        calls = self.calls()
        new, self.told = calls[self.told :], len(calls)
        return new

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """An interpreter with these arguments, leader of a process group."""
        own = {
            "LAKEBED_ROOT": str(self.folder / "root"),
            "TOKEN_CALLS": str(self.folder / "calls"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAKEBED_TEST_TOKEN": str(self.folder),
        }
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | own | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(child)
        return child

    def run(self, *arguments: str, stdin: str = "", fails: bool = False, **env: str) -> Ran:
        """How a run ended; it has to succeed unless it is to fail."""
        child = self.start(*arguments, **env)
        out, err = child.communicate(stdin, timeout=SECONDS)
        assert (child.returncode != 0) == fails, err
        return Ran(out, err)

    def left(self) -> list[str]:
        """Processes that a script of this folder started and that are still there."""
        token = f"LAKEBED_TEST_TOKEN={self.folder}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            # it may end while it is looked at
            with suppress(OSError):
                if token in (process / "environ").read_bytes().split(b"\0"):
                    found.append(process.name)
        return found

    def wait_until_alone(self) -> None:
        """Every process of this folder ends within seconds."""
        self.wait_until(lambda: not self.left(), "processes are left")

    @staticmethod
    def wait_until(true: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + SECONDS / 2
        while not true():
            assert time.monotonic() < end, otherwise
            time.sleep(0.002)

    def close(self) -> None:
        for child in self.started:
            child.kill()
            child.communicate()


@dataclass
class Ran:
    out: str
    err: str


@pytest.fixture(scope="module")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Project]]:
    """Makes projects that live as long as the module's tests."""
    made: list[Project] = []

    def new() -> Project:
        made.append(Project(tmp_path_factory.mktemp("project") / "project"))
        return made[-1]

    yield new
    for one in made:
        one.close()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "project")
    yield made
    made.close()


class Calls:
    """The calls of functions, in a file: workers write to it too, and a list would be code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, value: object) -> None:
        with self.path.open("a") as log:
            log.write(f"{value}\n")

    def new(self) -> list[str]:
        """Those since this was asked before, sorted."""
        lines = self.path.read_text().split("\n")[:-1] if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return sorted(lines)


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    return Calls(tmp_path / "calls")
