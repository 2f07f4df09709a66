"""Results stand for the files that set-ups and functions read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from conftest import Project

SCRIPT = """
import json, os, pathlib
import numpy as np
import lakebed as dc
from PIL import Image
from recording import record

if not os.path.exists("w.npy"):
    np.save("w.npy", np.array([2]))
    pathlib.Path("w.txt").write_text("2")
    Image.new("L", (1, 1), 2).save("w.png")

def opened():
    with open("w.txt") as file:
        return int(file.read())

class Scaled(dc.Mapper):
    def setup(self):
        self.by = int(pathlib.Path("w.txt").read_text())

    def process(self, x: int) -> int:
        record("class")
        return x * self.by

def times(x: int, w) -> int:
    record("setup")
    return x * int(w)

def reads(x: int) -> int:
    record("call")
    return x * opened()

def pictured(x: int) -> int:
    record("picture")
    with Image.open("w.png") as picture:
        return x * picture.getpixel((0, 0))

def unannotated(x):
    record("sample")
    return x * opened()

parallel = int(os.environ["PARALLEL"]) or None
chain = dc.read_values(x=[1, 10]).settings(parallel=parallel)
stages = {
    "npy": chain.setup(w=lambda: np.load("w.npy")[0]).map(y=times),
    "setup": chain.setup(w=opened).map(y=times),
    "class": chain.map(y=Scaled()),
    "call": chain.map(y=reads),
    "picture": chain.map(y=pictured),
    "sample": chain.map(y=unannotated),
}
saved = {name: made.save(name) for name, made in stages.items()}
print(json.dumps({name: [made.version, *made.to_values("y")] for name, made in saved.items()}))
"""

CHANGE = """
import pathlib
import numpy as np
from PIL import Image

np.save("w.npy", np.array([3]))
pathlib.Path("w.txt").write_text("3")
Image.new("L", (1, 1), 3).save("w.png")
"""


@pytest.mark.parametrize("parallel", ["0", "2"])
def test_a_file_that_is_written_anew(project: Project, parallel: str) -> None:
    project.write("script.py", SCRIPT)
    project.write("change.py", CHANGE)

    def run() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(project.run("script.py", PARALLEL=parallel).out)
        return found

    names = ("npy", "setup", "class", "call", "picture", "sample")
    assert run() == {name: ["1.0.0", 2, 20] for name in names}
    project.new_calls()
    assert run() == {name: ["1.0.0", 2, 20] for name in names}
    assert project.new_calls() == []
    for name in ("w.npy", "w.txt", "w.png"):
        os.utime(project.folder / name, (1, 1))
    assert run() == {name: ["1.0.0", 2, 20] for name in names}
    assert project.new_calls() == []
    project.run("change.py")
    assert run() == {name: ["1.0.1", 3, 30] for name in names}
    project.new_calls()
    assert run() == {name: ["1.0.1", 3, 30] for name in names}
    assert project.new_calls() == []


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.txt"
    path.write_text("2")
    return path


def test_a_set_up_runs_again_in_one_process(weights: Path) -> None:
    chain = dc.read_values(x=[1, 10]).setup(w=lambda: int(weights.read_text()))
    made = chain.map(y=lambda x, w: x * w, output=int)
    assert made.to_values("y") == [2, 20]
    weights.write_text("3")
    assert made.to_values("y") == [3, 30]
    weights.write_text("2")
    assert made.to_values("y") == [2, 20]


def test_a_database_that_a_writer_has_open(tmp_path: Path) -> None:
    path, calls = tmp_path / "w.db", tmp_path / "calls"
    writer = sqlite3.connect(path)
    writer.execute("pragma journal_mode=wal")
    writer.execute("create table t as select 2 as v")
    writer.commit()

    def scaled(x: int) -> int:
        with calls.open("a") as log:
            log.write("x")
        reader = sqlite3.connect(path)
        try:
            return x * int(reader.execute("select v from t").fetchone()[0])
        finally:
            reader.close()

    made = dc.read_values(x=[1, 10]).map(y=scaled)
    assert [made.to_values("y") for _ in range(2)] == [[2, 20]] * 2
    assert calls.read_text() == "xx"
    writer.execute("update t set v = 3")
    writer.commit()
    assert [made.to_values("y") for _ in range(2)] == [[3, 30]] * 2
    assert calls.read_text() == "xxxx"
    # what was in its log goes into the file
    writer.close()
    assert made.to_values("y") == [3, 30]
    assert calls.read_text() == "xxxx"


@contextlib.contextmanager
def a_database(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False)) as database:
        database.execute("create table t as select 2 as v")
        database.commit()
        yield database


def value_in(path: Path | str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as reader:
        return int(reader.execute("select v from t").fetchone()[0])


def test_a_database_that_others_write_to_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    with a_database(path) as writer:

        def write() -> None:
            writer.execute("update t set v = 3")
            writer.commit()

        def scaled(x: int) -> int:
            found = x * value_in(path)
            write()
            return found

        made = dc.read_values(x=[1]).settings(ignore=["write"]).map(y=scaled)
        assert made.to_values("y") == [2]
        assert made.to_values("y") == [3]


def test_a_database_of_its_own(tmp_path: Path) -> None:
    path, calls = tmp_path / "w.db", tmp_path / "calls"
    with a_database(path):
        pass

    def counted(x: int) -> int:
        with calls.open("a") as log:
            log.write("x")
        with contextlib.closing(sqlite3.connect(path)) as own:
            own.execute("insert into t values (?)", (x,))
            own.commit()
            return int(own.execute("select v from t").fetchone()[0])

    made = dc.read_values(x=[1, 10]).map(y=counted)
    assert [made.to_values("y") for _ in range(2)] == [[2, 2]] * 2
    assert calls.read_text() == "xx"


def test_a_database_that_is_attached(tmp_path: Path) -> None:
    path = tmp_path / "w.db"

    def scaled(x: int) -> int:
        with contextlib.closing(sqlite3.connect(":memory:")) as reader:
            reader.execute(f"attach '{path}' as other")
            return x * int(reader.execute("select v from other.t").fetchone()[0])

    made = dc.read_values(x=[1, 10]).map(y=scaled)
    with a_database(path) as writer:
        assert made.to_values("y") == [2, 20]
        writer.execute("update t set v = 3")
        writer.commit()
        assert made.to_values("y") == [3, 30]


def test_threads_of_a_function_are_heard(weights: Path) -> None:
    def scaled(x: int) -> int:
        return x * int(weights.read_text())

    made = dc.read_values(x=[1, 10]).settings(concurrency=2).map(y=scaled)
    assert made.to_values("y") == [2, 20]
    weights.write_text("3")
    assert made.to_values("y") == [3, 30]


def test_what_a_function_writes_is_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    calls = tmp_path / "calls"

    def counted(x: int) -> int:
        with log.open("a") as file:
            file.write("x")
        with calls.open("a") as file:
            file.write("x")
        return len(log.read_text()) and x

    made = dc.read_values(x=[1, 2, 3]).map(y=counted)
    assert [made.to_values("y") for _ in range(2)] == [[1, 2, 3]] * 2
    assert calls.read_text() == "xxx"


def test_the_files_of_rows_count_for_their_rows(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    calls = tmp_path / "calls"
    for name in "ab":
        (files / name).write_text(name)

    def text(file: dc.File) -> str:
        with calls.open("a") as log:
            log.write(file.name)
        return file.read_text()

    def read() -> list[str]:
        return dc.read_storage(files, update=True).settings(batch_size=1).map(t=text).to_values("t")

    assert read() == ["a", "b"]
    assert not list((Path(os.environ["LAKEBED_ROOT"]) / "reads").glob("*/*"))
    assert read() == ["a", "b"]
    assert calls.read_text() == "ab"
    (files / "b").write_text("B")
    assert read() == ["a", "B"]


def made_by_others(path: Path, text: str) -> None:
    """A file that this process does not write."""
    subprocess.run(["sh", "-c", f"echo {text} > {path}"], check=True)  # noqa: S603, S607


def records() -> list[Path]:
    return list((Path(os.environ["LAKEBED_ROOT"]) / "reads").glob("*/*"))


def test_what_came_into_being_and_is_gone_was_no_input(tmp_path: Path) -> None:
    calls = tmp_path / "calls"

    def converted(x: int) -> int:
        with calls.open("a") as log:
            log.write("x")
        with tempfile.TemporaryDirectory() as folder:
            made_by_others(Path(folder) / "out", str(x))
            return int((Path(folder) / "out").read_text())

    for concurrency in (1, 2):
        made = dc.read_values(x=[1, 2, 3]).settings(concurrency=concurrency).map(y=converted)
        assert [made.to_values("y") for _ in range(2)] == [[1, 2, 3]] * 2
        assert records() == []
    assert calls.read_text() == "xxx"


def test_what_was_there_before_and_is_gone_was_one(tmp_path: Path) -> None:
    given, calls = tmp_path / "given", tmp_path / "calls"

    def taken(x: int) -> int:
        with calls.open("a") as log:
            log.write("x")
        text = given.read_text() if given.exists() else "0"
        given.unlink(missing_ok=True)
        return x + int(text)

    made_by_others(given, "7")
    probe = tmp_path / "probe"
    probe.touch()
    while probe.stat().st_ctime_ns == given.stat().st_ctime_ns:
        # clocks of file systems tick slowly
        probe.touch()
    made = dc.read_values(x=[1]).map(y=taken)
    assert made.to_values("y") == [8]
    assert made.to_values("y") == [1]
    assert calls.read_text() == "xx"


def test_a_set_up_runs_once_whatever_it_made_and_removed(tmp_path: Path) -> None:
    calls = tmp_path / "calls"

    def loaded() -> int:
        with calls.open("a") as log:
            log.write("x")
        with tempfile.TemporaryDirectory() as folder:
            made_by_others(Path(folder) / "out", "5")
            return int((Path(folder) / "out").read_text())

    chain = dc.read_values(x=[1, 2]).setup(by=loaded)
    chain = chain.map(y=lambda x, by: x * by, output=int)
    assert chain.map(z=lambda y, by: y * by, output=int).to_values("z") == [25, 50]
    assert calls.read_text() == "x"


def in_pool(weights: Path) -> Callable[[int], int]:
    def scaled(x: int) -> int:
        with ThreadPoolExecutor(1) as pool:
            return x * int(pool.submit(weights.read_text).result())

    return scaled


def in_thread_of_thread(weights: Path) -> Callable[[int], int]:
    def scaled(x: int) -> int:
        found: list[int] = []
        inner = threading.Thread(target=lambda: found.append(int(weights.read_text())))
        outer = threading.Thread(target=lambda: (inner.start(), inner.join()))
        outer.start()
        outer.join()
        return x * found[0]

    return scaled


def in_coroutine(weights: Path) -> Callable[[int], Coroutine[Any, Any, int]]:
    async def scaled(x: int) -> int:
        return x * int(await asyncio.to_thread(weights.read_text))

    return scaled


@pytest.mark.parametrize("made", [in_pool, in_thread_of_thread, in_coroutine])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_threads_that_a_function_starts_are_heard(
    weights: Path, made: Callable[[Path], Any], concurrency: int
) -> None:
    chain = dc.read_values(x=[1, 10]).settings(concurrency=concurrency)
    chain = chain.map(y=made(weights), output=int)
    assert chain.to_values("y") == [2, 20]
    weights.write_text("3")
    assert chain.to_values("y") == [3, 30]


def test_other_threads_are_not(weights: Path) -> None:
    def fails(x: int) -> int:
        raise ValueError(x)

    def doubled(x: int) -> int:
        return 2 * x

    chain = dc.read_values(x=[1, 2, 3]).settings(concurrency=3)
    with pytest.raises(ValueError, match="1"):
        chain.map(y=fails).to_values("y")
    rows = chain.map(y=doubled).to_iter("y")
    next(rows)
    for _ in range(8):
        thread = threading.Thread(target=weights.read_text)
        thread.start()
        thread.join()
    list(rows)
    assert records() == []


def test_a_thread_that_writes_later_does_not_write_for_a_function(weights: Path) -> None:
    def scaled(x: int) -> int:
        return x * int(weights.read_text())

    chain = dc.read_values(x=[1, 10]).settings(concurrency=4).map(y=scaled)
    assert chain.to_values("y") == [2, 20]
    threads = [threading.Thread(target=weights.write_text, args=("3",)) for _ in range(4)]
    for thread in threads:
        thread.start()
        thread.join()
    assert chain.to_values("y") == [3, 30]
