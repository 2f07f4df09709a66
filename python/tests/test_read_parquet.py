"""Parquet files as chains, types as they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    FileChangedError,
    MissingPathError,
    NotSupportedError,
    SignalSchemaError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "t.parquet"
    rows = [{"path": "a.txt", "size": 1}, None]
    pq.write_table(pa.table({"n": pa.array([1, 2], pa.int32()), "file": rows}), path)
    return path


def test_structs_become_models(parquet: Path) -> None:
    chain = dc.read_parquet(parquet)
    assert list(chain.schema.flatten()) == ["n", "file.path", "file.size"]
    assert chain.filter(dc.C("file.size") == 1).to_list("n", "file.path") == [(1, "a.txt")]
    assert chain.to_values("file")[1] is None


def test_types_survive_saving(parquet: Path) -> None:
    dc.read_parquet(parquet).save("t")
    assert dc.read_dataset("t").to_arrow()["n"].type == pa.int32()


def test_refuses_what_is_not_there_yet(parquet: Path) -> None:
    for options in ({"source": True}, {"column": "row"}, {"output": ["a"]}):
        with pytest.raises(NotSupportedError):
            dc.read_parquet(parquet, **options)


def test_refuses_two_columns_of_one_name(tmp_path: Path) -> None:
    table = pa.table([[1], [2]], names=["a", "a"])
    pq.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(NotSupportedError, match=r"two columns `a` in `.*twice.parquet`"):
        dc.read_parquet(tmp_path / "twice.parquet")
    with pytest.raises(DataChainParamsError, match="invalid column name `a`: two columns have it"):
        dc.read_arrow(table)


def write(path: Path, values: Sequence[Any]) -> None:
    pq.write_table(pa.table({"k": values}), path)


QUESTIONS: dict[str, Callable[[dc.DataChain], Any]] = {
    "count": lambda chain: chain.count(),
    "rows": lambda chain: chain.to_values("k"),
    "filter": lambda chain: chain.filter(dc.C("k") > 10).to_values("k"),
    "save": lambda chain: chain.save("rewritten"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_file_that_is_written_anew_is_not_taken_for_the_one_that_was_listed(
    tmp_path: Path, question: str
) -> None:
    path = tmp_path / "a#1 %41.parquet"
    write(path, [1, 2, 3])
    chain, times = dc.read_parquet(path), path.stat()
    QUESTIONS[question](chain)
    write(path, [11, 12, 13])
    # of the same size and time
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(FileChangedError, match=r"file `.*/a#1 %41.parquet` was written anew"):
        QUESTIONS[question](chain)
    write(path, list(range(1000)))
    with pytest.raises(FileChangedError, match=r"had \d+ bytes when it was listed and has \d+ now"):
        QUESTIONS[question](chain)
    assert dc.read_parquet(path).count() == 1000
    path.unlink()
    with pytest.raises(MissingPathError, match=r"a#1 %41.parquet"):
        QUESTIONS[question](chain)


def test_a_file_that_is_written_anew_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    pq.write_table(pa.table({"k": range(300_000)}), path, row_group_size=1000)
    rows = dc.read_parquet(path).settings(batch_rows=1000).to_iter("k")
    next(rows)
    write(path, [1])
    with pytest.raises(FileChangedError, match=r"has \d+ now"):
        list(rows)


NAMES = ["x.pq", "data/x.pq", "./data/x.pq", "data/part-0", "data/_x.parquet", "data/x#1 {y}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_what_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "beside").mkdir()
    write(tmp_path / name, [1])
    for folder, given in ((tmp_path, name), (tmp_path / "beside", f"../{name}")):
        monkeypatch.chdir(folder)
        assert dc.read_parquet(given).to_values("k") == [1]
        assert dc.read_parquet((tmp_path / name).as_posix()).to_values("k") == [1]


def test_also_in_braces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    for at, name in enumerate(("part-0", "_x.parquet", "y.parquet")):
        write(tmp_path / "data" / name, [at])
    monkeypatch.chdir(tmp_path)
    assert dc.read_parquet("data/{part-0,_x.parquet,y.parquet}").to_values("k") == [0, 1, 2]


def test_a_folder_without_parquet_files_is_there(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    with pytest.raises(DataChainParamsError, match=r"no file in it is called `\*.parquet`"):
        dc.read_parquet(tmp_path)
    with pytest.raises(MissingPathError, match="no such file or directory"):
        dc.read_parquet(tmp_path / "missing")
    with pytest.raises(MissingPathError, match="no such file or directory"):
        dc.read_parquet(tmp_path / "part-*")


def test_refuses_to_read_one_of_two_fields_for_both() -> None:
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array(["x"])], ["a", "a"])
    lists = pa.ListArray.from_arrays([0, 1], twice)
    for made in (
        dc.sql("select named_struct('a', 1, 'a', 'x') as c"),
        dc.read_arrow(pa.table({"c": twice})),
        dc.read_arrow(pa.table({"c": lists})),
    ):
        with pytest.raises(SignalSchemaError, match=r"has two fields `a`; hint: rename one"):
            made.to_values("c")
        with pytest.raises(SignalSchemaError, match=r"has two fields `a`; hint: rename one"):
            made.map(k=lambda c: c is None, output=bool).to_values("k")


def test_a_value_that_does_not_fit_is_named_with_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [0.5])
    write(tmp_path / "b#.parquet", [2**53 + 1])
    with pytest.raises(DataChainColumnError, match=r"column `k`: .* cast the column: `.*/b#.par"):
        dc.read_parquet(tmp_path).to_values("k")
