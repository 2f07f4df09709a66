"""Files of buckets are fetched before the rows that read them, and kept when asked to be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.cli import main
from lakebed.exceptions import FileChangedError, MissingFileError
from lakebed.file import process_tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers import Proxy
    from servers.double_server import S3Double

pytestmark = pytest.mark.usefixtures("afresh")

ROWS = 60


@pytest.fixture
def session(s3: S3Double, root: Path) -> Iterator[dc.Session]:
    """A session that alone knows how to reach the bucket, and computes everything."""
    with dc.Session(client_config=s3.client_config, root=str(root)) as session:
        yield session


def listing(s3: S3Double, session: dc.Session) -> dc.DataChain:
    """Texts that are put into the bucket."""
    rows = []
    for number in range(ROWS):
        path, data = f"{number:03}.txt", f"text {number}".encode()
        etag = s3.put(path, data)
        rows.append(dc.TextFile(source=s3.uri, path=path, size=len(data), etag=etag))
    s3.reset()
    return dc.read_values(file=rows, number=list(range(ROWS)), session=session)


@pytest.fixture
def listed(s3: S3Double, session: dc.Session) -> dc.DataChain:
    """Texts of the bucket."""
    return listing(s3, session)


def read(file: dc.TextFile) -> str:
    return file.read()


def cached(root: Path) -> list[Path]:
    return [path for path in (root / "cache").rglob("*") if path.is_file()]


EXPECTED = [f"text {number}" for number in range(ROWS)]


@pytest.mark.parametrize("parallel", [None, 2])
@pytest.mark.parametrize("prefetch", [None, 3])
def test_each_file_is_asked_for_once(
    listed: dc.DataChain, s3: S3Double, root: Path, parallel: int | None, prefetch: int | None
) -> None:
    chain = listed.settings(parallel=parallel, prefetch=prefetch).map(text=read, output=str)
    assert chain.to_values("text") == EXPECTED
    assert s3.counts() == {"GET": ROWS}
    assert cached(root) == []


@pytest.mark.parametrize("parallel", [None, 2])
def test_files_that_are_kept_are_not_asked_for_again(
    listed: dc.DataChain, s3: S3Double, root: Path, parallel: int | None
) -> None:
    chain = listed.settings(parallel=parallel, cache=True).map(text=read, output=str)
    for _ in range(2):
        assert chain.to_values("text") == EXPECTED
        assert s3.counts() == {"GET": ROWS}
    assert sorted(path.read_text() for path in cached(root)) == sorted(EXPECTED)
    assert listed.map(text=read, output=str).to_values("text") == EXPECTED
    assert s3.counts() == {"GET": ROWS}


@pytest.mark.parametrize("parallel", [None, 2])
def test_files_that_nobody_opens_are_not_fetched(
    listed: dc.DataChain, s3: S3Double, parallel: int | None
) -> None:
    chain = listed.settings(parallel=parallel).map(name=lambda file: file.name, output=str)
    assert chain.to_values("name") == [f"{number:03}.txt" for number in range(ROWS)]
    assert s3.counts().get("GET", 0) <= 2 * (parallel or 1)


def test_nothing_is_fetched_ahead_when_nobody_wants_it(listed: dc.DataChain, s3: S3Double) -> None:
    chain = listed.settings(prefetch=0).map(name=lambda file: file.name, output=str)
    assert len(chain.to_values("name")) == ROWS
    assert s3.counts() == {}
    chain = listed.settings(prefetch=0).map(text=read, output=str)
    assert chain.to_values("text") == EXPECTED


@pytest.mark.parametrize("parallel", [None, 2])
def test_what_is_not_fetched_ahead_is_kept_when_it_is_read(
    listed: dc.DataChain, s3: S3Double, root: Path, parallel: int | None
) -> None:
    chain = listed.settings(prefetch=0, cache=True, parallel=parallel)
    names = chain.map(name=lambda file: file.name, output=str)
    assert (len(names.to_values("name")), s3.counts(), cached(root)) == (ROWS, {}, [])
    for _ in range(2):
        assert chain.map(text=read, output=str).to_values("text") == EXPECTED
        assert s3.counts() == {"GET": ROWS}
    assert len(cached(root)) == ROWS
    assert main(["clear-cache"]) == 0
    free = listed.settings(prefetch=0, parallel=parallel).map(text=read, output=str)
    assert free.to_values("text") == EXPECTED
    assert cached(root) == []


def test_types_are_learnt_from_rows_that_count_not(listed: dc.DataChain, s3: S3Double) -> None:
    assert listed.map(text=lambda file: file.read()).to_values("text") == EXPECTED
    # the first row was read to see what it gives
    assert s3.counts() == {"GET": ROWS + 1}


@pytest.mark.parametrize("parallel", [None, 2])
@pytest.mark.parametrize("prefetch", [0, None, 5])
def test_the_row_tells_what_is_wrong_with_its_file(
    listed: dc.DataChain, s3: S3Double, parallel: int | None, prefetch: int | None
) -> None:
    s3.put("007.txt", b"TEXT 7")
    s3.delete("040.txt")
    chain = listed.settings(parallel=parallel, prefetch=prefetch)
    with pytest.raises(FileChangedError, match=r"007\.txt"):
        chain.map(text=read, output=str).to_values("text")
    with pytest.raises(MissingFileError, match=r"040\.txt"):
        chain.filter(dc.C("number") > 7).map(text=read, output=str).to_values("text")
    found = chain.settings(on_error="skip").map(text=read, output=str).to_values("text")
    assert found == [text for number, text in enumerate(EXPECTED) if number not in (7, 40)]


def test_generators_and_groups_find_their_files(listed: dc.DataChain, s3: S3Double) -> None:
    words = listed.gen(word=lambda file: file.read().split(), output=str).to_values("word")
    assert words[:4] == ["text", "0", "text", "1"]
    assert s3.counts() == {"GET": ROWS}
    groups = listed.filter(dc.C("number") < 6).mutate(odd=dc.C("number") % 2).settings(prefetch=4)
    texts = groups.agg(
        texts=lambda file: [",".join(one.read() for one in file)], partition_by="odd", output=str
    )
    expected = ["text 0,text 2,text 4", "text 1,text 3,text 5"]
    assert sorted(texts.to_values("texts")) == expected
    assert s3.counts() == {"GET": ROWS + 6}


@pytest.mark.parametrize("parallel", [None, 2])
def test_rows_at_the_same_time_find_their_files(
    listed: dc.DataChain, s3: S3Double, parallel: int | None
) -> None:
    async def read_async(file: dc.TextFile) -> str:
        return file.read()

    chain = listed.settings(parallel=parallel, concurrency=4)
    for function in (read, read_async):
        s3.reset()
        assert chain.map(text=function, output=str).to_values("text") == EXPECTED
        assert s3.counts() == {"GET": ROWS}


@pytest.mark.parametrize("keeps", [False, True])
def test_a_bad_line_changes_nothing(faulty: Proxy[S3Double], root: Path, *, keeps: bool) -> None:
    faulty.set(error_503=0.1, reset=0.1, truncate=0.1, only="^GET", seed=7)
    options = faulty.store.client_config
    with dc.Session(client_config=options, root=str(root)) as session:
        chain = listing(faulty.behind, session).settings(cache=keeps)
        assert chain.map(text=read, output=str).to_values("text") == EXPECTED
    assert faulty.fates().keys() >= {"error_503", "reset", "truncate"}
    assert len(cached(root)) == (ROWS if keeps else 0)


def test_members_find_their_archive(s3: S3Double, session: dc.Session, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        for number, text in enumerate(EXPECTED):
            (tmp_path / "one.txt").write_text(text)
            tar.add(tmp_path / "one.txt", f"{number:03}.txt")
    data = (tmp_path / "all.tar").read_bytes()
    etag = s3.put("all.tar", data)
    s3.reset()
    archive = dc.File(source=s3.uri, path="all.tar", size=len(data), etag=etag)
    members = dc.read_values(file=[archive], session=session).settings(cache=True)
    members = members.gen(member=process_tar)
    for _ in range(2):
        found = members.map(text=lambda member: member.read_text(), output=str).to_values("text")
        assert found == EXPECTED
        assert s3.counts() == {"GET": 1}


def test_a_bucket_that_is_known_is_not_asked_again(
    s3: S3Double, session: dc.Session, root: Path
) -> None:
    listing(s3, session)
    chain = dc.read_storage(s3.uri, type="text", session=session).settings(cache=True)
    chain = chain.map(text=read, output=str).order_by("file.path")
    assert chain.to_values("text") == EXPECTED
    s3.reset()
    assert chain.to_values("text") == EXPECTED
    assert s3.counts() == {}
    assert len(cached(root)) == ROWS


DYING = """
import os, signal
import lakebed as dc

def die(file: dc.TextFile) -> str:
    if file.path == "009.txt":
        os.kill(os.getpid(), signal.SIGKILL)
    return file.read()

if __name__ == "__main__":
    chain = dc.read_storage(os.environ["BUCKET"], type="text")
    chain.settings(prefetch=16).map(text=die, output=str).to_values("text")
"""


def test_what_a_killed_run_had_fetched_goes(
    s3: S3Double, session: dc.Session, root: Path, tmp_path: Path
) -> None:
    chain = listing(s3, session).settings(prefetch=16).map(text=read, output=str)
    script = tmp_path / "dying.py"
    script.write_text(DYING)
    env = os.environ | s3.env | {"LAKEBED_ROOT": str(root), "BUCKET": s3.uri}
    command = [sys.executable, script]
    died = subprocess.run(command, env=env, check=False, cwd=tmp_path)  # noqa: S603
    assert died.returncode == -signal.SIGKILL
    assert cached(root)
    assert chain.to_values("text") == EXPECTED
    assert cached(root) == []


def test_a_function_cannot_change_what_others_read(listed: dc.DataChain, root: Path) -> None:
    def spoil(file: dc.TextFile) -> str:
        with file.open("rb") as stream:
            path = Path(stream.name)
        return f"{path.stat().st_mode & 0o222:o}"

    chain = listed.settings(cache=True).map(mode=spoil, output=str)
    assert set(chain.to_values("mode")) == {"0"}
    assert len(cached(root)) == ROWS


def test_the_cache_is_cleared_from_the_command_line(
    listed: dc.DataChain, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed.settings(cache=True).map(text=read, output=str).to_values("text")
    for removed in (f"removed {ROWS} files", "removed 0 files"):
        assert main(["clear-cache"]) == 0
        assert capsys.readouterr().out.startswith(removed)
    assert cached(root) == []


def test_a_wrong_size_of_the_cache_is_refused(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("LAKEBED_CACHE_SIZE", "plenty")
    with pytest.raises(Exception, match="invalid LAKEBED_CACHE_SIZE `plenty`: give bytes"):
        dc.Session(root=str(root))


def test_the_cache_may_be_elsewhere(
    listed: dc.DataChain, s3: S3Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBED_CACHE", str(tmp_path / "shared"))
    for number in range(2):
        root = str(tmp_path / f"root{number}")
        with dc.Session(client_config=s3.client_config, root=root) as session:
            files: list[Any] = listed.to_values("file")
            chain = dc.read_values(file=files, session=session).settings(cache=True)
            assert chain.map(text=read, output=str).to_values("text") == EXPECTED
    assert s3.counts() == {"GET": ROWS}
