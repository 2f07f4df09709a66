"""Calls that never return: Ctrl-C and the end of the process do not wait for them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from textwrap import indent

import pytest

HEAD = """
import asyncio, atexit, itertools, os, socket, sys, threading, time
from collections.abc import Iterator
import lakebed as dc

started, ended = threading.Event(), threading.Event()
first = threading.Lock()
numbers = dc.read_values(x=[1, 2, 3]).settings(ephemeral=True)

def endless():
    with first:
        if not started.is_set():
            os.write(1, b"started\\n")
            started.set()
    try:
{body}
    finally:
        ended.set()
"""

BODIES = {
    "bytecode": """
n = 0  # before Python 3.12, a loop at the start of `try` is not quite in it
while True:
    n += 1
""",
    "sleep": "time.sleep(100)",
    "socket": "ours, theirs = socket.socketpair(); ours.recv(1)",
    "deaf": """
while True:
    try:
        n = 0
        while True:
            n += 1
    except BaseException:
        pass
""",
}

PROMPT = 9
"""Seconds: an end that waits for a call to end by itself takes longer."""

SHAPES = {
    "map": """
def f(x: int) -> int:
    endless()
chain = numbers.map(y=f)
""",
    "gen": """
def f(x: int) -> Iterator[int]:
    yield x
    endless()
chain = numbers.gen(y=f)
""",
    "batches": """
def f(x):
    endless()
chain = numbers.map_batches(f, params=["x"], output={"y": int})
""",
    "async": """
async def f(x: int) -> int:
    endless()
chain = numbers.map(y=f)
""",
    "retries": """
def f(x: int) -> int:
    endless()
chain = numbers.settings(retries=3).map(y=f)
""",
    "threads": """
def f(x: int) -> int:
    endless()
chain = numbers.settings(concurrency=2).map(y=f)
""",
    "setup": """
def f(x: int, model: int) -> int:
    return x
chain = numbers.setup(model=endless).map(y=f)
""",
    "agg": """
def f(x: list[int]) -> Iterator[int]:
    yield 1
    endless()
chain = numbers.agg(y=f, partition_by="x")
""",
}

GO_ON = """
try:
    chain.to_list()
except KeyboardInterrupt:
    pass
print("ended" if ended.wait(10) else "goes on")
print(numbers.map(y=lambda x: 2 * x, output=int).to_values("y"))
"""

# What `print` writes stays whole though other threads write too: its end is not written by itself.
END = """
threading.Thread(target=chain.to_list, daemon=True).start()
started.wait()
print("left over\\n", end="")
atexit.register(print, "goodbye\\n", end="")
sys.exit(3)
"""

# The second row is under way when the process ends.
ITERATE = """
def f(x: int) -> int:
    if x > 1:
        endless()
    return x
rows = numbers.settings(batch_rows=1).map(y=f).to_iter("y")
next(rows)
started.wait()
sys.exit(3)
"""

# Nothing is under way when the process ends: the function waits for room.
IDLE = """
print("started", flush=True)
rows = dc.read_values(x=list(range(100))).settings(batch_rows=1).map(y=lambda x: x, output=int)
first = next(iter(rows.to_iter("y")))
kept = rows.to_iter("y")
next(kept)
sys.exit(3)
"""


def script(body: str, *parts: str) -> str:
    return "".join((HEAD.format(body=indent(BODIES[body], " " * 8)), *parts))


def run(program: str, *, interrupt: bool) -> tuple[subprocess.CompletedProcess[str], float]:
    """How the program ended and how many seconds after it had started its call."""
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "started\n", child.stderr.read()
        begin = time.perf_counter()
        if interrupt:
            child.send_signal(signal.SIGINT)
        # `communicate` would not see what was read ahead
        said, errors = child.stdout.read(), child.stderr.read()
        child.wait()
        secs = time.perf_counter() - begin
    finally:
        child.kill()
        child.communicate()
    return subprocess.CompletedProcess(child.args, child.returncode, said, errors), secs


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_control_c_ends_the_process(shape: str, body: str) -> None:
    child, secs = run(script(body, SHAPES[shape], "chain.to_list()"), interrupt=True)
    assert child.returncode == -signal.SIGINT, child.stderr
    assert child.stderr.startswith("Traceback (most recent call last):\n")
    assert child.stderr.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert child.stderr.count("Traceback") == 1
    assert secs < PROMPT


def test_control_c_ends_results_that_never_do() -> None:
    shape = """
def f(x: int) -> Iterator[int]:
    yield x
    os.write(1, b"started\\n")
    yield from itertools.repeat(x)
chain = numbers.settings(on_error="skip").gen(y=f)
"""
    child, secs = run(script("bytecode", shape, "chain.to_list()"), interrupt=True)
    assert child.returncode == -signal.SIGINT, child.stderr
    assert secs < PROMPT


@pytest.mark.parametrize("shape", SHAPES)
def test_after_control_c_the_process_goes_on(shape: str) -> None:
    child, secs = run(script("bytecode", SHAPES[shape], GO_ON), interrupt=True)
    assert child.stdout.splitlines()[-2:] == ["ended", "[2, 4, 6]"], child.stderr
    assert (child.returncode, child.stderr) == (0, "")
    assert secs < PROMPT


@pytest.mark.parametrize("shape", ["map", "threads"])
def test_a_call_in_the_system_ends_later(shape: str) -> None:
    body = script("sleep", SHAPES[shape], GO_ON).replace("ended.wait(10)", "ended.is_set()")
    child, secs = run(body, interrupt=True)
    assert child.stdout.splitlines()[-2:] == ["goes on", "[2, 4, 6]"], child.stderr
    assert (child.returncode, child.stderr) == (0, "")
    assert secs < PROMPT


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_end_of_the_program_is_its_own(shape: str, body: str) -> None:
    child, secs = run(script(body, SHAPES[shape], END), interrupt=False)
    assert (child.returncode, child.stderr) == (3, "")
    assert {"left over", "goodbye"} <= set(child.stdout.splitlines())
    assert secs < PROMPT


@pytest.mark.parametrize("body", BODIES)
def test_rows_that_nobody_took(body: str) -> None:
    child, secs = run(script(body, ITERATE), interrupt=False)
    assert (child.returncode, child.stderr) == (3, "")
    assert secs < PROMPT


def test_a_function_that_waits_for_its_reader() -> None:
    child, secs = run(script("sleep", IDLE), interrupt=False)
    assert (child.returncode, child.stderr) == (3, "")
    assert secs < PROMPT
