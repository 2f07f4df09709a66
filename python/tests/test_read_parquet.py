"""Parquet files as chains, types as they are."""

from __future__ import annotations

import datetime as dt
import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import DataModel
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    DatasetPrepareError,
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
    chain = dc.read_parquet(parquet, source=False)
    assert list(chain.schema.flatten()) == ["n", "file.path", "file.size"]
    assert chain.filter(dc.C("file.size") == 1).to_list("n", "file.path") == [(1, "a.txt")]
    assert chain.to_values("file")[1] is None


def test_types_survive_saving(parquet: Path) -> None:
    dc.read_parquet(parquet).save("t")
    assert dc.read_dataset("t").to_arrow()["n"].type == pa.int32()


def test_rows_say_where_they_are_from(tmp_path: Path) -> None:
    for name, first in (("a", 0), ("b", 70_000)):
        numbers = pa.table({"x": range(first, first + 70_000), "y": ["y"] * 70_000})
        pq.write_table(numbers, tmp_path / f"{name}.parquet", row_group_size=20_000)
    chain = dc.read_parquet(tmp_path)
    assert list(chain.schema) == ["source", "x", "y"]
    rows = chain.filter(dc.C("x") % 1000 == 999).to_list("source.file.path", "source.index", "x")
    assert rows == [
        ("a.parquet" if x < 70_000 else "b.parquet", x % 70_000, x)
        for x in range(999, 140_000, 1000)
    ]
    assert chain.limit(2).to_values("source.index") == [0, 1]
    assert chain.count() == 140_000
    source = chain.filter(dc.C("x") == 130_000).to_values("source")[0]
    assert isinstance(source, dc.ArrowRow)
    assert source.read() == {"x": 130_000, "y": "y"}
    (listed,) = dc.read_storage(tmp_path / "b.parquet").to_values("file")
    assert source.file == listed
    assert chain.save("rows").sum("source.index") == 2 * sum(range(70_000))


def test_output_names_and_types_columns(parquet: Path) -> None:
    read = partial(dc.read_parquet, parquet, source=False)
    assert read(output=["a", "b"]).to_values("a") == [1, 2]
    assert list(read(output={"n": float}).schema) == ["n"]
    assert read(output={"n": float}).to_list() == [(1.0,), (2.0,)]
    assert read(output={"n": str}).to_list() == [("1",), ("2",)]
    row = read(column="row", model_name="Whole").limit(1).to_values("row")[0]
    assert (type(row).__name__, row.n, row.file.path) == ("Whole", 1, "a.txt")
    assert read(column="row").to_values("row")[1].file is None
    with pytest.raises(DatasetPrepareError, match=r"1 names .* for 2 columns"):
        read(output=["a"])
    with pytest.raises(NotSupportedError, match="partitioning"):
        read(partitioning=["year"])


def test_names_become_identifiers(tmp_path: Path) -> None:
    table = pa.table({"First Name": ["a"], "dot.ted": [1], "first_name": [2]})
    pq.write_table(table, tmp_path / "t.parquet")
    chain = dc.read_parquet(tmp_path / "t.parquet", source=False)
    assert list(chain.schema) == ["c0_first_name", "dot_ted", "first_name"]
    assert chain.to_list() == [("a", 1, 2)]


class Inner(DataModel):
    score: int = 0
    label: str = ""


class Outer(DataModel):
    name: str = ""
    inner: Inner | None = None


def noted(path: Path, columns: dict[str, Any], signals: dict[str, Any]) -> Path:
    notes = {"DataChain SignalSchema": json.dumps(signals)}
    pq.write_table(pa.table(columns).replace_schema_metadata(notes), path)
    return path


def test_models_of_datachain_come_back(tmp_path: Path) -> None:
    columns = {
        "num": [1, 2, 3],
        "o.name": ["x", "y", None],
        "o.inner._type_tag": [0, None, None],
        "o.inner.score": [0, None, None],
        "o.inner.label": ["", None, None],
        "o._type_tag": [0, 0, None],
    }
    models = {
        "Outer@v1": {
            "schema_version": 2,
            "name": "Outer@v1",
            "fields": {"name": "str", "inner": "Optional[Inner@v1]"},
            "bases": [],
            "hidden_fields": [],
        },
        "Inner@v1": {
            "schema_version": 2,
            "name": "Inner@v1",
            "fields": {"score": "int", "label": "str"},
            "bases": [],
            "hidden_fields": [],
        },
    }
    signals = {"num": "int", "o": "Optional[Outer@v1]", "_custom_types": models}
    chain = dc.read_parquet(noted(tmp_path / "t.parquet", columns, signals))
    assert list(chain.schema) == ["source", "num", "o"]
    assert chain.to_values("o") == [
        Outer(name="x", inner=Inner(score=0, label="")),
        Outer(name="y", inner=None),
        None,
    ]
    assert chain.filter(dc.C("o.inner.score") == 0).to_values("num") == [1]


def test_models_whose_class_is_gone_come_back(tmp_path: Path) -> None:
    columns = {"g.a": [1], "g.when": [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]}
    signals = {"g": "Gone@v3", "_custom_types": {"Gone@v3": {"a": "int", "when": "datetime"}}}
    path = noted(tmp_path / "t.parquet", columns, signals)
    (gone,) = dc.read_parquet(path, source=False).to_values("g")
    assert type(gone).__name__.startswith("Gone")
    assert (gone.a, gone.when) == (1, dt.datetime(2024, 1, 1, tzinfo=dt.UTC))


def test_a_source_that_was_written_is_read_anew(tmp_path: Path) -> None:
    columns = {"source.file.path": ["old"], "source.index": [5], "x": [1]}
    signals = {"source": "ArrowRow@v1", "x": "int"}
    path = noted(tmp_path / "t.parquet", columns, signals)
    assert dc.read_parquet(path).to_list("source.file.path", "x") == [("t.parquet", 1)]


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


def _parts(folder: Path) -> list[dict[str, Any]]:
    """Files whose model `m` differs: what a file lacks is null, as are the parts of no model."""
    inner = [{"t": f"t{n % 7}", "deep": {"x": n, "y": [n]}} if n % 5 else None for n in range(90)]
    both = pa.table({"n": range(90), "m": inner})
    pq.write_table(both, folder / "a.parquet", row_group_size=20)
    model = pa.struct([("t", pa.string()), ("deep", pa.struct([("x", pa.int32())]))])
    later = [{"t": None, "deep": {"x": 500}}, {"t": "late", "deep": None}, None]
    pq.write_table(pa.table({"n": [90, 91, 92], "m": pa.array(later, model)}), folder / "b.parquet")
    rows = [{"n": n, "m": one} for n, one in enumerate(inner + later)]
    return [
        {
            "n": row["n"],
            "t": (row["m"] or {}).get("t"),
            "x": ((row["m"] or {}).get("deep") or {}).get("x"),
        }
        for row in rows
    ]


@pytest.mark.parametrize("source", [False, True])
def test_parts_of_models_are_those_of_the_rows(tmp_path: Path, *, source: bool) -> None:
    rows = _parts(tmp_path)
    chain = dc.read_parquet(tmp_path, source=source)
    assert chain.to_list("m.deep.x", "n", "m.t") == [(r["x"], r["n"], r["t"]) for r in rows]
    late = chain.filter(dc.C("m.deep.x") > 40).to_list("n", "m.t")
    assert late == [(r["n"], r["t"]) for r in rows if r["x"] is not None and r["x"] > 40]
    assert chain.sum("m.deep.x") == sum(r["x"] or 0 for r in rows)
    kinds = chain.distinct("m.t").to_values("m.t")
    assert kinds == list(dict.fromkeys(r["t"] for r in rows))
    if source:
        last = chain.filter(dc.C("m.t") == "late").to_list("source.file.path", "source.index")
        assert [(path.rpartition("/")[2], row) for path, row in last] == [("b.parquet", 1)]


@pytest.mark.parametrize("descending", [False, True])
def test_first_rows_by_a_part_of_a_model(tmp_path: Path, *, descending: bool) -> None:
    rows = [r for r in _parts(tmp_path) if r["x"] is not None]
    rows.sort(key=lambda row: row["x"], reverse=descending)
    chain = dc.read_parquet(tmp_path, source=False).filter(dc.C("m.deep.x") >= 0)
    first = (
        chain.order_by("m.deep.x", descending=descending).limit(5).to_list("n", "m.t", "m.deep.x")
    )
    assert first == [(r["n"], r["t"], r["x"]) for r in rows[:5]]
    every = dc.read_parquet(tmp_path, source=False).order_by("m.deep.x", descending=descending)
    assert [row for row in every.limit(5).to_list("m.deep.x") if row[0] is not None][:5] == [
        (r["x"],) for r in rows[:5]
    ]
