"""What crosses to worker processes and back, and how calls are made there."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import types

import numpy as np  # noqa: TC002  the annotation is looked at
import pytest

import lakebed as dc
from lakebed.exceptions import UdfError


class OddError(Exception):
    """Its constructor takes more than it keeps."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.number = number


@pytest.fixture
def numbers():
    return dc.read_values(x=list(range(6))).settings(parallel=1)


def test_an_exception_comes_back_as_itself(numbers):
    def fail(x: int) -> int:
        if x == 3:
            raise OddError("three", 33)
        return x

    with pytest.raises(OddError) as caught:
        numbers.map(y=fail).to_list()
    assert caught.value.number == 33
    notes = "\n".join(getattr(caught.value, "__notes__", [str(caught.value.__cause__)]))
    assert "in a worker process" in notes
    assert "input row 3: 3" in notes
    assert "in fail" in notes
    assert f"lakebed{os.sep}_" not in notes


def test_what_cannot_be_copied_is_named(numbers, tmp_path):
    with (tmp_path / "log").open("w") as log:
        chain = numbers.map(y=lambda x: log.fileno() + x, output=int)
        with pytest.raises(UdfError, match="`log` is an open file and cannot be copied"):
            chain.to_list()


_lock = None
_locks: dict[int, object] = {}


def the_lock():
    global _lock  # noqa: PLW0603
    if _lock is None:
        _lock = threading.Lock()
    return _lock


def test_what_a_function_fills_is_made_in_each_process(numbers):
    def locked(x):
        _locks[x] = the_lock()
        with _locks[x]:
            return x

    assert numbers.map(y=locked).to_values("y") == list(range(6))
    assert len(_locks) == 1  # of the call that told the types


LOADING = """
import os, pathlib
LOG = pathlib.Path(__file__).with_suffix(".log")
MODEL, OTHER = None, None

class Model:
    def __init__(self):
        self.by = 2
        with LOG.open("a") as log:
            print(os.getpid(), file=log)

def model():
    global MODEL
    if MODEL is None:
        MODEL = Model()
    return MODEL.by + OTHER.by

def scaled(x):
    return x * model()
"""


def test_what_a_module_fills_is_not_copied(numbers, tmp_path, monkeypatch):
    (tmp_path / "loading.py").write_text(LOADING)
    monkeypatch.syspath_prepend(tmp_path)
    import loading

    # what the program sets is
    loading.OTHER = types.SimpleNamespace(by=3)
    assert numbers.map(y=loading.scaled).to_values("y") == [5 * x for x in range(6)]
    assert loading.MODEL is not None
    made = (tmp_path / "loading.log").read_text().split()
    assert len({*made}) == len(made) == 2  # here, for the types, and in the worker


def test_a_set_up_that_cannot_be_copied_is_made_in_the_worker(numbers):
    chain = numbers.setup(lock=lambda: __import__("threading").Lock())

    def locked(x: int, lock) -> bool:
        with lock:
            return x >= 0

    assert chain.map(y=locked).to_values("y") == [True] * 6


def test_a_warm_worker_sees_a_module_that_changed(numbers, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    source = tmp_path / "helper_of_workers.py"
    seen = []
    for factor in (2, 300):
        source.write_text(f"def scale(x: int) -> int:\n    return x * {factor}\n")
        sys.modules.pop("helper_of_workers", None)
        helper = __import__("helper_of_workers")
        seen.append(numbers.settings(ephemeral=True).map(y=helper.scale).to_values("y")[1])
    assert seen == [2, 300]


def test_a_row_that_takes_too_long_is_interrupted(numbers):
    def hang(x: int) -> int:
        while x == 2:
            time.sleep(0.01)
        return x

    chain = numbers.settings(timeout=0.3, parallel=False)
    with pytest.raises(TimeoutError, match=r"row took longer than 0\.3 s"):
        chain.map(y=hang).to_list()
    assert chain.settings(on_error="skip").map(y=hang).to_values("y") == [0, 1, 3, 4, 5]


def test_a_coroutine_that_takes_too_long_is_cancelled(numbers):
    async def hang(x: int) -> int:
        await asyncio.sleep(60 if x == 2 else 0)
        return x

    chain = numbers.settings(timeout=0.2, on_error="null", parallel=False)
    assert chain.map(y=hang).to_values("y") == [0, 1, None, 3, 4, 5]


def test_coroutines_set_up_and_tear_down_on_their_loop(numbers):
    class Client(dc.Mapper):
        async def setup(self):
            self.loop = asyncio.get_running_loop()

        async def process(self, x: int) -> bool:  # noqa: ARG002
            return asyncio.get_running_loop() is self.loop

        async def teardown(self):
            assert asyncio.get_running_loop() is self.loop

    chain = numbers.settings(concurrency=3, parallel=False)
    assert chain.map(same=Client()).to_values("same") == [True] * 6


def test_only_rows_at_fault_of_a_batch_are_lost():
    def root(x: np.ndarray) -> int:
        if (x == 7).any():
            raise ValueError("seven")
        return x * 2

    chain = dc.read_values(x=list(range(20))).settings(on_error="record", batch_rows=10)
    made = chain.map_batches(root, output={"y": int})
    assert made.to_values("y") == [2 * x for x in range(20) if x != 7]
    assert made.errors().to_list("row", "message") == [(7, "seven")]


def test_a_result_that_does_not_fit_is_a_failure_of_its_row():
    def odd(x: int) -> int:
        return "text" if x % 2 else x

    chain = dc.read_values(x=list(range(5)))
    assert chain.settings(on_error="skip").map(y=odd).to_values("y") == [0, 2, 4]
    assert chain.settings(on_error="null").map(y=odd).to_values("y") == [0, None, 2, None, 4]
    errors = chain.settings(on_error="record").map(y=odd).errors()
    assert errors.to_values("row") == [1, 3]


def test_a_row_loses_all_its_results_when_one_does_not_fit():
    def rows(x: int):
        yield x
        yield "text" if x == 1 else x

    chain = dc.read_values(x=[0, 1, 2]).settings(on_error="skip")
    assert chain.gen(y=rows, output={"y": int}).to_values("y") == [0, 0, 2, 2]


def test_a_model_beside_what_cannot_be_copied(numbers):
    session = dc.Session.get()

    class Doubled(dc.DataModel):
        x: int

    def double(x: int) -> Doubled:
        return Doubled(x=x * 2)

    assert numbers.map(y=double).to_values("y.x") == [0, 2, 4, 6, 8, 10]
    assert session is numbers.session
