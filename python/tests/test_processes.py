"""Several processes and threads on one root: all saves succeed, nobody sees another's rows."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import func

if TYPE_CHECKING:
    from pathlib import Path

SECS = 30  # long enough for a slow machine, short enough to notice a deadlock

# Two threads, five saves each; rows and their number tell the writer.
WRITER = """
import json, sys, threading
import lakebed as dc

def save(thread):
    try:
        for turn in range(5):
            tag = int(sys.argv[1]) * 100 + thread * 10 + turn
            chain = dc.read_values(tag=[tag] * (1000 + tag))
            start.wait()
            made.append((chain.save("shared").version, tag))
    except BaseException:
        start.abort()
        raise

made, start = [], threading.Barrier(2)
threads = [threading.Thread(target=save, args=(thread,)) for thread in range(2)]
dc.read_values, dc.DataChain
print("ready", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(made))
"""

# Opens the roots that it is told, as soon as it is told.
OPENER = """
import sys
import lakebed as dc
dc.read_values, dc.DataChain
print("ready", flush=True)
for line in sys.stdin:
    session = dc.Session(root=line.strip())
    dc.read_values(by=[int(sys.argv[1])], session=session).save("shared")
    print("saved", flush=True)
"""

FORKER = """
import os, sys
import lakebed as dc

def twice(x: int) -> int:
    return x * 2

dc.read_values(x=[1, 2, 3]).map(y=twice).save("pets")
child = os.fork()
chain = dc.read_dataset("pets", version="1.0.0")
saved = chain.map(z=twice, params=["y"], output=int).save("child" if child == 0 else "parent")
assert saved.to_values("z") == [4, 8, 12], saved.to_list()
assert dc.read_values(x=[4, child]).save("pets").version in ("1.0.1", "1.0.2")
if child:
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert sorted(dc.datasets().to_values("name")) == ["child", "parent"] + ["pets"] * 3
    print("done")
"""

# What the parent keeps for its session is not the child's to remove when it ends.
KEEPER = """
import os, sys
import lakebed as dc

kept = dc.read_values(x=[1, 2]).persist()
child = os.fork()
if child == 0:
    dc.read_values(x=[3]).save("pets")
    sys.exit()
_, status = os.waitpid(child, 0)
session = dc.Session.get()
print(status, kept.to_values("x"), session._native.job(session._job_id())["status"])
"""

# A child that ends leaves the folder of its parent's session in memory alone.
FORGETTER = """
import os, sys
import lakebed as dc

kept = dc.read_values(x=[1, 2], in_memory=True).persist()
child = os.fork()
if child == 0:
    sys.exit()
os.waitpid(child, 0)
print(kept.to_values("x"))
"""

CHAIN_OF_PARENT = """
import os
import lakebed as dc

chain = dc.read_values(x=[1, 2]).save("pets")
child = os.fork()
assert chain.save("pets").to_values("x") == [1, 2]
if child:
    print(os.waitpid(child, 0)[1])
"""


class Child:
    """A process that is told lines and says lines; killed when the test is over."""

    def __init__(self, script: str, *arguments: str) -> None:
        command = [sys.executable, "-c", script, *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(  # noqa: S603
            command, stdin=pipe, stdout=pipe, text=True, start_new_session=True
        )

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def said(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the child ended with {self.process.wait()}; its stderr says why"
        return line.strip()

    def end(self) -> str:
        """What it said since; it must end well, and soon."""
        said, _ = self.process.communicate(timeout=SECS)
        assert self.process.returncode == 0
        return said


@pytest.fixture
def start():
    started: list[Child] = []

    def start(script: str, *arguments: str) -> Child:
        started.append(Child(script, *arguments))
        return started[-1]

    yield start
    for child in started:
        # what it forked holds its pipes, too
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.communicate()


def test_writers_of_one_name(start) -> None:
    writers = [start(WRITER, str(number)) for number in range(2)]
    for writer in writers:
        assert writer.said() == "ready"
    for writer in writers:
        writer.tell("go")
    made = [pair for writer in writers for pair in json.loads(writer.end())]
    versions = [version for version, _ in made]
    assert len(versions) == len(set(versions)) == 20
    assert sorted(dc.datasets().to_values("version")) == sorted(versions)
    for version, tag in made:
        sums = {"n": func.count(), "low": func.min("tag"), "high": func.max("tag")}
        found = dc.read_dataset("shared", version=version).group_by(**sums)
        assert found.to_list() == [(1000 + tag, tag, tag)]


def test_two_open_a_new_root(start, tmp_path: Path) -> None:
    openers = [start(OPENER, str(number)) for number in range(2)]
    for opener in openers:
        assert opener.said() == "ready"
    for attempt in range(10):
        folder = str(tmp_path / f"root{attempt}")
        for opener in openers:
            opener.tell(folder)
        assert [opener.said() for opener in openers] == ["saved", "saved"]
        session = dc.Session(root=folder)
        versions = dc.datasets(session).to_values("version")
        assert sorted(versions) == ["1.0.0", "1.0.1"]
        rows = [dc.read_dataset("shared", version=v, session=session).to_list() for v in versions]
        assert sorted(rows) == [[(0,)], [(1,)]]
    for opener in openers:
        opener.end()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_works(start) -> None:
    assert start(FORKER).end() == "done\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_leaves_what_is_its_parents(start) -> None:
    assert start(KEEPER).end() == "0 [1, 2] running\n"
    assert start(FORGETTER).end() == "[1, 2]\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_uses_a_chain_of_its_parent(start) -> None:
    assert start(CHAIN_OF_PARENT).end() == "0\n"
