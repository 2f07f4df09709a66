"""Parquet files as chains, types as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, NotSupportedError

if TYPE_CHECKING:
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
