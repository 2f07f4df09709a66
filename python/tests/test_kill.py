"""`kill -9` at any moment: what was saved stays, what was not is never seen."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import C

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("LAKEBED_TEST_KILLS", "10"))
ROWS = 200_000
FIRST = 1000  # `mark` of the version that is there before the first kill

# Checks the versions that it does not know, saves one, says so, and goes on until it is killed.
SAVER = """
import json, sys, time
import lakebed as dc
from lakebed import C, func

def sums(chain):
    return chain.group_by(
        low=func.min("mark"), high=func.max("mark"), rows=func.count(), x=func.sum("x"),
        text=func.sum(func.string.length("pair.text")), half=func.sum("pair.half"),
        norm=func.sum(func.euclidean_distance("vector", [0.0, 0.0])),
    ).to_list()[0]

mark, known = int(sys.argv[1]), json.loads(sys.argv[2])
found = dc.datasets().filter(C("name") == "pets").to_values("version")
new = {v: sums(dc.read_dataset("pets", version=v)) for v in found if v not in known}
chain = dc.read_dataset("source").mutate(mark=mark)
begin = time.perf_counter()
saved = chain.save("pets").version
said = {"found": found, "new": new, "saved": saved, "secs": time.perf_counter() - begin}
print(json.dumps(said), flush=True)
while True:
    chain.save("pets")
"""

# The first two saves into a new root.
OPENER = """
import lakebed as dc
dc.DataChain, dc.read_values  # imported here, before the clock starts
print("ready", flush=True)
for _ in range(2):
    dc.read_values(x=list(range(1000))).save("pets")
print("done", flush=True)
"""

# Exports a row that is there once somebody writes into a pipe.
EXPORTER = """
import sys
import lakebed as dc

def hold(x: int) -> str:
    print("begun", flush=True)
    with open(sys.argv[2]) as pipe:
        return pipe.read()

dc.read_values(x=[1]).settings(ephemeral=True).map(text=hold).to_csv(sys.argv[1])
print("done", flush=True)
"""


@pytest.fixture
def start():
    """Starts children that are gone when the test is over, however it ends."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, *arguments]
        started.append(
            subprocess.Popen(  # noqa: S603
                command, stdout=subprocess.PIPE, text=True, env=os.environ | env
            )
        )
        return started[-1]

    yield start
    for child in started:
        kill(child)


def said_by(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, f"the child ended with {child.wait()}; its stderr says why"
    return line.strip()


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


def source() -> dc.DataChain:
    import pyarrow as pa

    pairs = [{"text": "a" * (x % 3), "half": x / 2} for x in range(ROWS)]
    vectors = [[3.0 * (x % 5), 4.0 * (x % 5)] for x in range(ROWS)]
    return dc.read_arrow(pa.table({"x": list(range(ROWS)), "pair": pairs, "vector": vectors}))


def expected(mark: int) -> list[float]:
    """The sums of a whole version; every norm is a whole number."""
    rows = range(ROWS)
    text, norm = sum(x % 3 for x in rows), sum(5 * (x % 5) for x in rows)
    return [mark, mark, ROWS, sum(rows), text, sum(rows) / 2, norm]


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def progress_of_saves(root: Path) -> list[int]:
    """How many files, commits, tags and visible versions of `pets` there are."""
    [folder] = root.glob("data/*/*/pets.lance")
    steps = ("data/*", "_versions/*.manifest", "_refs/tags/*.json")
    visible = dc.datasets().filter(C("name") == "pets").count()
    return [*(len(list(folder.glob(step))) for step in steps), visible]


@pytest.mark.usefixtures("afresh")
@pytest.mark.timeout(60 + 5 * KILLS)
def test_killed_while_saving(start, root: Path) -> None:
    moments = random.Random(54)  # noqa: S311  not for secrets
    sums = expected(0)[2:]
    source().save("source")
    dc.read_dataset("source").mutate(mark=FIRST).save("pets")
    before = progress_of_saves(root)
    files_each, known, hits = before[0], ["1.0.0"], Counter[str]()
    for mark in range(KILLS):
        child = start(SAVER, str(mark), json.dumps(known))
        said = json.loads(said_by(child))
        # all earlier versions are there, the new ones are whole and of the child before
        assert set(known) <= set(said["found"])
        assert all(new == [mark - 1, mark - 1, *sums] for new in said["new"].values()), said
        # what the killed child left is in nobody's way, and its number is not given twice
        assert number(said["saved"]) > max(map(number, said["found"]))
        known = said["found"]
        time.sleep(moments.uniform(0, said["secs"]))
        kill(child)
        after = progress_of_saves(root)
        files, commits, tags, visible = (b - a for a, b in zip(before, after, strict=True))
        hits["written"] += files > commits * files_each
        hits["committed"] += commits > tags
        hits["tagged"] += tags > visible
        before = after
    assert hits["written"], "no kill hit a save, so this shows nothing"
    # of what the kills left nothing is needed: all versions are whole without it
    freed, needed = dc.gc(ttl=0).freed, dc.gc(ttl=0)
    assert freed > 0
    assert progress_of_saves(root)[0] == before[-1] * files_each
    assert {one.reason for one in needed.kept} == {"its versions need it"}
    assert needed.removed == []
    # once more in a fresh process: every version, also the first
    child = start(SAVER, str(KILLS), "[]")
    versions = json.loads(said_by(child))["new"]
    kill(child)
    assert len(versions) == before[-1] > KILLS
    assert versions.pop("1.0.0") == [FIRST, FIRST, *sums]
    assert {made[0] for made in versions.values()} == set(range(KILLS))
    assert all(made == [made[0], made[0], *sums] for made in versions.values())


@pytest.mark.timeout(60 + 5 * KILLS)
def test_killed_while_opening_a_new_root(start, tmp_path: Path) -> None:
    moments = random.Random(54)  # noqa: S311  not for secrets
    secs = 0.0
    for attempt in range(-1, KILLS // 2):
        folder = tmp_path / f"root{attempt}"
        child = start(OPENER, LAKEBED_ROOT=str(folder))
        said_by(child)
        begin = time.perf_counter()
        if attempt < 0:
            said_by(child)
            secs = time.perf_counter() - begin
        time.sleep(moments.uniform(0, secs))
        kill(child)
        session = dc.Session(root=str(folder))
        found = dc.datasets(session).to_values("version")
        for version in found:
            assert dc.read_dataset("pets", version=version, session=session).sum("x") == 499_500
        saved = dc.read_values(x=[1, 2], session=session).save("pets")
        assert number(saved.version or "") > max(map(number, found), default=(0,))
        assert saved.sum("x") == 3


def test_the_next_export_removes_what_dead_ones_left(start, tmp_path: Path) -> None:
    folder, pipe = tmp_path / "out", tmp_path / "pipe"
    os.mkfifo(pipe)
    dead, living = (start(EXPORTER, str(folder / f"{n}.csv"), str(pipe)) for n in ("a", "b"))
    for child in (dead, living):
        assert said_by(child) == "begun"
    kill(dead)
    assert len(list(folder.iterdir())) == 2
    dc.read_values(x=[1]).to_parquet(folder / "c.parquet")
    assert len(list(folder.iterdir())) == 2
    pipe.write_text("late")
    assert said_by(living) == "done"
    assert {path.name for path in folder.iterdir()} == {"b.csv", "c.parquet"}
    assert dc.read_csv(folder / "b.csv", source=False).to_list("x", "text") == [(1, "late")]
