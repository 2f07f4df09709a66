"""`kill -9` in the middle of a function: what was finished is there, and nothing else is left."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project
    from servers.double_server import S3Double

KILLS = int(os.environ.get("LAKEBED_TEST_KILLS", "3"))
CALLS = 20_000
UNIT = 500

# How many rows there are, a digest of them in their order, and the number of the version.
SCRIPT = f"""
import hashlib, os
import lakebed as dc
from recording import record

def one(x: int) -> str:
    record(x)
    return str(x * x)

def many(x: int):
    record(x)
    for i in range(x % 3):
        yield x / 7 + i

def group(key: list[int], x: list[int]) -> int:
    record(key[0])
    yield sum(x) + len(x)

def chain():
    rows = range({CALLS})
    if os.environ["KIND"] == "map":
        return start(x=list(rows)).map(y=one)
    if os.environ["KIND"] == "gen":
        return start(x=list(rows)).gen(y=many, output={{"y": float}}, keep=True)
    keys, values = [x % {CALLS} for x in range({CALLS + 100})], list(range({CALLS + 100}))
    made = start(key=keys, x=values)
    return made.agg(y=group, partition_by="key", output={{"y": int}}, keep=True)

def start(**columns):
    parallel = int(os.environ["PARALLEL"])
    return dc.read_values(**columns).settings(batch_size={UNIT}, parallel=parallel or None)

saved = chain().save("made")
digest = hashlib.sha256("\\n".join(map(repr, saved.to_list())).encode()).hexdigest()
print(saved.count(), digest, saved.version)
"""


@pytest.fixture(scope="module")
def uninterrupted(new_project):
    """What the script prints when nobody kills it, for each kind of function."""
    known: dict[str, str] = {}

    def printed(kind: str) -> str:
        if kind not in known:
            project = new_project()
            project.write("script.py", SCRIPT)
            known[kind] = project.run("script.py", KIND=kind, PARALLEL="0").out
            assert len(project.calls()) == CALLS
        return known[kind]

    return printed


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("parallel", [0, 2])
@pytest.mark.parametrize("kind", ["map", "gen", "agg"])
def test_killed(project: Project, uninterrupted, kind: str, parallel: int) -> None:
    check_kills(project, uninterrupted(kind), KIND=kind, PARALLEL=str(parallel))
    stages = project.folder / "root" / "jobs"
    assert stages.exists()
    assert not list(stages.rglob(".tmp*")), "what was not finished is left"


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("parallel", [0, 2])
def test_killed_with_the_root_in_a_bucket(
    project: Project, uninterrupted, s3: S3Double, parallel: int
) -> None:
    env = s3.env | {"LAKEBED_ROOT": f"{s3.uri}/lake"}
    check_kills(project, uninterrupted("map"), KIND="map", PARALLEL=str(parallel), **env)


def check_kills(project: Project, uninterrupted: str, **env: str) -> None:
    moments = random.Random(repr(sorted(env.items())))  # noqa: S311  not for secrets
    project.write("script.py", SCRIPT)
    killed = 0
    for _ in range(KILLS):
        done = len(project.calls())
        moment = done + moments.randrange(1, CALLS // KILLS)
        child = project.start("script.py", **env)
        project.wait_until(
            lambda c=child, m=moment: enough(project, m) or c.poll() is not None, "it is slow"
        )
        child.kill()
        child.communicate()
        killed += child.returncode == -signal.SIGKILL
        project.wait_until_alone()
    assert killed, "no kill hit a run, so this shows nothing"
    finished = project.run("script.py", **env).out
    # a kill in the middle of the commit uses a number up
    assert finished.split()[:2] == uninterrupted.split()[:2]
    again = Counter(project.calls())
    assert len(again) == CALLS
    repeated = again.total() - len(again)
    assert repeated <= KILLS * UNIT * max(int(env["PARALLEL"]), 1), (
        "more than the open units was computed again"
    )
    assert project.run("script.py", **env).out == finished, "an unchanged script made a version"
    assert again.total() == len(project.calls()), "a complete result was computed again"


def enough(project: Project, calls: int) -> bool:
    log = project.folder / "calls"
    return log.exists() and log.read_bytes().count(b"\n") >= calls
