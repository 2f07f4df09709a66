"""Functions in worker processes: same results, same exceptions, what is shared."""

from __future__ import annotations

import linecache
import os
import signal
import time
from typing import Any

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed import C


class Info(BaseModel):
    x: int
    text: str


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=list(range(200))).settings(parallel=2)


def test_results_are_those_of_this_process(numbers: dc.DataChain) -> None:
    factor = 3

    def info(x: int) -> Info:
        return Info(x=x * factor, text=str(x))

    here = numbers.settings(parallel=False).map(info=info)
    apart = numbers.map(info=info)
    assert apart.to_values("info") == here.to_values("info")
    assert apart.schema == here.schema


def test_it_is_other_processes_and_not_more_than_asked_for(numbers: dc.DataChain) -> None:
    pids = set(numbers.settings(batch_rows=5).map(pid=lambda x: os.getpid()).to_values("pid")[1:])  # noqa: ARG005
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


def test_types_from_the_first_result(numbers: dc.DataChain) -> None:
    assert numbers.map(y=lambda x: {"half": x / 2}).to_values("y.half")[9] == 4.5


def test_gen_agg_and_batches(numbers: dc.DataChain) -> None:
    assert numbers.gen(y=lambda x: [x] * (x % 3), keep=True).count() == 199
    groups = numbers.agg(n=lambda x: [len(x)], partition_by=(C("x") % 3).label("rest"), keep=True)
    assert groups.to_list("rest", "n") == [(0, 67), (1, 67), (2, 66)]
    assert numbers.map_batches(y=lambda x: x * 2).to_values("y")[-1] == 398


def test_the_users_exception_comes_back(numbers: dc.DataChain) -> None:
    def bad(x: int) -> int:
        return 1 // (x - 70)

    with pytest.raises(ZeroDivisionError) as caught:
        numbers.map(y=bad).to_list()
    text = "".join(getattr(caught.value, "__notes__", []))
    assert "return 1 // (x - 70)" in text
    assert "row 70" in text


def test_the_line_of_a_cell_that_is_in_no_file(numbers: dc.DataChain) -> None:
    """As notebooks keep the text of their cells."""
    text = "def bad(x: int) -> int:\n    return 1 // (x - 70)\n"
    names: dict[str, Any] = {}
    exec(compile(text, "<cell 3>", "exec"), names)  # noqa: S102
    linecache.cache["<cell 3>"] = (len(text), None, text.splitlines(keepends=True), "<cell 3>")
    with pytest.raises(ZeroDivisionError) as caught:
        numbers.map(y=names["bad"]).to_list()
    told = "".join(caught.value.__notes__)
    assert 'File "<cell 3>", line 2, in bad' in told
    assert "return 1 // (x - 70)" in told


def test_set_ups_run_once_in_each_worker(numbers: dc.DataChain) -> None:
    made = (
        numbers.setup(pid=os.getpid).map(y=lambda pid: pid).map(same=lambda pid: os.getpid() == pid)
    )
    assert all(made.to_values("same"))
    assert len(set(made.to_values("y")[1:])) <= 2


def test_objects_with_arguments(numbers: dc.DataChain) -> None:
    class Scale(dc.Mapper):
        def __init__(self, by: int) -> None:
            self.by = by

        def setup(self) -> None:
            self.pid = os.getpid()

        def process(self, x: int) -> int:
            assert self.pid == os.getpid()
            return x * self.by

    assert numbers.map(y=Scale(5)).to_values("y")[10] == 50


def test_what_cannot_be_copied_is_named(numbers: dc.DataChain, tmp_path) -> None:
    with (tmp_path / "open").open("w") as file, pytest.raises(dc.DataChainError, match="`file`"):
        numbers.map(y=lambda x: file.closed and x, output=int).to_list()


def test_a_row_that_kills_its_worker_is_a_failure(numbers: dc.DataChain) -> None:
    def deadly(x: int) -> int:
        if x == 42:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with pytest.raises(dc.DataChainError, match=r"42|killed"):
        numbers.map(y=deadly).to_list()
    made = numbers.settings(on_error="record").map(y=deadly)
    assert made.to_values("y") == [x for x in range(200) if x != 42]
    assert made.errors().to_list("row", "error") == [(42, "WorkerDied")]


def test_a_row_that_takes_too_long_is_a_failure() -> None:
    def stuck(x: int) -> int:
        if x == 2:
            time.sleep(600)
        return x

    chain = dc.read_values(x=[1, 2, 3]).settings(timeout=0.3, on_error="record")
    made = chain.map(y=stuck)
    assert made.to_values("y") == [1, 3]
    assert made.errors().to_list("row", "error") == [(1, "TimeoutError")]


def test_no_process_is_left_in_the_way_of_saving(numbers: dc.DataChain) -> None:
    saved = numbers.map(y=lambda x: x + 1).save("plus")
    assert saved.to_values("y") == list(range(1, 201))
