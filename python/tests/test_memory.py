"""`LAKEBED_MEMORY`: more rows than fit into it are sorted, grouped and merged all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import func
from lakebed.exceptions import DataChainParamsError, LakebedError, OutOfMemoryError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 400_000
WIDTH = 500
LIMIT_MIB = 384

SORTS = """
from pathlib import Path
import lakebed as dc

chain = dc.read_dataset("wide").order_by("text", descending=True)
print(chain.save("sorted").limit(2).to_values("id"))
# Not `ru_maxrss`, which begins with that of the process that started this one.
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) // 1024)
"""

GOES_ON = """
import lakebed as dc

while True:
    dc.read_dataset("wide").order_by("text").save("sorted")
"""


@pytest.fixture
def wide() -> dc.DataChain:
    """200 MB of rows, the first of which has the largest text."""
    texts = [f"{ROWS - id:0>{WIDTH}}" for id in range(ROWS)]
    return dc.read_values(id=list(range(ROWS)), text=texts).save("wide")


def run(script: str, root: Path) -> list[str]:
    env = os.environ | {"LAKEBED_ROOT": str(root), "LAKEBED_MEMORY": f"{LIMIT_MIB}MiB"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, env=env, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def temporary(root: Path) -> list[Path]:
    return [path for path in (root / "cache").glob("run-*/*/*") if path.is_file()]


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_sort_stays_below_the_ceiling(wide: dc.DataChain, root: Path) -> None:
    first, peak_mib = run(SORTS, root)
    ids = wide.order_by("text", descending=True).limit(2).to_values("id")
    assert first == str(ids)
    assert int(peak_mib) < LIMIT_MIB
    assert temporary(root) == []


@pytest.mark.parametrize("ends", ["gc", "query"])
def test_temporary_files_of_a_killed_process_go(wide: dc.DataChain, root: Path, ends: str) -> None:
    env = os.environ | {"LAKEBED_MEMORY": f"{LIMIT_MIB}MiB", "LAKEBED_IGNORE_CHECKPOINTS": "1"}
    with subprocess.Popen([sys.executable, "-c", GOES_ON], env=env) as child:  # noqa: S603
        try:
            until = time.monotonic() + 60
            while not temporary(root):
                assert child.poll() is None
                assert time.monotonic() < until
        finally:
            child.send_signal(signal.SIGKILL)
    assert temporary(root) != []
    if ends == "gc":
        dc.gc()
    else:
        assert wide.order_by("text").save("sorted").count() == ROWS
    assert temporary(root) == []


@pytest.mark.parametrize("given", ["plenty", "1MiB", "0"])
def test_a_wrong_or_tiny_ceiling_is_refused(
    given: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBED_MEMORY", given)
    with pytest.raises(DataChainParamsError) as caught:
        dc.Session(root=str(root))
    assert str(caught.value) == (
        f"invalid LAKEBED_MEMORY `{given}`: give bytes, or text such as `2GiB`; at least 256MiB"
    )


@pytest.mark.parametrize("given", ["plenty", "1MiB", 0, -1, 2.5, True])
def test_a_session_refuses_a_wrong_or_tiny_ceiling(given: Any, root: Path) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        dc.Session(root=str(root), memory=given)
    assert str(caught.value) == (
        f"invalid memory `{given}`: give bytes, or text such as `2GiB`; at least 256MiB"
    )


@pytest.mark.parametrize("given", [f"{LIMIT_MIB}MiB", LIMIT_MIB << 20])
def test_the_ceiling_of_a_session_goes_before_that_of_the_environment(
    given: int | str, wide: dc.DataChain, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBED_MEMORY", "8GiB")
    with dc.Session(root=str(root), memory=given):
        chain = dc.read_dataset("wide")
        ids = chain.order_by("text", descending=True).limit(2).to_values("id")
        with pytest.raises(OutOfMemoryError) as caught:
            over_all_rows(chain).exec()
    assert ids == [0, 1]
    assert f"than the {LIMIT_MIB} MiB that the session may use; hint: " in str(caught.value)
    assert wide.count() == ROWS


def over_all_rows(chain: dc.DataChain) -> dc.DataChain:
    """A window over one group that has all rows."""
    window = func.window(partition_by="one")
    return chain.mutate(one=1).mutate(n=func.sum("id").over(window))


def test_what_has_to_fit_and_does_not_is_an_error_that_names_the_limit(
    wide: dc.DataChain, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBED_MEMORY", f"{LIMIT_MIB}MiB")
    monkeypatch.setenv("LAKEBED_ROOT", str(root))
    session = dc.Session(root=str(root))
    chain = dc.read_dataset("wide", session=session)
    with pytest.raises(OutOfMemoryError, match="LAKEBED_MEMORY") as caught:
        over_all_rows(chain).exec()
    assert isinstance(caught.value, MemoryError)
    assert isinstance(caught.value, LakebedError)
    assert f"than the {LIMIT_MIB} MiB that the session may use" in str(caught.value)
    assert wide.count() == ROWS
