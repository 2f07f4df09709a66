"""`gc()`: what dead processes and removed versions left goes, all that is needed stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

SECS = 60

# Dies while its rows are written; a megabyte each, so that some of them are on disk.
DIES_SAVING = """
import os, signal
import lakebed as dc

def blob(x: int) -> bytes:
    if x == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.urandom(1 << 20)

dc.read_values(x=list(range(50))).settings(batch_size=1).map(blob=blob).save("pets")
"""

# Stops in the middle of a save, or keeps what it persisted, until it is told to go on.
WAITS_SAVING = """
import os, sys
import lakebed as dc

def blob(x: int) -> bytes:
    if x == 40:
        print("waits", flush=True)
        sys.stdin.readline()
    return os.urandom(1 << 20)

dc.read_values(x=list(range(50))).settings(batch_size=1).map(blob=blob).save("pets")
print(dc.read_dataset("pets").sum("x"))
"""

SAVES = """
import sys
import lakebed as dc

for tag in range(20):
    dc.read_values(tag=[tag] * 1000).save("shared")
    print(tag, flush=True)
"""

PERSISTS = """
import os, signal, sys
import lakebed as dc

kept = dc.read_values(x=[1, 2]).persist()
print("waits", flush=True)
end = sys.stdin.readline().strip()
assert kept.to_values("x") == [1, 2]
if end == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if end == "fails":
    raise ValueError
"""


@pytest.fixture
def start():
    """Starts children that are gone when the test is over, however it ends."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", script], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def data_files(root: Path) -> list[Path]:
    """Files with rows, whole ones and begun ones."""
    return [path for path in root.glob("data/*/*/*.lance/data/*") if path.is_file()]


def bytes_of(root: Path) -> int:
    return sum(path.stat().st_size for path in data_files(root))


def of_datasets(found: Sequence[dc.Garbage]) -> list[dc.Garbage]:
    """Without the kept results of functions; `checkpoints/test_collected.py` is about them."""
    return [one for one in found if not one.what.startswith("jobs/")]


def freed(report: dc.GcReport) -> int:
    return sum(one.bytes for one in of_datasets(report.removed))


def reasons(found: Sequence[dc.Garbage]) -> dict[str, str]:
    return {one.what: one.reason for one in of_datasets(found)}


def make_old(root: Path) -> None:
    """As if nothing below had changed for a day."""
    for path in (root, *root.rglob("*")):
        then = path.stat().st_mtime - 24 * 60 * 60
        os.utime(path, (then, then))


def test_a_save_that_was_killed(start, root: Path) -> None:
    dc.read_values(x=[1, 2]).save("pets")
    needed = bytes_of(root)
    start(DIES_SAVING).wait(SECS)
    left = bytes_of(root) - needed
    assert left > 1 << 20
    assert dc.gc().freed == 0, "all is younger than four hours"
    assert freed(dc.gc(ttl=0, dry_run=True)) == left
    assert bytes_of(root) == needed + left
    report = dc.gc(ttl=0)
    assert freed(report) == left
    assert report.freed >= left
    assert reasons(report.removed) == {"pets": "no version needs it"}
    assert [(one.what, one.bytes) for one in report.kept] == [("pets", needed)]
    assert bytes_of(root) == needed
    assert dc.read_dataset("pets").to_values("x") == [1, 2]
    assert dc.gc(ttl=0).removed == []
    assert dc.read_values(x=[3]).save("pets").to_values("x") == [3]


def test_a_first_save_that_was_killed(start, root: Path) -> None:
    start(DIES_SAVING).wait(SECS)
    assert reasons(dc.gc().kept) == {
        "data/local/local/pets.lance": "it is younger than the time to live"
    }
    make_old(root / "data")
    assert reasons(dc.gc().removed) == {
        "data/local/local/pets.lance": "the catalog does not know it"
    }
    assert list(root.glob("data/*/*/*.lance")) == []
    assert dc.read_values(x=[1]).save("pets").to_values("x") == [1]


def test_a_save_that_goes_on(start, root: Path) -> None:
    child = start(WAITS_SAVING)
    assert said(child) == "waits"
    before = bytes_of(root)
    report = dc.gc(ttl=0)
    assert report.freed == 0
    assert reasons(report.kept) == {"data/local/local/pets.lance": "a save or a session uses it"}
    assert bytes_of(root) >= before > 0
    out, _ = child.communicate("\n", timeout=SECS)
    assert out.split() == [str(sum(range(50)))]


def test_while_others_save(start) -> None:
    child = start(SAVES)
    while said(child):
        dc.gc(ttl=0)
    assert child.wait(SECS) == 0
    dc.gc(ttl=0)
    versions = dc.datasets().order_by("finished_at").to_values("version")
    rows = [set(dc.read_dataset("shared", version=v).to_list()) for v in versions]
    assert rows == [{(tag,)} for tag in range(20)]


def test_removed_versions(root: Path) -> None:
    sizes = []
    for rows in (10_000, 20_000, 30_000):
        dc.read_values(x=list(range(rows))).save("pets")
        sizes.append(bytes_of(root) - sum(sizes))
    dc.delete_dataset("pets", version="1.0.1")
    assert dc.gc(ttl=0).freed == sizes[1]
    assert dc.read_dataset("pets", version="1.0.0").count() == 10_000
    assert dc.read_dataset("pets").sum("x") == sum(range(30_000))
    dc.delete_dataset("pets", force=True)
    assert dc.gc(ttl=0).freed == sizes[0] + sizes[2]
    assert data_files(root) == []
    assert dc.read_values(x=[7]).save("pets").version == "1.0.3"
    assert dc.read_dataset("pets").to_values("x") == [7]


def test_files_are_put_together_in_a_new_version(root: Path) -> None:
    rows = list(range(200_000))
    dc.read_values(x=rows).save("pets")
    # a file for each core, so many at most
    files = len(data_files(root))
    told = dc.gc(compact=True, dry_run=True)
    assert [found[:3:2] for found in told.compacted] == [("pets@1.0.0", files)] * (files > 1)
    assert dc.datasets().to_values("version") == ["1.0.0"]
    done = dc.gc(ttl=0, compact=True)
    assert [found.what for found in done.compacted] == ["pets@1.0.1"] * (files > 1)
    assert len(data_files(root)) == files + (files > 1)
    assert dc.gc(compact=True).compacted == []
    versions = [dc.read_dataset("pets", version=v) for v in dc.datasets().to_values("version")]
    assert all(version.to_values("x") == rows for version in versions)


def test_what_a_catalog_that_was_lost_knew(root: Path) -> None:
    dc.read_values(x=[1]).save("pets")
    for file in root.glob("catalog.db*"):
        file.unlink()
    make_old(root / "data")
    with dc.Session(root=str(root)) as session:
        report = session.gc(ttl=0)
    assert report.removed == []
    [kept] = report.kept
    assert kept.reason == "the catalog does not know it, but it has versions"
    assert len(data_files(root)) == 1


@pytest.mark.parametrize("end", ["ends", "fails", "killed"])
def test_what_a_session_persisted(start, root: Path, end: str) -> None:
    child = start(PERSISTS)
    assert said(child) == "waits"
    report = dc.gc(ttl=0)
    assert report.freed == 0
    assert [one.reason for one in report.kept] == ["a save or a session uses it"]
    child.communicate(f"{end}\n", timeout=SECS)
    if end == "killed":
        assert len(data_files(root)) == 1
        report = dc.gc()
        assert [one.reason for one in report.removed] == ["its session ended"]
        assert report.freed > 0
    assert list(root.glob("data/*/*/*.lance")) == []
    assert dc.gc(ttl=0).kept == []


def test_what_a_failed_persist_left(root: Path) -> None:
    with dc.Session(root=str(root)):
        chain = dc.read_values(x=[0]).map(y=lambda x: 1 // x, output=int)
        with pytest.raises(ZeroDivisionError):
            chain.persist()
    assert list(root.glob("data/*/*/*.lance")) == []


def test_many_datasets_of_one_session(root: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with dc.Session(root=str(root)):
        dc.read_values(x=[-1]).persist()
        open_files = len(list(Path("/dev/fd").iterdir()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files + 40, hard))
        try:
            kept = [dc.read_values(x=[x]).persist() for x in range(50)]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert [chain.to_values("x") for chain in kept] == [[x] for x in range(50)]
    assert list(root.glob("data/system/*")) == []


def test_own_data_of_a_living_session(root: Path) -> None:
    with dc.Session(root=str(root)) as session:
        kept = dc.read_values(x=[1]).persist()
        assert session.gc(ttl=0).freed == 0
        assert kept.to_values("x") == [1]
    assert list(root.glob("data/*/*/*.lance")) == []


@pytest.mark.parametrize("ttl", [-1, float("nan"), float("inf"), "1", True])
def test_a_time_to_live_is_a_number_of_seconds(ttl) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        dc.gc(ttl=ttl)
    assert f"`{ttl!r}`" in str(caught.value)
