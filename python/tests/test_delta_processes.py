"""Updates of one dataset by several processes, and by processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import lakebed as dc
from lakebed import C

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = int(os.environ.get("LAKEBED_TEST_KILLS", "3"))


def saved(name: str, **columns: list[Any]) -> dc.DataChain:
    return dc.read_values(**columns).save(name)


UPDATE = """
import sys
import lakebed as dc
sys.stdin.readline()
chain = dc.read_dataset("src", delta=True, delta_on="id")
print(chain.map(n=lambda id: id * 2, output=int).save("made").version)
"""


def test_two_updates_at_once():
    """No row is lost and none is there twice."""
    command = [sys.executable, "-c", UPDATE]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    saved("src", id=[0])
    first = subprocess.run(command, input="go\n", capture_output=True, text=True, check=True)  # noqa: S603
    assert first.stdout == "1.0.0\n"
    for round_ in range(1, ROUNDS + 1):
        ids = range(round_ * 10)
        saved("src", id=list(ids))
        both = [subprocess.Popen(command, **pipes) for _ in range(2)]  # noqa: S603
        for one in both:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        versions = {one.communicate()[0] for one in both}
        assert [one.returncode for one in both] == [0, 0]
        assert len(versions) == 1, "the second one had nothing to do"
        assert sorted(dc.read_dataset("made").to_list("id", "n")) == [(i, i * 2) for i in ids]


KILLED = """
import os, signal, sys, time
import lakebed as dc

# what functions read of modules counts as their code, and what they open or read of the
# environment as their input, but for secrets
os.environ["TOKEN_LEFT"] = sys.argv[1]
os.environ["TOKEN_LOG"] = str(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND))

def called(what: str) -> None:
    os.write(int(os.environ["TOKEN_LOG"]), f"{what}\\n".encode())
    left = int(os.environ["TOKEN_LEFT"]) - 1
    os.environ["TOKEN_LEFT"] = str(left)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def double(id: int) -> int:
    called(f"map {id}")
    return id * 2

def parts(id: int, n: int) -> list[str]:
    called(f"gen {id}")
    return [f"{n} {at}" for at in range(id % 3)]

chain = dc.read_dataset("src", delta=True, delta_on="id").settings(batch_size=10)
# who has no handler for it ends at once
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[3]))
began = time.perf_counter()
print(chain.map(n=double).gen(part=parts, keep="id").save("made").version)
print(time.perf_counter() - began, file=sys.stderr)
"""


def killed(left: int, log: Path, secs: float = 0) -> subprocess.CompletedProcess[str]:
    """Update `made`; the process ends at a call, or after some time, unless it is done before."""
    command = [sys.executable, "-c", KILLED, str(left), str(log), str(secs)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def parts_of(ids: range) -> list[tuple[int, str]]:
    return [(id, f"{id * 2} {at}") for id in ids for at in range(id % 3)]


def test_a_killed_update_goes_on(tmp_path):
    log, chance = tmp_path / "calls", random.Random(7)  # noqa: S311  not for secrets

    saved("src", id=list(range(50)))
    assert killed(0, log).stdout == "1.0.0\n"
    log.unlink()
    saved("src", id=list(range(250)))
    kills = 0
    while (done := killed(chance.randrange(15, 60), log)).returncode != 0:
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
    assert (done.stdout, kills > 3) == ("1.0.1\n", True)
    calls = log.read_text().splitlines()
    names = {f"{verb} {id}" for verb in ("map", "gen") for id in range(50, 250)}
    assert set(calls) == names, "rows that did not change are not computed"
    # at most the unit that was open is computed again, of each function
    assert len(calls) <= len(names) + kills * 2 * 10
    assert sorted(dc.read_dataset("made").to_list("id", "part")) == parts_of(range(250))


def test_an_update_that_is_killed_at_any_moment_goes_on(tmp_path):
    """Also while it compares, writes or commits: one version comes out, and that is whole."""
    chance = random.Random(7)  # noqa: S311  not for secrets
    log = tmp_path / "calls"
    versions = lambda: dc.datasets().filter(C("name") == "made").to_values("version")  # noqa: E731
    saved("src", id=list(range(50)))
    killed(0, log)
    secs, kills, known = 0.2, 0, 50
    for round_ in range(1, ROUNDS + 1):
        log.unlink()
        saved("src", id=list(range(known + 60)))
        before = kills
        while (done := killed(0, log, chance.uniform(0.001, secs))).returncode != 0:
            assert done.returncode == -signal.SIGALRM, done.stderr
            kills, secs = kills + 1, secs * 1.2
            assert len(versions()) in {round_, round_ + 1}
        secs = 2 * float(done.stderr.splitlines()[-1])
        # the numbers of those that did not come to be are not used again
        assert len(versions()) == round_ + 1
        assert done.stdout.strip() in versions()
        calls = log.read_text().splitlines()
        names = {f"{verb} {id}" for verb in ("map", "gen") for id in range(known, known + 60)}
        assert set(calls) == names
        assert len(calls) <= len(names) + (kills - before) * 2 * 10
        known += 60
        rows = sorted(dc.read_dataset("made").to_list("id", "part"))
        assert rows == parts_of(range(known))
    assert kills > ROUNDS // 3
