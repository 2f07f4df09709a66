"""Functions that crash, hang, leak, print garbage, or are interrupted."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed.exceptions import UdfError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=list(range(30))).settings(parallel=1, batch_size=10)


def dies(x: int) -> int:
    if x == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def test_a_worker_that_is_killed(numbers: dc.DataChain) -> None:
    with pytest.raises(dc.DataChainError, match="12") as caught:
        numbers.map(y=dies).to_list()
    assert "dies" in "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    made = numbers.settings(on_error="record").map(y=dies)
    assert made.to_values("y") == [x for x in range(30) if x != 12]
    assert made.errors().to_list("row", "error") == [(12, "WorkerDied")]


def test_a_worker_that_exits(numbers: dc.DataChain) -> None:
    def leaves(x: int) -> int:
        if x == 12:
            os._exit(0)
        return x

    made = numbers.settings(on_error="record").map(y=leaves)
    assert made.to_values("y") == [x for x in range(30) if x != 12]
    assert made.errors().to_values("row") == [12]


def test_work_goes_on_behind_a_crash(numbers: dc.DataChain, tmp_path: Path) -> None:
    log, crash = tmp_path / "calls", tmp_path / "crash"
    crash.touch()

    def unlucky(x: int) -> int:
        with log.open("a") as calls:
            calls.write(f"{x}\n")
        if x == 25 and crash.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with pytest.raises(dc.DataChainError, match="25"):
        numbers.map(y=unlucky).to_list()
    crash.unlink()
    log.unlink()
    assert numbers.map(y=unlucky).to_values("y") == list(range(30))
    assert log.read_text().split() == [str(x) for x in range(20, 30)]


def sleeps(x: int) -> int:
    if x == 12:
        time.sleep(600)
    return x


def is_busy(x: int) -> int:
    if x == 12:
        return sum(range(10**12))  # one call of C that never looks up
    return x


@pytest.mark.parametrize("hangs", [sleeps, is_busy])
def test_a_row_that_hangs(numbers: dc.DataChain, hangs) -> None:
    made = numbers.settings(timeout=0.5, on_error="record").map(y=hangs)
    assert made.to_values("y") == [x for x in range(30) if x != 12]
    assert made.errors().to_list("row", "error") == [(12, "TimeoutError")]


def test_what_functions_print_is_in_nobodys_way(numbers: dc.DataChain) -> None:
    def prints(x: int) -> int:
        sys.stdout.write("\x00\xff garbage" * 100)
        os.write(1, b"\xff\x00\x01\x02" * 1000)
        sys.stdout.buffer.write(b"\xff\x00")
        return x

    assert numbers.map(y=prints).to_values("y") == list(range(30))


def test_a_result_of_a_wrong_type_names_its_row(numbers: dc.DataChain) -> None:
    def wrong(x: int) -> int:
        return "text" if x == 12 else x  # type: ignore[return-value]

    with pytest.raises(UdfError) as caught:
        numbers.map(y=wrong).to_list()
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "row 12" in told
    assert "wrong" in told


def test_a_function_that_leaks(numbers: dc.DataChain) -> None:
    def leaks(x: int, kept: list[bytearray]) -> int:
        if x == 12:
            while True:
                kept.append(bytearray(16 << 20))
        return x

    made = numbers.setup(kept=list).settings(memory="1GB", on_error="record").map(y=leaks)
    assert made.to_values("y") == [x for x in range(30) if x != 12]
    assert made.errors().to_list("row", "error") == [(12, "MemoryError")]


def hundredth(x: int) -> int:
    if x % 100 == 37:
        raise ValueError(f"no {x}")
    return x


@pytest.mark.parametrize("parallel", [False, 2])
def test_one_of_a_hundred_fails(parallel: int) -> None:
    chain = dc.read_values(x=list(range(10_000))).settings(parallel=parallel)
    made = chain.settings(on_error="record").map(y=hundredth)
    assert made.to_values("y") == [x for x in range(10_000) if x % 100 != 37]
    failed = range(37, 10_000, 100)
    errors = made.errors().to_list("row", "arguments", "error", "message")
    assert errors == [(x, str(x), "ValueError", f"no {x}") for x in failed]
    assert all("in hundredth" in text for text in made.errors().to_values("traceback"))
    with pytest.raises(dc.DataChainError, match="99"):
        chain.settings(on_error="skip", max_errors=99).map(y=hundredth).to_list()
    assert chain.settings(on_error="skip", max_errors=100).map(y=hundredth).count() == 9900


def test_retries_wait_longer_each_time(numbers: dc.DataChain, tmp_path: Path) -> None:
    log = tmp_path / "calls"

    def flaky(x: int) -> int:
        if x == 12:
            with log.open("a") as calls:
                calls.write(f"{time.monotonic()}\n")
            if len(log.read_text().split()) < 3:
                raise ConnectionError
        return x

    made = numbers.settings(retries=2, retry_wait=0.1, parallel=False).map(y=flaky)
    assert made.to_values("y") == list(range(30))
    first, second, third = map(float, log.read_text().split())
    assert second - first >= 0.1
    assert third - second >= 0.2


def test_a_forked_child_has_workers_of_its_own(numbers: dc.DataChain) -> None:
    made = numbers.settings(ephemeral=True).map(y=lambda x: (x, os.getpid())[1], output=int)
    ours = set(made.to_values("y"))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writing, json.dumps(made.to_values("y")).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as told:
        theirs = set(json.loads(told.read()))
    assert os.waitpid(child, 0)[1] == 0
    assert not ours & theirs
    assert set(made.to_values("y")) == ours


SLOW = """
import time
import lakebed as dc
from recording import record

def slow(x: int) -> int:
    record(x)
    time.sleep(0.005)
    return x

chain = dc.read_values(x=list(range(1000))).settings(parallel=2, batch_size=50).map(y=slow)
print(chain.save("numbers").sum("y"))
"""


ENDLESS = """
import os
import lakebed as dc
from recording import record

def slow(x: int) -> int:
    record(x)
    while x == 600 and not os.path.exists("repaired"):
        pass
    return x

chain = dc.read_values(x=list(range(1000))).settings(batch_size=50).map(y=slow)
print(chain.save("numbers").sum("y"))
"""


def test_control_c_in_a_call_keeps_what_is_finished(project: Project) -> None:
    project.write("script.py", ENDLESS)
    child = project.start("script.py")
    project.wait_until(lambda: len(project.calls()) > 600, "it never returns")
    begin = time.monotonic()
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert time.monotonic() - begin < 2
    assert child.returncode == -signal.SIGINT
    assert err.strip().splitlines()[-1] == "KeyboardInterrupt"
    before = len(project.new_calls())
    project.write("repaired", "")
    ran = project.run("script.py")
    assert ran.out == f"{sum(range(1000))}\n"
    assert "continuing from checkpoint" in ran.err
    assert len(project.new_calls()) + before <= 1000 + 4 * 50


def test_control_c_keeps_what_is_finished(project: Project) -> None:
    project.write("script.py", SLOW)
    child = project.start("script.py")
    project.wait_until(lambda: len(project.calls()) >= 250, "it is slow")
    begin = time.monotonic()
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=30)
    project.wait_until_alone()
    assert time.monotonic() - begin < 5
    assert child.returncode == -signal.SIGINT
    assert err.strip().splitlines()[-1] == "KeyboardInterrupt"
    before = len(project.new_calls())
    project.edit("script.py", "time.sleep(0.005)", "time.sleep(0.005)  # as before")
    ran = project.run("script.py")
    assert ran.out == f"{sum(range(1000))}\n"
    assert "continuing from checkpoint" in ran.err
    assert len(project.new_calls()) + before <= 1000 + 2 * 50
