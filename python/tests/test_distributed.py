"""Functions as data: other processes call them, which know nothing but the root and a unit."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
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


def test_modules_are_modules_there(project: Path, tmp_path: Path) -> None:
    """State that they set, what they import late, locks, and exceptions of their own."""
    (project / "tuned.py").write_text(
        "import threading\n\nFACTOR = 1\nLOCK = threading.Lock()\n\n\n"
        "class TunedError(Exception):\n    pass\n\n\n"
        "def configure(factor):\n    global FACTOR\n    with LOCK:\n        FACTOR = factor\n"
    )
    (project / "late.py").write_text("def more(value):\n    return value + 1\n")
    (project / "script.py").write_text(
        "import sys\nfrom pathlib import Path\n\nimport lakebed as dc\nimport tuned\n\n\n"
        "def f(value: int) -> int:\n"
        "    import late\n\n"
        "    tuned.configure(10)\n"
        "    if value < 0:\n"
        "        raise tuned.TunedError('negative')\n"
        "    return late.more(value * tuned.FACTOR)\n\n\n"
        "for name, values in {'good': [1, 2], 'bad': [-1]}.items():\n"
        "    chain = dc.read_values(value=values).map(y=f)\n"
        "    if sys.argv[1] == 'cut':\n"
        "        [unit] = next(chain.stages()).units\n"
        "        Path(f'{name}.json').write_text(unit.to_json())\n"
        "    elif name == 'good':\n"
        "        print(chain.to_values('y'))\n"
    )
    ran(project, "script.py", "cut")
    run = [sys.executable, "-m", "lakebed.cli", "run-unit"]
    good = subprocess.run(  # noqa: S603
        [*run, str(project / "good.json")], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert '"rows": 2' in good.stdout
    bad = subprocess.run(  # noqa: S603
        [*run, str(project / "bad.json")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert bad.returncode == 1
    assert "negative" in bad.stderr
    done = subprocess.run(
        [sys.executable, "script.py", "show"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[11, 21]"
    assert "skipped, 2 rows from checkpoint" in done.stderr


class Point(dc.DataModel):
    x: int


def pointed(value: int) -> Point:
    return Point(x=value)


def test_units_run_where_they_were_cut() -> None:
    """The classes of the program stay what they are."""
    chain = dc.read_values(value=[1, 2, 3]).map(p=pointed)
    for stage in chain.stages(unit_rows=1):
        with ThreadPoolExecutor(2) as pool:
            assert [one.rows for one in pool.map(dc.run_unit, stage.units)] == [1, 1, 1]
    assert chain.to_values("p.x") == [1, 2, 3]
    assert chain.to_values("p") == [Point(x=at) for at in (1, 2, 3)]


class OwnError(Exception):
    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


def raising(value: int) -> int:
    what = "bad"
    raise OwnError(what, str(value))


def test_exceptions_that_cannot_be_sent() -> None:
    [unit] = next(dc.read_values(value=[7]).map(y=raising).stages()).units
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(UdfError, match="OwnError: bad in 7"),
    ):
        pool.submit(dc.run_unit, unit).result()
    with pytest.raises(OwnError, match="bad in 7"):
        dc.run_unit(unit)


def test_a_repair_takes_over_other_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    monkeypatch.setenv("TOKEN_CALLS", str(calls))
    text = (
        "import os\n\n\ndef f(value: int) -> int:\n"
        "    with open(os.environ['TOKEN_CALLS'], 'a') as log:\n        log.write('.')\n"
        "    CHECK\n    return value * 2\n"
    )
    script = tmp_path / "repaired.py"
    monkeypatch.syspath_prepend(tmp_path)

    def load(check: str) -> dc.DataChain:
        script.write_text(text.replace("CHECK", check))
        sys.modules.pop("repaired", None)
        importlib.invalidate_caches()
        return dc.read_values(value=list(range(12))).map(y=importlib.import_module("repaired").f)

    [stage] = [next(load("if value == 4: raise ValueError(value)").stages(unit_rows=4))]
    for unit in stage.units:
        with contextlib.suppress(ValueError):
            dc.run_unit(unit)
    assert len(calls.read_text()) == 4 + 1 + 4
    calls.unlink()
    assert load("assert value >= 0, 'a repair'").to_values("y") == list(range(0, 24, 2))
    # four rows have no results, and one is compared
    assert len(calls.read_text()) == 4 + 1
