"""`gc` removes kept results that nobody used for a while, never those that a run uses."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import lakebed as dc

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

DAY = 24 * 3600

SCRIPT = """
import sys
import lakebed as dc
from recording import record

def slow(x: int) -> int:
    record(x)
    if x == 5:
        print("waits", flush=True)
        sys.stdin.readline()
    return x

print(dc.read_values(x=list(range(9))).settings(batch_size=2).map(y=slow).sum("y"))
"""


def stages(report: dc.GcReport) -> tuple[dict[str, str], dict[str, str]]:
    """What was removed and what was kept of the results of functions."""
    removed, kept = (
        {one.what: one.reason for one in found if one.what.startswith("jobs/")}
        for found in (report.removed, report.kept)
    )
    return removed, kept


def grow_old(root: Path, days: float = 8) -> None:
    for path in [*root.glob("jobs/*/*"), *root.glob("jobs/*")]:
        os.utime(path, (time.time() - days * DAY,) * 2)


def test_unused_results_go(root: Path) -> None:
    used = dc.read_values(x=[1, 2]).map(y=lambda x: x + 1, output=int)
    unused = dc.read_values(x=[1, 2]).map(y=lambda x: x + 2, output=int)
    assert [used.to_values("y"), unused.to_values("y")] == [[2, 3], [3, 4]]
    assert len(list(root.glob("jobs/*"))) == 2
    removed, kept = stages(dc.gc())
    assert (removed, set(kept.values())) == ({}, {"it is younger than the time to live"})

    grow_old(root, days=6)
    removed, kept = stages(dc.gc())
    assert (removed, len(kept)) == ({}, 2), "who comes back after a weekend goes on"
    assert len(stages(dc.gc(ttl=5 * DAY, dry_run=True))[0]) == 2

    grow_old(root)
    used.to_values("y")
    would = dc.gc(dry_run=True)
    assert len(stages(would)[0]) == 1
    assert len(list(root.glob("jobs/*"))) == 2
    report = dc.gc()
    removed, kept = stages(report)
    assert list(removed.values()) == ["no run used it for the time to live"]
    assert len(kept) == 1
    assert report.freed == would.freed > 0
    assert len(list(root.glob("jobs/*"))) == 1
    assert [used.to_values("y"), unused.to_values("y")] == [[2, 3], [3, 4]]


def test_results_that_a_run_uses_stay(project: Project) -> None:
    project.write("script.py", SCRIPT)
    child = project.start("script.py")
    assert child.stdout is not None
    assert child.stdout.readline() == "waits\n"
    root = project.folder / "root"
    grow_old(root)
    with dc.Session(root=str(root)) as session:
        removed, kept = stages(dc.gc(ttl=0, session=session))
        assert (removed, set(kept.values())) == ({}, {"a save or a session uses it"})
        assert child.communicate("\n", timeout=30)[0] == f"{sum(range(9))}\n"
        grow_old(root)
        removed, kept = stages(dc.gc(session=session))
        assert (len(removed), kept) == (1, {})
    assert list(root.glob("jobs/*")) == []
