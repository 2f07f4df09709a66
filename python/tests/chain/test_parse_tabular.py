"""Tables in the files of a chain."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, DatasetPrepareError, NotSupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from servers import Store

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def test_files_of_one_format(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,a\n2,b\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"x,y\n3,c\n"))
    (tmp_path / "c[1].tsv").write_text("x\ty\n4\td\n")
    files = dc.read_storage(tmp_path)
    chain = files.filter(dc.C("file.path").glob("*.csv*")).parse_tabular()
    assert chain.to_list("source.file.path", "source.index", "x", "y") == [
        ("a.csv", 0, 1, "a"),
        ("a.csv", 1, 2, "b"),
        ("b.csv.gz", 0, 3, "c"),
    ]
    tabs = files.filter(dc.C("file.path").glob("*.tsv")).parse_tabular(source=False)
    assert tabs.to_list() == [(4, "d")]
    some = files.filter(dc.C("file.path") == "a.csv").parse_tabular(nrows=1, column="row")
    assert some.to_values("row.x") == [1]


def test_folders_are_columns(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(pa.table({"x": [year - 2000]}), tmp_path / f"year={year}" / "a.parquet")
    files = dc.read_storage(tmp_path).filter(dc.C("file.path").glob("*2024*"))
    assert files.parse_tabular(partitioning="hive").to_list("x", "year") == [(24, 2024)]
    plain = files.parse_tabular(partitioning=None, source=False)
    assert list(plain.schema) == ["x"]


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.csv").write_text("x\n1\n")
    (folder / "b.txt").write_text("x\n2\n")
    files = dc.read_storage(folder)
    with pytest.raises(DatasetPrepareError, match=r"no one format: `b.txt` tells none"):
        files.parse_tabular()
    assert files.parse_tabular(format="csv").to_values("x") == [1, 2]
    with pytest.raises(DatasetPrepareError, match="no rows"):
        files.filter(dc.C("file.path") == "c").parse_tabular()
    with pytest.raises(DatasetPrepareError, match="no column `file`"):
        dc.read_values(x=[1]).parse_tabular()
    with pytest.raises(NotSupportedError, match="unknown format `'xls'`"):
        files.parse_tabular(format="xls")
    with pytest.raises(DataChainParamsError, match="unknown option `sep`"):
        dc.read_storage(folder / "a.csv").parse_tabular(sep=";")


def test_rows_are_counted_of_csv_only(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(DatasetPrepareError, match="nrows"):
        dc.read_storage(tmp_path / "a.parquet").parse_tabular(nrows=1)


def test_files_of_a_bucket(store: Store) -> None:
    store.put("t/a.csv", b"x\n1\n")
    store.put("t/b.csv", b"x\n2\n")
    files = dc.read_storage(f"{store.uri}/t", client_config=store.client_config)
    chain = files.order_by("file.path", descending=True).parse_tabular()
    assert chain.to_list("source.file.path", "x") == [("t/b.csv", 2), ("t/a.csv", 1)]


def test_objects_on_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"First-Name": "Ann", "x": {"Is-It": 1}}\n\n{"x": null}\n')
    (tmp_path / "b[1].jsonl").write_text('{"x": {"Is-It": 2}, "First-Name": "Bob"}\n')
    files = dc.read_storage(tmp_path).filter(dc.C("file.path").glob("*.jsonl"))
    chain = files.parse_tabular()
    assert chain.to_list("source.file.path", "source.index", "first_name", "x.is_it") == [
        ("a.jsonl", 0, "Ann", 1),
        ("a.jsonl", 1, None, None),
        ("b[1].jsonl", 0, "Bob", 2),
    ]
    assert chain.to_values("source")[2].read()["First-Name"] == "Bob"
    plain = files.parse_tabular(format="json", source=False, output=["name", "it"], nrows=1)
    assert plain.to_list("name", "it.is_it") == [("Ann", 1), ("Bob", 2)]
    (tmp_path / "c.jsonl").write_text("1\n")
    with pytest.raises(DatasetPrepareError, match="no objects"):
        dc.read_storage(tmp_path / "c.jsonl").parse_tabular()
