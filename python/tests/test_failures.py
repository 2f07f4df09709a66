"""What becomes of calls that fail or end their worker, and what is said of them."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator  # noqa: TC003  annotations are looked at
from pathlib import Path
from typing import Any

import numpy as np  # noqa: TC002  the annotation is looked at
import pytest

import lakebed as dc
from lakebed.exceptions import UdfError

TWELVE = 12


def exits(x: int) -> int:
    if x == TWELVE:
        os._exit(3)
    return x


def crashes(x: int) -> int:
    if x == TWELVE:
        os.kill(os.getpid(), signal.SIGSEGV)
    return x


def is_killed(x: int) -> int:
    if x == TWELVE:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def is_busy(x: int) -> int:
    if x == TWELVE:
        return sum(range(10**12))  # one call of C that never looks up
    return x


def leaks(x: int) -> int:
    kept = []
    while x == TWELVE:
        kept.append(bytearray(16 << 20))
    return x


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=list(range(30))).settings(parallel=1, batch_size=10)


def told(error: BaseException) -> str:
    """All that users read of an exception."""
    lines = [str(error), *getattr(error, "__notes__", [])]
    return "\n".join([*lines, *traceback.format_exception_only(error)])


# The end of a run


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(("how", "error"), [("dies", UdfError), ("raises", ValueError)])
def test_a_failure_does_not_wait_for_long_calls_elsewhere(
    tmp_path: Path, how: str, error: type[Exception]
) -> None:
    busy = tmp_path / "busy"

    def act(x: int) -> int:
        if x == 0:
            busy.with_suffix(".new").write_text(str(os.getpid()))
            busy.with_suffix(".new").rename(busy)
            time.sleep(600)
        while not busy.exists():
            pass
        if how == "dies":
            os._exit(3)
        raise ValueError("no")

    chain = dc.read_values(x=[0, 1]).settings(parallel=2, batch_rows=1).map(y=act)
    begin = time.monotonic()
    with pytest.raises(error) as caught:
        chain.to_list()
    assert time.monotonic() - begin < 60
    assert "input row 1: 1" in told(caught.value)
    pid = int(busy.read_text())
    while not is_gone(pid):
        assert time.monotonic() - begin < 60


# Rows that end their worker


@pytest.mark.parametrize("ends", [exits, crashes, is_busy, leaks])
def test_a_row_that_ends_its_worker_becomes_none(
    numbers: dc.DataChain, ends: Callable[[int], int]
) -> None:
    made = numbers.settings(on_error="null", timeout=1, memory="1GB").map(y=ends)
    assert made.schema["y"] == int | None
    assert made.to_list("x", "y") == [(x, None if x == TWELVE else x) for x in range(30)]
    assert made.errors().to_values("row") == [TWELVE]


def test_all_rows_of_a_batch_may_become_none() -> None:
    def leaves(x: int) -> tuple[int, str]:
        if x < 4:
            os._exit(3)
        return x, "text"

    chain = dc.read_values(x=list(range(6))).settings(parallel=1, on_error="null", batch_rows=3)
    made = chain.map(leaves, output={"a": int, "b": str})
    assert made.to_list("x", "a", "b") == [
        *[(x, None, None) for x in range(4)],
        (4, 4, "text"),
        (5, 5, "text"),
    ]


def test_gen_and_agg_have_a_none_for_a_lost_row(numbers: dc.DataChain) -> None:
    def twice(x: int) -> Iterator[int]:
        yield from (exits(x), x)

    def first(x: list[int]) -> Iterator[int]:
        yield exits(x[0])

    rows = numbers.limit(14).settings(on_error="null")
    expected = [y for x in range(14) for y in ([None] if x == TWELVE else [x, x])]
    assert rows.gen(y=twice).to_values("y") == expected
    made = rows.agg(y=first, partition_by="x")
    assert made.to_values("y") == [None if x == TWELVE else x for x in range(14)]
    assert made.errors().to_values("row") == [TWELVE]


def test_only_the_row_at_fault_of_whole_columns_is_lost() -> None:
    def leaves(x: np.ndarray) -> np.ndarray:
        if (x == TWELVE).any():
            os._exit(3)
        return x * 2

    chain = dc.read_values(x=list(range(20))).settings(parallel=1, on_error="null", batch_rows=10)
    made = chain.map_batches(leaves, output={"y": int})
    assert made.to_values("y") == [None if x == TWELVE else 2 * x for x in range(20)]
    assert made.errors().to_list("row", "arguments") == [(TWELVE, "12")]


@pytest.mark.parametrize("retries", [0, 1])
def test_attempts_are_the_calls_that_were_begun(tmp_path: Path, retries: int) -> None:
    log = tmp_path / "calls"

    def act(x: int) -> int:
        with log.open("a") as calls:
            calls.write(f"{x}\n")
        if x in (4, 5, 8):
            os._exit(3)
        if x in (2, 6):
            raise ValueError("no")
        return x

    chain = dc.read_values(x=list(range(10)))
    chain = chain.settings(parallel=1, on_error="null", batch_rows=10, ephemeral=True)
    failed = chain.settings(retries=retries, retry_wait=0).map(y=act).errors()
    attempts = dict(failed.to_list("row", "attempts"))
    calls = Counter(map(int, log.read_text().split()))
    assert sorted(attempts) == [2, 4, 5, 6, 8]
    for row in (4, 5, 8):
        assert attempts[row] == calls[row]
    if not retries:
        assert attempts == {row: calls[row] for row in attempts}


def test_attempts_of_rows_in_whole_columns(tmp_path: Path) -> None:
    log = tmp_path / "calls"

    def act(x: np.ndarray) -> np.ndarray:
        with log.open("a") as calls:
            calls.writelines(f"{value}\n" for value in x)
        if (x == 3).any():
            raise ValueError("no")
        return x

    chain = dc.read_values(x=list(range(8))).settings(on_error="record", batch_rows=8)
    failed = chain.map_batches(act, output={"y": int}).errors()
    calls = Counter(map(int, log.read_text().split()))
    assert failed.to_list("row", "attempts") == [(3, calls[3])]
    assert calls[3] == 4


def test_attempts_of_a_result_that_does_not_fit() -> None:
    calls: list[int] = []

    def flaky(x: int) -> int:
        calls.append(x)
        if len(calls) == 1:
            raise ConnectionError
        return "text"  # type: ignore[return-value]

    chain = dc.read_values(x=[1]).settings(on_error="record", retries=1, retry_wait=0)
    assert chain.map(y=flaky).errors().to_list("error", "attempts") == [("UdfError", 2)]


# What is said


@pytest.fixture(params=[False, 1])
def chain(request: pytest.FixtureRequest) -> dc.DataChain:
    return dc.read_values(x=[0, TWELVE]).settings(parallel=request.param)


class Failing(dc.Mapper):
    """Fails in one of its parts."""

    def __init__(self, part: str) -> None:
        self.part = part

    def setup(self) -> None:
        if self.part == "setup":
            raise OSError("no model")
        if self.part == "dies":
            os._exit(3)

    def process(self, x: int) -> int:
        return x

    def teardown(self) -> None:
        if self.part == "teardown":
            raise OSError("not released")


def text(x: int) -> int:
    return "text" if x == TWELVE else x  # type: ignore[return-value]


def three(x: int) -> tuple[int, int]:
    return (1, 2, 3) if x == TWELVE else (1, 2)  # type: ignore[return-value]


def one(x: int) -> int:
    return x


@pytest.mark.parametrize(
    ("verb", "function", "output", "message"),
    [
        ("map", text, ["y"], "invalid value for output `y` of `text`. Expected int, got 'text'"),
        ("map", three, ["a", "b"], "`three` returned 3 values, but 2 are declared in output"),
        ("gen", one, ["y"], "`one` must yield its results or return a list, not `0` (type: int)"),
        ("map_batches", lambda _: 5, ["a", "b"], "call returned 1 value while 2 are expected"),
        ("map_batches", lambda x: {"b": x}, ["a"], "result of `<lambda>` has no column `a`"),
        ("map_batches", lambda x: (x, x, x), ["a", "b"], "returned 3 columns, but 2 are declared"),
        ("map_batches", lambda x: x[:1], ["a"], "result `a` of `<lambda>`: "),
    ],
)
def test_a_result_that_is_wrong_is_told_once(
    chain: dc.DataChain, verb: str, function: Any, output: list[str], message: str
) -> None:
    made = getattr(chain, verb)(function, params="x", output=dict.fromkeys(output, int))
    with pytest.raises(UdfError) as caught:
        made.to_list()
    assert message in str(caught.value)
    assert told(caught.value).count("UdfError") == 1
    assert "raised by `" in told(caught.value)


@pytest.mark.parametrize(("part", "message"), [("setup", "no model"), ("teardown", "not released")])
@pytest.mark.parametrize("mode", ["raise", "null"])
def test_a_part_that_fails_is_named(
    chain: dc.DataChain, part: str, message: str, mode: Any
) -> None:
    made = chain.settings(on_error=mode).map(y=Failing(part))
    with pytest.raises(OSError, match=message) as caught:
        made.to_list()
    assert f"in {part}()\n" in told(caught.value)
    assert "raised by `Failing`" in told(caught.value)


def test_a_set_up_value_that_fails_is_named(chain: dc.DataChain) -> None:
    def model() -> str:
        raise OSError("no model")

    made = chain.setup(model=model).map(y=lambda x, model: (model, x)[1], output=int)
    with pytest.raises(OSError, match="no model") as caught:
        made.to_list()
    assert "in setup `model`\n" in told(caught.value)


@pytest.mark.parametrize("mode", ["raise", "skip", "null"])
def test_a_set_up_that_ends_its_worker_is_no_fault_of_a_row(
    numbers: dc.DataChain, mode: Any
) -> None:
    with pytest.raises(UdfError) as caught:
        numbers.settings(on_error=mode).map(y=Failing("dies")).to_list()
    message = "exited with code 3 while it set `Failing` up"
    assert message in str(caught.value)
    assert "row" not in str(caught.value)


def test_a_function_that_failed_to_tear_down_may_run_again(numbers: dc.DataChain) -> None:
    made = numbers.settings(ephemeral=True).map(y=Failing("teardown"))
    for _ in range(2):
        with pytest.raises(OSError, match="not released"):
            made.to_list()
    assert numbers.map(y=Failing("nothing")).to_values("y") == list(range(30))


def test_a_hint_comes_behind_the_row(numbers: dc.DataChain) -> None:
    with pytest.raises(UdfError) as caught:
        numbers.map(y=is_killed).to_list()
    assert str(caught.value) == (
        "function `is_killed` failed: WorkerDied: the worker process was killed by signal 9 "
        "(SIGKILL) (input row 12: 12)\nhint: the system kills processes when its memory runs out"
    )


def test_a_type_that_is_declared_is_told_as_declared(numbers: dc.DataChain) -> None:
    made = numbers.settings(on_error="null").map(y=text)
    [(message,)] = made.errors().to_list("message")
    assert "Expected int, got 'text'" in message


def test_plans_and_times_call_agg_by_its_name(numbers: dc.DataChain) -> None:
    def total(x: list[int]) -> Iterator[int]:
        yield sum(x)

    made = numbers.settings(ephemeral=True).agg(total=total, partition_by="x")
    assert "UdfAgg: total" in made.explain()
    assert "agg total" in made.explain(analyze=True)
