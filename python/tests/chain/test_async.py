"""`async def` functions: many rows in flight, results in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator  # noqa: TC003  annotations are looked at

import pytest

import lakebed as dc


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=list(range(40)))


class Meter:
    """How many calls are under way at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def call(self, x: int) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        # later rows end first
        for _ in range(40 - x):
            await asyncio.sleep(0)
        self.now -= 1
        return 10 * x


def test_rows_run_together_and_stay_in_order(numbers: dc.DataChain) -> None:
    meter = Meter()
    made = numbers.map(y=meter.call)
    assert made.to_values("y") == [10 * x for x in range(40)]
    assert meter.most == 16


@pytest.mark.parametrize("rows", [1, 5])
def test_concurrency_bounds_them(numbers: dc.DataChain, rows: int) -> None:
    meter = Meter()
    made = numbers.settings(concurrency=rows).map(y=meter.call)
    assert made.to_values("y")[-1] == 390
    assert meter.most == rows


def test_the_type_of_the_first_result(numbers: dc.DataChain) -> None:
    calls: list[int] = []

    async def half(x):
        calls.append(x)
        return {"half": x / 2}

    made = numbers.map(y=half)
    assert made.to_values("y.half")[3] == 1.5
    assert sorted(calls) == list(range(40))


def test_generators(numbers: dc.DataChain) -> None:
    async def twice(x: int) -> AsyncIterator[int]:
        yield x
        await asyncio.sleep(0)
        yield -x

    async def listed(x):
        return [x] * (x % 2)

    assert numbers.gen(y=twice).limit(4).to_values("y") == [0, 0, 1, -1]
    assert numbers.gen(y=listed).to_values("y") == list(range(1, 40, 2))


def test_classes_and_setup(numbers: dc.DataChain) -> None:
    class Ask(dc.Mapper):
        async def process(self, x: int, by: int) -> int:
            await asyncio.sleep(0)
            return x * by

    assert numbers.setup(by=lambda: 3).map(y=Ask()).to_values("y")[5] == 15


def test_timeouts_are_errors_of_their_row(numbers: dc.DataChain) -> None:
    async def stuck(x: int) -> int:
        if x == 3:
            await asyncio.Event().wait()
        return x

    with pytest.raises(TimeoutError, match="longer than"):
        numbers.settings(timeout=0.05).map(y=stuck).to_list()
    made = numbers.settings(timeout=0.05, on_error="record").map(y=stuck)
    assert made.count() == 39
    assert made.errors().to_list("row", "error") == [(3, "TimeoutError")]


def test_threads_for_plain_functions(numbers: dc.DataChain) -> None:
    together = threading.Barrier(4, timeout=30)

    def meet(x: int) -> int:
        together.wait()
        return x

    made = numbers.settings(concurrency=4).map(y=meet)
    assert made.to_values("y") == list(range(40))


def test_timeouts_end_rows_whose_clean_up_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakebed._udf.calls._CANCEL_SECONDS", 0.05)

    async def stuck(x: int) -> int:
        try:
            await asyncio.sleep(60 if x == 2 else 0)
        finally:
            while x == 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return x

    chain = dc.read_values(x=[1, 2, 3]).settings(timeout=0.05, on_error="skip", ephemeral=True)
    assert chain.map(y=stuck).to_values("y") == [1, 3]
