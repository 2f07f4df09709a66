"""Ctrl-C stops a chain at once, and nothing of it is saved."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import lakebed as dc

if TYPE_CHECKING:
    from pathlib import Path

# 100 seconds of work, 20 in each batch.
SLOW = """
import time
import lakebed as dc

def slow(x: int) -> int:
    if x == 0:
        print("started", flush=True)
    time.sleep(0.02)
    return x

chain = dc.read_values(x=list(range(5000))).map(y=slow)
"""

AGAIN = """
try:
    chain.save("pets")
except KeyboardInterrupt:
    print(dc.datasets().count(), chain.limit(2).save("pets").version, flush=True)
"""

STOPPED = """
calls = []

def record(x: int) -> int:
    calls.append(x)
    return slow(x)

try:
    dc.read_values(x=list(range(5000))).map(y=record).save("pets")
except KeyboardInterrupt:
    time.sleep(0.1)
    before = len(calls)
    time.sleep(0.3)
    print(before > 0, len(calls) - before, flush=True)
"""


def interrupted(script: str, after: float) -> tuple[subprocess.CompletedProcess[str], float]:
    """How the script ended and how many seconds after Ctrl-C."""
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", SLOW + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "started\n"
        time.sleep(after)
        begin = time.perf_counter()
        child.send_signal(signal.SIGINT)
        said, errors = child.communicate(timeout=30)
        secs = time.perf_counter() - begin
    finally:
        child.kill()
        child.communicate()
    return subprocess.CompletedProcess(child.args, child.returncode, said, errors), secs


@pytest.mark.parametrize("verb", ['save("pets")', "to_list()", "exec()", 'sum("y")'])
@pytest.mark.parametrize("after", [0, 0.5])
def test_ends_at_once(verb: str, after: float, root: Path) -> None:
    child, secs = interrupted(f"chain.{verb}", after)
    assert secs < 2
    assert child.returncode == -signal.SIGINT
    assert child.stderr.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert "panicked" not in child.stderr
    assert child.stdout == ""
    assert dc.datasets().empty
    assert [path for path in root.rglob("*.lance") if path.is_file()] == []
    assert dc.read_values(x=[1, 2]).save("pets").sum("x") == 3
    assert dc.datasets().to_values("version") == ["1.0.0"]


def test_the_process_can_go_on() -> None:
    child, secs = interrupted(AGAIN, 0.2)
    assert secs < 2
    assert (child.returncode, child.stdout) == (0, "started\n0 1.0.0\n"), child.stderr
    assert dc.read_dataset("pets").to_values("y") == [0, 1]


def test_the_function_is_not_called_any_more() -> None:
    child, _ = interrupted(STOPPED, 0.2)
    assert (child.returncode, child.stdout) == (0, "True 0\n"), child.stderr


# As in a terminal: the process that the function waits for hears Ctrl-C too, and ends at once.
CHILD = """
import os, signal, subprocess, threading
import lakebed as dc

def call(x: int) -> int:
    if x == 2:
        child = subprocess.Popen(["sleep", "60"])
        threading.Timer(0.2, os.killpg, (0, signal.SIGINT)).start()
        return child.wait()
    return x

try:
    dc.read_values(x=list(range({rows}))).map(y=call).save("rows")
except KeyboardInterrupt:
    print(dc.datasets().count())
"""


@pytest.mark.parametrize("rows", [5, 3000, 100_000])
def test_what_ctrl_c_did_to_a_child_process_is_no_result(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBED_ROOT", str(tmp_path))
    script = CHILD.replace("{rows}", str(rows))
    child = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script],
        start_new_session=True,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.stdout == "0\n", child.stderr
    assert not list(tmp_path.glob("jobs/*/*.unit"))
