"""Rows of files with tables, by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, FileError
from lakebed.file import ArrowRow, File

pa = pytest.importorskip("pyarrow")

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    from pyarrow import csv, feather, parquet

    table = pa.table({"n": range(10), "t": [f"text\n{n}" for n in range(10)]})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    csv.write_csv(table, tmp_path / "a.csv")
    csv.write_csv(table, tmp_path / "a.tsv", csv.WriteOptions(delimiter="\t"))
    feather.write_feather(table, tmp_path / "a.feather", chunksize=4)
    lines = (f'{{"n": {n}, "t": "text\\n{n}"}}\n' for n in range(10))
    (tmp_path / "a.jsonl").write_text("".join(lines))
    return tmp_path


@pytest.mark.parametrize("kind", ["parquet", "csv", "tsv", "feather", "jsonl"])
def test_a_row_by_its_number(tables: Path, kind: str) -> None:
    file = File.at(tables / f"a.{kind}").resolve()
    for index in (0, 4, 9):
        row = ArrowRow(file=file, index=index)
        assert row.read() == {"n": index, "t": f"text\n{index}"}
    with row.open() as table:
        assert table.num_rows == 1
    for index in (10, -1):
        with pytest.raises(FileError, match=f"no row {index} in"):
            ArrowRow(file=file, index=index).read()


def test_rows_are_stored(tables: Path) -> None:
    file = File.at(tables / "a.parquet").resolve()
    dc.read_values(row=[ArrowRow(file=file, index=2, kwargs={"format": "parquet"})]).save("rows")
    [row] = dc.read_dataset("rows").to_values("row")
    assert (type(row), row.read()) == (ArrowRow, {"n": 2, "t": "text\n2"})


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"format": "xml"}, DataChainParamsError, "unknown format `xml`: use parquet"),
        ({}, FileError, "cannot read `file://.*/bad.parquet` as parquet"),
        ({"format": "arrow"}, FileError, "as arrow"),
    ],
)
def test_what_is_no_table_says_why(
    tmp_path: Path, kwargs: dict[str, Any], error: type[Exception], message: str
) -> None:
    file = File.upload(b"no table", tmp_path / "bad.parquet")
    with pytest.raises(error, match=message):
        ArrowRow(file=file, index=0, kwargs=kwargs).read()
