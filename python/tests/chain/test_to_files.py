"""`to_parquet`, `to_csv`, `to_json`, `to_jsonl`: what other programs read, and what comes back."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, Field

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, NotSupportedError, SignalResolvingError

if TYPE_CHECKING:
    from pathlib import Path

    from servers import Store
    from servers.double_server import S3Double


class Color(Enum):
    RED = "red"


class Size(BaseModel):
    width: int
    unit: str | None = None


class Note(dc.DataModel):
    text: str | None = None


class Item(dc.DataModel):
    name: str
    size: Size
    notes: list[Note] = Field(default_factory=list)


NOON = dt.datetime(2024, 1, 2, 12, 0, 0, 5, tzinfo=dt.UTC)
ONE = UUID(int=1)
ITEM = Item(name="a", size=Size(width=1), notes=[Note(text="x"), Note()])

# A type, a value of it, and how the value looks in JSON and in CSV.
TYPES: dict[str, tuple[Any, Any, Any, str]] = {
    "int": (int, -(2**63), -(2**63), str(-(2**63))),
    "float": (float, 1e16, 1e16, "1e16"),
    "whole float": (float, 2.0, 2.0, "2.0"),
    "infinity": (float, float("-inf"), None, "-inf"),
    "str": (str, 'a "b"\n,ü', 'a "b"\n,ü', 'a "b"\n,ü'),
    "empty text": (str, "", "", ""),
    "bool": (bool, True, True, "True"),
    "bytes": (bytes, b"\xff\x00a", "/wBh", "/wBh"),
    "datetime": (dt.datetime, NOON, "2024-01-02T12:00:00.000005Z", str(NOON)),
    "date": (dt.date, dt.date(1, 2, 3), "0001-02-03", "0001-02-03"),
    "time": (dt.time, dt.time(1, 2, 3), "01:02:03", "01:02:03"),
    "timedelta": (dt.timedelta, dt.timedelta(days=-1, hours=-2), "-P1DT2H", "-P1DT2H"),
    "decimal": (Decimal, Decimal("-1.10"), "-1.1", "-1.1"),
    "uuid": (UUID, ONE, str(ONE), str(ONE)),
    "enum": (Color, Color.RED, "red", "red"),
    "literal": (Literal["a", "b"], "a", "a", "a"),
    "list": (list[list[float]], [[1.5], []], [[1.5], []], "[[1.5],[]]"),
    "vector": (dc.Vector(2), [1.0, 2.0], [1.0, 2.0], "[1.0,2.0]"),
    "tuple": (tuple[int, ...], (1, 2), [1, 2], "[1,2]"),
    "set": (set[str], {"a"}, ["a"], '["a"]'),
    "dict": (dict, {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, '{"a": [1, {"b": null}]}'),
    "dict of ints": (dict[int, str], {1: "a"}, {"1": "a"}, '{"1":"a"}'),
    "union": (int | str, "a", "a", '"a"'),
    "models": (
        list[Size],
        [Size(width=1)],
        [{"width": 1, "unit": None}],
        '[{"width":1,"unit":null}]',
    ),
}


def read(path: Any, **options: Any) -> dc.DataChain:
    return dc.read_parquet(path, source=False, **options)


def of(kind: Any, *values: Any) -> dc.DataChain:
    return dc.read_values(id=range(len(values)), x=list(values), output={"id": int, "x": kind})


@pytest.mark.parametrize("name", TYPES)
def test_parquet_gives_values_back(name: str, tmp_path: Path) -> None:
    kind, value, _, _ = TYPES[name]
    chain = of(kind | None, value, None)
    chain.to_parquet(tmp_path / "x.parquet")
    back = read(tmp_path / "x.parquet")
    assert back.to_values("x") == [value, None]
    assert back.schema == chain.schema
    # those who know nothing of us
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 2


@pytest.mark.parametrize("name", TYPES)
def test_json_has_values_as_pydantic_writes_them(name: str, tmp_path: Path) -> None:
    kind, value, shown, _ = TYPES[name]
    chain = of(kind | None, value, None)
    chain.to_json(tmp_path / "x.json")
    rows = [{"id": 0, "x": shown}, {"id": 1, "x": None}]
    assert json.loads((tmp_path / "x.json").read_text()) == rows
    chain.to_jsonl(tmp_path / "x.jsonl")
    lines = (tmp_path / "x.jsonl").read_text().split("\n")
    assert [json.loads(line) for line in lines] == rows


@pytest.mark.parametrize("name", TYPES)
def test_csv_has_values_as_text(name: str, tmp_path: Path) -> None:
    kind, value, _, shown = TYPES[name]
    of(kind | None, value, None).to_csv(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["id", "x"], ["0", shown], ["1", ""]]


def test_nan_is_no_json(tmp_path: Path) -> None:
    nan = float("nan")
    texts = {"NaN": nan, 'a "NaN"': [float("inf"), "-Infinity", 1]}
    chain = dc.read_values(
        x=[nan], y=[[nan, 1.5]], z=[texts], output={"x": float, "y": list[float], "z": dict}
    )
    chain.to_json(tmp_path / "x.json")
    expected = {
        "x": None,
        "y": [None, 1.5],
        "z": {"NaN": None, 'a "NaN"': [None, "-Infinity", 1]},
    }

    def refuse(name: str) -> None:
        raise AssertionError(name)

    written = (tmp_path / "x.json").read_text()
    assert json.loads(written, parse_constant=refuse) == [expected]
    chain.select("x").to_csv(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "x\nnan\n"


def test_models_are_columns_and_come_back(tmp_path: Path) -> None:
    chain = dc.read_values(
        item=[ITEM, None], note=[Note(), None], output={"item": Item | None, "note": Note | None}
    )
    path = tmp_path / "x.parquet"
    chain.to_parquet(path)
    back = read(path)
    assert back.to_list() == [(ITEM, Note()), (None, None)]
    assert type(back.to_values("item")[0]) is Item
    assert back.filter(dc.C("item.size.width") == 1).to_values("item.name") == ["a"]
    assert back.schema == chain.schema
    # `Note()` has no field that would tell it from a missing one
    names = ["item.name", "item.size.width", "item.size.unit", "item.notes"]
    assert pq.read_table(path).column_names == [*names, "note._type_tag", "note.text"]
    chain.to_csv(tmp_path / "x.csv")
    header = (tmp_path / "x.csv").read_text().splitlines()[0]
    assert header == ",".join([*names, "note.text"])
    chain.to_json(tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == [
        {"item": ITEM.model_dump(mode="json"), "note": {"text": None}},
        {"item": None, "note": None},
    ]


def test_files_come_back_and_can_be_read(tmp_path: Path, files: Path) -> None:
    chain = dc.read_storage(str(files))
    chain.to_parquet(tmp_path / "x.parquet")
    back = read(tmp_path / "x.parquet")
    assert [f.read() for f in back.to_values("file")] == [f.read() for f in chain.to_values("file")]
    assert back.to_values("file") == chain.to_values("file")


def test_where_rows_are_from_is_read_anew(tmp_path: Path) -> None:
    dc.read_values(X=[1], item=[ITEM]).to_parquet(tmp_path / "a.parquet")
    first = dc.read_parquet(tmp_path / "a.parquet")
    assert list(first.schema) == ["source", "X", "item"]
    first.to_parquet(tmp_path / "b.parquet")
    second = dc.read_parquet(tmp_path / "b.parquet")
    assert list(second.schema) == ["source", "X", "item"]
    assert second.to_values("source.file.path") == ["b.parquet"]
    assert second.to_list("X", "item") == [(1, ITEM)]
    assert read(tmp_path / "b.parquet").to_values("source.file.path") == ["a.parquet"]


def test_files_that_others_changed(tmp_path: Path) -> None:
    dc.read_values(x=[1, 2], item=[ITEM, ITEM]).to_parquet(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    pq.write_table(table.slice(1), tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet").to_list() == [(2, ITEM)]
    pq.write_table(table.drop_columns("item.name"), tmp_path / "c.parquet")
    assert read(tmp_path / "c.parquet").to_values("x") == [1, 2]
    pq.write_table(table.append_column("y", pa.array([3, 4])), tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet").to_list() == [(1, ITEM, 3), (2, ITEM, 4)]


def test_a_file_is_replaced_by_what_is_read_from_it(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    dc.read_values(x=range(20_000), item=[ITEM] * 20_000).to_parquet(path, chunk_size=1000)
    read(path).mutate(x=dc.C("x") + 1).to_parquet(path)
    assert read(path).to_values("x") == list(range(1, 20_001))


def test_a_file_of_the_peer_gives_models(tmp_path: Path) -> None:
    signals = {
        "id": "int",
        "item": "Gone@v1",
        "_custom_types": {
            "Gone@v1": {
                "schema_version": 2,
                "name": "Gone@v1",
                "fields": {"size": "Size", "tags": "list[str]"},
                "bases": [["Gone", "__main__", "Gone@v1"]],
                "hidden_fields": [],
            },
            "Size": {
                "schema_version": 2,
                "name": "Size",
                "fields": {"width": "int", "unit": "Optional[str]"},
                "bases": [["Size", "__main__", None]],
            },
        },
    }
    table = pa.table(
        {
            "id": [1, 2],
            "item.size.width": [3, 4],
            "item.size.unit": [None, None],
            "item.tags": [["a"], []],
        }
    )
    key = {"DataChain SignalSchema": json.dumps(signals)}
    pq.write_table(table.replace_schema_metadata(key), tmp_path / "x.parquet")
    back = read(tmp_path / "x.parquet")
    [first, second] = back.to_list("id", "item")
    assert (first[0], first[1].size, first[1].tags) == (1, Size(width=3), ["a"])
    assert (second[0], second[1].size.width, second[1].tags) == (2, 4, [])


def test_the_footer_says_to_the_peer_what_models_are(tmp_path: Path) -> None:
    dc.read_values(item=[ITEM]).to_parquet(tmp_path / "x.parquet")
    metadata = pq.read_schema(tmp_path / "x.parquet").metadata
    signals = json.loads(metadata[b"DataChain SignalSchema"])
    assert signals["item"] == "Item@v1"
    known = signals["_custom_types"]
    assert known["Item@v1"]["fields"] == {
        "name": "str",
        "size": "Size",
        "notes": "list[Note@v1]",
    }
    assert set(known) == {"Item@v1", "Size", "Note@v1"}


def test_json_columns_are_json_to_duckdb(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "x.parquet"
    of(dict, {"a": 1}).to_parquet(path)
    kinds = [
        field.logical_type.type for field in (pq.ParquetFile(path).schema.column(i) for i in (0, 1))
    ]
    assert kinds == ["NONE", "JSON"]
    rows = duckdb.read_parquet(str(path)).project("x->>'a'")
    assert rows.fetchall() == [("1",)]


def test_rows_are_in_order_over_many_groups_and_partitions(tmp_path: Path) -> None:
    chain = dc.read_values(x=range(50_000)).save("many").filter(dc.C("x") % 3 != 1)
    chain = chain.mutate(text=dc.func.string.upper(dc.func.cast(dc.C("x"), str)))
    expected = [x for x in range(50_000) if x % 3 != 1]
    chain.to_parquet(tmp_path / "x.parquet", chunk_size=1000)
    file = pq.ParquetFile(tmp_path / "x.parquet")
    assert file.read()["x"].to_pylist() == expected
    assert {file.metadata.row_group(i).num_rows for i in range(33)} == {1000}
    chain.to_csv(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as rows:
        assert [int(row["text"]) for row in csv.DictReader(rows)] == expected
    chain.to_json(tmp_path / "x.json")
    assert [row["x"] for row in json.loads((tmp_path / "x.json").read_text())] == expected


def test_no_rows(tmp_path: Path) -> None:
    chain = of(int).limit(0)
    chain.to_parquet(tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet").to_list() == []
    chain.to_csv(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == b"id,x\r\n"
    chain.to_json(tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == []
    chain.to_jsonl(tmp_path / "x.jsonl")
    assert (tmp_path / "x.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, b'a,b\r\n"x,1",1\r\n"",\r\n'),
        ({"delimiter": ";", "lineterminator": "\n"}, b'a;b\nx,1;1\n"";\n'),
        ({"quoting": csv.QUOTE_ALL}, b'"a","b"\r\n"x,1","1"\r\n"",""\r\n'),
        ({"quoting": csv.QUOTE_NONNUMERIC}, b'"a","b"\r\n"x,1",1\r\n"",""\r\n'),
        ({"quoting": csv.QUOTE_NONE, "escapechar": "\\"}, b"a,b\r\nx\\,1,1\r\n,\r\n"),
        ({"quotechar": "'"}, b"a,b\r\n'x,1',1\r\n'',\r\n"),
        ({"dialect": "unix"}, b'"a","b"\n"x,1","1"\n"",""\n'),
    ],
)
def test_csv_in_dialects(options: dict[str, Any], expected: bytes, tmp_path: Path) -> None:
    chain = dc.read_values(a=["x,1", ""], b=[1, None], output={"a": str, "b": int | None})
    chain.to_csv(tmp_path / "x.csv", **options)
    assert (tmp_path / "x.csv").read_bytes() == expected


def test_csv_of_one_column_has_no_empty_lines(tmp_path: Path) -> None:
    dc.read_values(a=[None, "x"]).to_csv(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == b'a\r\n""\r\nx\r\n'


def test_csv_options_that_python_refuses(tmp_path: Path) -> None:
    chain = dc.read_values(a=["x,1"])
    with pytest.raises(TypeError, match="delimiter"):
        chain.to_csv(tmp_path / "x.csv", delimiter="ab")
    with pytest.raises(TypeError, match="sep"):
        chain.to_csv(tmp_path / "x.csv", sep=";")
    with pytest.raises(dc.LakebedError, match="escape"):
        chain.to_csv(tmp_path / "x.csv", quoting=csv.QUOTE_NONE)
    assert list(tmp_path.glob("*.csv")) == []


def test_parquet_options(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    chain = dc.read_values(item=[ITEM] * 10, n=range(10))
    chain.to_parquet(path, compression={"item.name": "gzip", "n": "zstd"}, use_dictionary=["n"])
    group = pq.ParquetFile(path).metadata.row_group(0)
    found = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert found["n"].compression == "ZSTD"
    assert found["item.name"].compression == "GZIP"
    assert found["item.size.width"].compression == "SNAPPY"
    assert "RLE_DICTIONARY" in found["n"].encodings
    assert "RLE_DICTIONARY" not in found["item.name"].encodings
    chain.to_parquet(path, compression="brotli", compression_level=3, write_statistics=False)
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.compression == "BROTLI"
    assert column.statistics is None
    chain.to_parquet(path, compression="gzip", compression_level={"n": 9}, data_page_version="2.0")
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "GZIP"
    assert read(path).to_list("item", "n") == [(ITEM, n) for n in range(10)]
    chain.to_parquet(path, row_group_size=4, version="2.6", store_schema=True)
    assert pq.ParquetFile(path).metadata.num_row_groups == 3


def test_columns_whose_values_come_again_have_a_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    chain = dc.read_values(n=range(5000), word=["a", "b"] * 2500, tags=[[1], [2]] * 2500)

    def dictionaries(**options: Any) -> list[bool]:
        chain.to_parquet(path, **options)
        group = pq.ParquetFile(path).metadata.row_group(0)
        return [group.column(i).has_dictionary_page for i in range(group.num_columns)]

    assert dictionaries() == [False, True, True]
    assert read(path).to_list("n", "word") == chain.to_list("n", "word")
    assert dictionaries(use_dictionary=True) == [True, True, True]
    assert dictionaries(use_dictionary=["n"]) == [True, False, False]
    assert dictionaries(use_dictionary=False) == [False, False, False]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"flavor": "spark"}, NotSupportedError, "flavor"),
        ({"engine": "fastparquet"}, NotSupportedError, "engine"),
        ({"colour": 1}, NotSupportedError, "colour"),
        ({"compression": "zip"}, DataChainParamsError, "zip"),
        ({"compression": "zstd", "compression_level": 99}, DataChainParamsError, "99"),
        ({"compression_level": 3}, DataChainParamsError, "levels"),
        ({"data_page_version": "3.0"}, DataChainParamsError, "3.0"),
        ({"compression": {"y": "zstd"}}, SignalResolvingError, "y"),
        ({"chunk_size": 0}, DataChainParamsError, "0"),
        ({"partition_cols": ["y"]}, SignalResolvingError, "y"),
        ({"partition_cols": ["x"]}, DataChainParamsError, "x"),
        ({"partition_cols": ["id", "x"]}, DataChainParamsError, "x"),
        ({"partition_cols": ["id"], "existing_data_behavior": "a"}, DataChainParamsError, "error"),
        ({"partition_cols": ["id"], "basename_template": "a"}, DataChainParamsError, "{i}"),
    ],
)
def test_parquet_options_that_are_refused(
    options: dict[str, Any], error: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        of(list[int], [1]).to_parquet(tmp_path / "x.parquet", **options)
    assert list(tmp_path.glob("x*")) == []


def test_folders_of_values(tmp_path: Path) -> None:
    texts = ["a/b c", None, "01", "ü%=", "01"]
    chain = dc.read_values(text=texts, day=[dt.date(2024, 1, 2)] * 5, n=range(5))
    root = tmp_path / "out"
    chain.to_parquet(root, partition_cols=["text", "day"])
    found = {str(p.relative_to(root)) for p in root.rglob("*.parquet")}
    assert found == {
        f"text={text}/day=2024-01-02/part-0.parquet"
        for text in ("a%2Fb%20c", "__HIVE_DEFAULT_PARTITION__", "01", "%C3%BC%25%3D")
    }
    assert [path for path in root.rglob("*") if path.name.startswith(".")] == []
    back = read(root).order_by("n")
    assert back.to_list() == chain.to_list()
    assert back.schema == chain.schema
    # pyarrow reads them too
    table = pa.dataset.dataset(root, partitioning="hive").to_table().sort_by("n")
    assert table["text"].to_pylist() == texts


def test_folders_are_written_again(tmp_path: Path) -> None:
    root = tmp_path / "out"
    first = dc.read_values(a=["x", "y"], n=[1, 2])
    first.to_parquet(root, partition_cols="a", existing_data_behavior="error")
    again = dc.read_values(a=["x", "z"], n=[3, 4])
    again.to_parquet(root, partition_cols="a", chunk_size=1)
    assert sorted(read(root).to_list("a", "n")) == [("x", 3), ("y", 2), ("z", 4)]
    with pytest.raises(DataChainParamsError, match=r"part-0\.parquet"):
        again.to_parquet(root, partition_cols="a", existing_data_behavior="error")
    (root / "a=x" / "old.parquet").touch()
    again.to_parquet(root, partition_cols="a", existing_data_behavior="delete_matching")
    assert [path.name for path in (root / "a=x").iterdir()] == ["part-0.parquet"]
    assert (root / "a=y").exists()


def test_fields_of_models_can_be_folders(tmp_path: Path) -> None:
    items = [ITEM, Item(name="b", size=Size(width=2))]
    chain = dc.read_values(item=items)
    chain.to_parquet(tmp_path / "out", partition_cols=["item.name"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"item.name=a", "item.name=b"}
    assert read(tmp_path / "out").order_by("item.name").to_values("item") == items


def test_a_file_object() -> None:
    written = io.BytesIO()
    dc.read_values(x=[1]).to_parquet(written)
    assert pq.read_table(io.BytesIO(written.getvalue()))["x"].to_pylist() == [1]
    with pytest.raises(DataChainParamsError, match="partition_cols"):
        dc.read_values(x=[1]).to_parquet(io.BytesIO(), partition_cols=["x"])


def test_what_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for stored in (
        dc.read_values(x=[1]).to_csv("x.csv"),
        dc.read_values(x=[1]).to_json("x.json"),
        dc.read_values(x=[1]).to_jsonl(tmp_path / "new" / "x.jsonl"),
        dc.read_values(x=[1]).to_csv((tmp_path / "y.csv").as_uri()),
    ):
        assert isinstance(stored, dc.File)
        assert stored.size == len(stored.read())
        assert stored == dc.File.at(stored.get_fs_path()).resolve()
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.mark.parametrize("verb", ["to_parquet", "to_csv", "to_json", "to_jsonl"])
class TestWholeOrNotAtAll:
    def test_a_file_is_replaced(self, verb: str, folder: Path) -> None:
        path = folder / "x"
        path.write_text("old" * 1000)
        (folder / "link").symlink_to(path)
        getattr(dc.read_values(x=[1]), verb)(folder / "link")
        assert path.stat().st_size < 3000
        assert (folder / "link").is_symlink()
        assert len(list(folder.iterdir())) == len({"x", "link"})

    def test_a_function_that_fails_leaves_the_old_file(self, verb: str, folder: Path) -> None:
        def fail(x: int) -> int:
            if x == 20_000:
                raise KeyError(x)
            return x

        (folder / "x").write_text("old")
        chain = dc.read_values(x=range(30_000)).map(y=fail)
        for target in ("x", "new/folder/y"):
            with pytest.raises(KeyError):
                getattr(chain, verb)(folder / target)
        assert [path.name for path in folder.iterdir()] == ["x"]
        assert (folder / "x").read_text() == "old"

    def test_what_cannot_be_written(self, verb: str, folder: Path) -> None:
        chain = dc.read_values(x=[1])
        for target in (folder, "/dev/null", f"{folder}/", ""):
            with pytest.raises(DataChainParamsError):
                getattr(chain, verb)(target)
        assert list(folder.iterdir()) == []

    def test_in_a_bucket(self, verb: str, s3: S3Double) -> None:
        chain = dc.read_values(x=[1, 2])
        uri = f"{s3.uri}/out/a b%20.x"
        getattr(chain, verb)(uri, fs_kwargs=s3.client_config)
        written = dc.File.at(uri).open("rb", client_config=s3.client_config)
        with written as stream:
            assert stream.read()


def test_returned_from_a_bucket(store: Store) -> None:
    chain = dc.read_values(x=[1, None])
    stored = chain.to_csv(f"{store.uri}/out/x.csv", fs_kwargs=store.client_config)
    assert (stored.source, stored.path, stored.size) == (store.uri, "out/x.csv", 10)
    assert stored.etag
    chain.to_parquet(f"{store.uri}/out/x.parquet", fs_kwargs=store.client_config)
    back = read(f"{store.uri}/out/x.parquet", client_config=store.client_config)
    assert back.to_values("x") == [1, None]


def test_folders_in_a_bucket(s3: S3Double) -> None:
    chain = dc.read_values(text=["a/b c", None, "01"], n=range(3))
    uri = f"{s3.uri}/parts"
    chain.to_parquet(uri, partition_cols=["text"], fs_kwargs=s3.client_config)
    back = read(uri, client_config=s3.client_config).order_by("n")
    assert back.to_list("text", "n") == chain.to_list()


def test_two_columns_of_one_name_in_a_file(tmp_path: Path) -> None:
    table = pa.table({"a": [{"b": 1}], "a.b": [2]})
    with pytest.raises(DataChainParamsError, match=r"a\.b"):
        dc.read_arrow(table).to_csv(tmp_path / "x.csv")


def test_what_was_sent_of_a_failed_upload_is_taken_back(s3: S3Double) -> None:
    def fail(x: int) -> str:
        if x == 20_000:
            raise KeyError(x)
        return "a" * 2000

    chain = dc.read_values(x=range(30_000)).map(y=fail)
    s3.reset()
    with pytest.raises(KeyError):
        chain.to_csv(f"{s3.uri}/x.csv", fs_kwargs=s3.client_config)
    counts = s3.counts()
    assert counts["INITIATE"] == counts["ABORT"] == 1
    assert "COMPLETE" not in counts
    assert s3.counts_of("x.csv").keys().isdisjoint({"PUT", "COMPLETE"})


SLOW = """
import sys, time
import lakebed as dc

def slow(x: int) -> str:
    if x == 9000:
        print("started", flush=True)
    if x > 9000:
        time.sleep(0.01)
    return "a" * 100

dc.read_values(x=range(20_000)).map(y=slow).to_csv(sys.argv[1])
"""


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_an_export_that_is_stopped_leaves_no_file(ended_by: signal.Signals, folder: Path) -> None:
    command = [sys.executable, "-c", SLOW, str(folder / "new" / "x.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:  # noqa: S603
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        child.send_signal(ended_by)
    assert child.returncode != 0
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    assert [name for name in left if not name.startswith(".tmp")] == []
    if ended_by == signal.SIGINT:
        assert list(folder.iterdir()) == []
