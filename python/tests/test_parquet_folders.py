"""Folders of Parquet files that differ, and what their names say."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import CorruptDataError, DataChainColumnError, NotSupportedError

if TYPE_CHECKING:
    from pathlib import Path

pa: Any = pytest.importorskip("pyarrow")
pq: Any = pytest.importorskip("pyarrow.parquet")

_UTC = dt.UTC
_MILLIS, _NANOS = (pa.timestamp(unit, "UTC") for unit in ("ms", "ns"))
_SMALL, _LARGE = dt.datetime(2020, 1, 1, tzinfo=_UTC), dt.datetime(2021, 1, 1, tzinfo=_UTC)


def _folder(folder: Path, *columns: Any) -> dc.DataChain:
    for number, column in enumerate(columns):
        pq.write_table(pa.table({"x": column}), folder / f"{number}.parquet")
    return dc.read_parquet(folder)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            (pa.array([Decimal("0.10")], pa.decimal128(18, 2)),
             pa.array([Decimal("123456789012345678.91")], pa.decimal128(20, 2))),
            [Decimal("0.10"), Decimal("123456789012345678.91")],
        ),
        (
            (pa.array([Decimal("1.50")], pa.decimal128(5, 2)), pa.array([2**40])),
            [Decimal("1.50"), Decimal(2**40)],
        ),
        ((pa.array([7], pa.uint32()), pa.array([2**64 - 1], pa.uint64())), [7, 2**64 - 1]),
        (
            (pa.array([2**64 - 1], pa.uint64()), pa.array([-1])),
            [Decimal(2**64 - 1), Decimal(-1)],
        ),
        ((pa.array([2**53, None]), pa.array([0.5])), [2.0**53, None, 0.5]),
        ((pa.array([16_777_217], pa.int32()), pa.array([0.5], pa.float32())), [16_777_217.0, 0.5]),
        (
            (pa.array([_SMALL], _MILLIS), pa.array([_LARGE], _NANOS)),
            [_SMALL, _LARGE],
        ),
        ((pa.array(["a", None]).dictionary_encode(), pa.array(["b"])), ["a", None, "b"]),
        ((pa.array(["a"]), pa.array(["b"], pa.large_string())), ["a", "b"]),
        (
            (pa.array([[1], None], pa.list_(pa.int32())), pa.array([[2**40, None]])),
            [[1], None, [2**40, None]],
        ),
        ((pa.array([None], pa.null()), pa.array([[1]])), [None, [1]]),
    ],
)  # fmt: skip
def test_columns_of_two_types_are_one(
    tmp_path: Path, columns: tuple[Any, ...], expected: list[Any]
) -> None:
    chain = _folder(tmp_path, *columns)
    assert chain.to_values("x") == expected
    assert chain.save("one").to_values("x") == expected
    assert chain.filter(dc.C("x").is_(None)).count() == expected.count(None)
    if not isinstance(expected[-1], list):
        assert chain.filter(dc.C("x") == expected[0]).count() == 1


def test_what_would_change_is_refused(tmp_path: Path) -> None:
    chain = _folder(tmp_path, pa.array([2**53 + 1]), pa.array([0.5]))
    for read in (chain.to_list, chain.filter(dc.C("x") > 1).count, lambda: chain.sum("x")):
        with pytest.raises(
            DataChainColumnError, match=r"column `x`: `9007199254740993` does not fit Float64"
        ):
            read()
    far = pa.array([dt.datetime(9999, 1, 1)], pa.timestamp("s"))  # noqa: DTZ001
    chain = _folder(tmp_path, far, pa.array([0], pa.timestamp("ns")))
    with pytest.raises(
        DataChainColumnError, match=r"column `x`: `9999-01-01T00:00:00` does not fit"
    ):
        chain.to_list()
    with pytest.raises(
        NotSupportedError, match=r"column `x` as Decimal128\(5, 2\) in one file and Float64"
    ):
        _folder(tmp_path, pa.array([Decimal(1)], pa.decimal128(5, 2)), pa.array([0.5]))


def test_models_of_other_fields_are_one(tmp_path: Path) -> None:
    chain = _folder(
        tmp_path, pa.array([{"a": 1, "b": "x"}, None]), pa.array([{"c": {"d": 1.5}, "a": 2}])
    )
    assert chain.to_values("x.a") == [1, None, 2]
    assert chain.to_values("x.b") == ["x", None, None]
    assert chain.to_values("x.c.d") == [None, None, 1.5]
    assert chain.filter(dc.C("x.c.d").is_(None)).count() == 2
    assert chain.to_values("x")[1] is None
    assert chain.save("models").to_values("x.c.d") == [None, None, 1.5]


def test_models_in_lists_and_maps_are_one(tmp_path: Path) -> None:
    chain = _folder(tmp_path, pa.array([[{"a": 1}], None]), pa.array([[{"b": 2}, None]]))
    lists = [[{"a": 1, "b": None}], None, [{"a": None, "b": 2}, None]]
    assert chain.to_arrow()["x"].to_pylist() == lists
    narrow, wide = (pa.map_(pa.string(), kind) for kind in (pa.int32(), pa.int64()))
    chain = _folder(tmp_path, pa.array([[("a", 1)]], narrow), pa.array([[("b", 2**40)]], wide))
    assert chain.to_arrow()["x"].to_pylist() == [[("a", 1)], [("b", 2**40)]]


def test_folders_are_columns(tmp_path: Path) -> None:
    table = pa.table(
        {
            "year": [2024, 2024, 2023],
            "city": ["São Paulo", "b/c=d", None],
            "v": [1, 2, 3],
        }
    )
    pq.write_to_dataset(table, tmp_path, partition_cols=["year", "city"])
    chain = dc.read_parquet(tmp_path, source=False)
    rows = [(3, 2023, None), (1, 2024, "São Paulo"), (2, 2024, "b/c=d")]
    assert list(chain.schema) == ["v", "year", "city"]
    assert chain.to_list() == rows
    assert chain.filter(dc.C("year") == 2024).to_values("v") == [1, 2]
    assert chain.filter(dc.C("city").is_(None)).to_values("v") == [3]
    assert chain.filter(dc.C("year") > 2023, dc.C("v") > 1).to_values("city") == ["b/c=d"]
    assert chain.sum("year") == 6071
    assert chain.select("city").to_values("city") == [None, "São Paulo", "b/c=d"]
    assert chain.save("rows").to_list() == rows
    below = dc.read_parquet(tmp_path / "year=2023", source=False)
    assert below.to_list() == [(3, None)]


def test_a_folder_stands_above_a_column_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "n=5").mkdir()
    pq.write_table(pa.table({"n": [1], "v": [2]}), tmp_path / "n=5" / "x.parquet")
    assert dc.read_parquet(tmp_path).to_list("v", "n") == [(2, 5)]


def test_what_writers_keep_for_themselves_is_left_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"v": [1]}), tmp_path / "x.parquet")
    (tmp_path / "_temporary").mkdir()
    for name in ("_temporary/y.parquet", "._x.parquet", "_SUCCESS", ".x.parquet.crc"):
        (tmp_path / name).write_text("none of yours")
    for path in (tmp_path, f"{tmp_path}/**/*.parquet", f"{tmp_path}/*"):
        assert dc.read_parquet(path).to_values("v") == [1]
    with pytest.raises(CorruptDataError, match=r"_x\.parquet` is damaged"):
        dc.read_parquet(tmp_path / "._x.parquet")


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    pq.write_table(pa.table({"v": [1]}), tmp_path / "x.parquet")
    assert dc.read_parquet("~/x.parquet").to_values("v") == [1]
    assert dc.read_storage("~/*.parquet").to_values("file.path") == ["x.parquet"]


def test_limits_and_sorts_keep_the_order_of_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(10))}), tmp_path / "x.parquet", row_group_size=5)
    chain = dc.read_parquet(tmp_path)
    assert chain.to_values("n") == list(range(10))
    last = chain.limit(3).order_by("n", descending=True)
    assert last.to_values("n") == [2, 1, 0]
    assert last.limit(2).to_values("n") == [2, 1]
