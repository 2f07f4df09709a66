"""Functions as data: other processes call them, which know nothing but the root and a unit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import (
    CorruptDataError,
    DataChainParamsError,
    NotSupportedError,
    UdfError,
)

HELPER = """
import os

FACTOR = 3


def note(what):
    with open(os.environ["TOKEN_CALLS"], "a") as log:
        log.write(f"{what}\\n")


def tripled(value):
    return value * FACTOR
"""

PIPELINE = """
import sys
from collections.abc import Iterator
from pathlib import Path

import helper
import lakebed as dc


class Point(dc.DataModel):
    x: int
    name: str | None


def point(value: int) -> Point:
    helper.note(f"map {value}")
    return Point(x=helper.tripled(value), name="odd" if value % 2 else None)


def several(point: Point) -> Iterator[tuple[int, str | None]]:
    helper.note(f"gen {point.x}")
    for more in range(point.x % 4):
        yield point.x + more, point.name


def total(n: list[int]) -> Iterator[tuple[int, int]]:
    helper.note(f"agg {n}")
    yield sum(n), len(n)


def chain():
    rows = dc.read_values(value=[at % 25 for at in range(40)])
    made = rows.map(point=point).gen(several, output={"n": int, "name": str | None})
    return made.agg(total, partition_by="name", output={"sum": int, "count": int})


if sys.argv[1] == "cut":
    for stage in chain().stages(unit_rows=7):
        for unit in stage.units:
            Path(sys.argv[2], f"{stage.name}-{unit.number}.json").write_text(unit.to_json())
        if stage.units:
            break
else:
    chain().save("sums")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "helper.py").write_text(HELPER)
    (folder / "pipeline.py").write_text(PIPELINE)
    monkeypatch.setenv("TOKEN_CALLS", str(tmp_path / "calls"))
    return folder


def ran(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True)  # noqa: S603


def test_processes_that_know_the_root_alone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two run the units of a map, a gen and an agg; another one saves what a local run saves."""
    calls = tmp_path / "calls"
    with monkeypatch.context() as alone:
        alone.setenv("LAKEBED_ROOT", str(tmp_path / "alone"))
        ran(project, "pipeline.py", "save")
        local = dc.read_dataset("sums", session=dc.Session(root=str(tmp_path / "alone"))).to_arrow()
    wanted = sorted(calls.read_text().splitlines())
    assert sum(line.startswith("map") for line in wanted) == 40
    calls.unlink()

    done = set()
    while True:
        units, elsewhere = tmp_path / f"units-{len(done)}", tmp_path / f"elsewhere-{len(done)}"
        units.mkdir()
        elsewhere.mkdir()
        ran(project, "pipeline.py", "cut", str(units))
        files = sorted(map(str, units.iterdir()))
        if not files:
            break
        with monkeypatch.context() as worker:
            worker.delenv("LAKEBED_ROOT")
            workers = [
                subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "lakebed.cli", "run-unit", *share], cwd=elsewhere
                )
                # the first unit twice, at once
                for share in (files[::2], [*files[:1], *files[1::2]])
                if share
            ]
            assert [one.wait() for one in workers] == [0] * len(workers)
        assert not list(elsewhere.iterdir())
        done.add(len(done))
    assert len(done) == 3
    made = set(calls.read_text().splitlines())
    assert made == set(wanted)
    calls.unlink()

    ran(project, "pipeline.py", "save")
    assert dc.read_dataset("sums").to_arrow() == local
    assert not calls.exists()


def doubled(value: int) -> int:
    return value * 2


@pytest.mark.parametrize("parallel", [None, 2])
def test_units_of_a_pool(parallel: int | None) -> None:
    chain = dc.read_values(value=list(range(100))).filter(C("value") >= 10).map(y=doubled)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for stage in chain.settings(parallel=parallel).stages(unit_rows=40):
            receipts = list(pool.map(dc.run_unit, stage.units))
            assert [(one.rows, one.kept) for one in receipts] == [(40, 0), (40, 0), (10, 0)]
    assert chain.to_values("y") == [value * 2 for value in range(10, 100)]
    assert [len(stage.units) for stage in chain.stages()] == [0]


def test_a_killed_unit_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = tmp_path / "kill"
    flag.touch()
    monkeypatch.setenv("TOKEN_FLAG", str(flag))

    def fragile(value: int) -> int:
        if value == 5 and Path(os.environ["TOKEN_FLAG"]).exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return -value

    chain = dc.read_values(value=list(range(10))).settings(batch_size=1).map(y=fragile)
    stage = next(chain.stages(unit_rows=10))
    (tmp_path / "unit.json").write_text(stage.units[0].to_json())
    run = [sys.executable, "-m", "lakebed.cli", "run-unit", str(tmp_path / "unit.json")]
    assert subprocess.run(run, check=False).returncode == -signal.SIGKILL  # noqa: S603
    flag.unlink()
    receipt = dc.run_unit(stage.units[0])
    assert receipt.rows == 10
    assert receipt.kept >= 4
    assert chain.to_values("y") == [-value for value in range(10)]


def test_failures_are_those_of_the_function() -> None:
    def fussy(value: int) -> int:
        if value == 3:
            msg = "not three"
            raise ValueError(msg)
        return value

    rows = dc.read_values(value=list(range(5)))
    [unit] = next(rows.map(y=fussy).stages()).units
    with pytest.raises(ValueError, match="not three"):
        dc.run_unit(unit)
    chain = rows.settings(on_error="null").map(y=fussy)
    [unit] = next(chain.stages()).units
    assert dc.run_unit(unit).failed == 1
    assert chain.to_values("y") == [0, 1, 2, None, 4]
    assert chain.errors().to_values("message") == ["not three"]


def test_methods_set_up_and_no_columns() -> None:
    class Counter(dc.Mapper):
        def setup(self) -> None:
            self.start = 100

        def process(self, value: int) -> int:
            return self.start + value

    made = dc.read_values(value=[1, 2, 3]).setup(base=lambda: 7)
    chain = made.map(y=Counter()).map(z=lambda base: base, output=int)
    for stage in chain.stages(unit_rows=2):
        assert [dc.run_unit(unit).rows for unit in stage.units] == [2, 1]
    assert chain.to_list("y", "z") == [(101, 7), (102, 7), (103, 7)]


def test_limits_need_a_process() -> None:
    chain = dc.read_values(value=[1, 2]).settings(timeout=60).map(y=doubled)
    [unit] = next(chain.stages()).units
    assert dc.run_unit(unit).rows == 2


def test_what_cannot_be_in_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = dc.read_values(value=[1, 2]).map(y=doubled)
    with pytest.raises(DataChainParamsError, match="at least 1, not `0`"):
        chain.stages(unit_rows=0)
    with (tmp_path / "open").open("w") as file:
        bad = dc.read_values(value=[1]).settings(version="1")
        with pytest.raises(UdfError, match="`file` is an open file"):
            next(bad.map(y=lambda value: file.write(str(value)), output=int).stages())
    memory = dc.read_values(value=[1], in_memory=True).map(y=doubled)
    with pytest.raises(NotSupportedError, match="other processes see"):
        next(memory.stages())
    dc.read_values(value=[1]).save("numbers")
    updated = dc.read_dataset("numbers", delta=True, delta_on="value").map(y=doubled)
    with pytest.raises(NotSupportedError, match="delta=True"):
        next(updated.stages())
    stages = chain.stages()
    [unit] = next(stages).units
    next(stages, None)
    with pytest.raises(CorruptDataError, match="cannot be found in this root"):
        dc.run_unit(unit)
    with pytest.raises(DataChainParamsError, match="no unit of a stage"):
        dc.Unit.from_json("{}")
    with pytest.raises(DataChainParamsError, match="not what `stages"):
        dc.run_unit(dc.Unit(unit.root, "{}", 0, 1))
    monkeypatch.setenv("LAKEBED_IGNORE_CHECKPOINTS", "1")
    with pytest.raises(NotSupportedError, match="LAKEBED_IGNORE_CHECKPOINTS"):
        next(chain.stages())
