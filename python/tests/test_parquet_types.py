"""What Parquet files hold comes back: types, nulls in them, and what filters find."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import CorruptDataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pa: Any = pytest.importorskip("pyarrow")
pq: Any = pytest.importorskip("pyarrow.parquet")

_UTC = dt.UTC
_DAY = dt.datetime(2020, 2, 28, 1, 2, 3, 4, tzinfo=_UTC)
_MODEL = pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])
_VALUES: dict[str, Any] = {
    "bool": pa.array([True, None, False]),
    "int8": pa.array([-128, None, 127], pa.int8()),
    "uint64": pa.array([0, None, 2**64 - 1], pa.uint64()),
    "float16": pa.array([0.5, None, -2.0]).cast(pa.float16()),
    "float32": pa.array([0.5, None, -2.0], pa.float32()),
    "float64": pa.array([0.1, None, float("inf")]),
    "decimal32": pa.array([Decimal("0.10"), None, Decimal("-9.99")], pa.decimal128(3, 2)),
    "decimal128": pa.array([Decimal(10**37), None, Decimal(-1)], pa.decimal128(38, 0)),
    "text": pa.array(["", None, "ä"]),
    "large_text": pa.array(["", None, "ä"], pa.large_string()),
    "category": pa.array(["a", None, "b"]).dictionary_encode(),
    "bytes": pa.array([b"", None, b"\xff"]),
    "fixed_bytes": pa.array([b"ab", None, b"\x00\xff"], pa.binary(2)),
    "date": pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
    "time": pa.array([dt.time(0), None, dt.time(23, 59, 59, 999_999)]),
    "milliseconds": pa.array([_DAY, None, _DAY], pa.timestamp("us", "UTC")).cast(
        pa.timestamp("ms", "UTC"), safe=False
    ),
    "datetime": pa.array([_DAY, None, _DAY.replace(year=9999)], pa.timestamp("us", "UTC")),
    "list": pa.array([[1, None], None, []]),
    "vector": pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2)),
    "model": pa.array([{"a": 1, "b": None}, None, {"a": None, "b": ["x"]}], _MODEL),
    "models": pa.array([[{"a": 1}, None], None, []], pa.list_(pa.struct([("a", pa.int64())]))),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(_VALUES))
def test_values_come_back(tmp_path: Path, kind: str) -> None:
    column = _VALUES[kind]
    pq.write_table(pa.table({"x": column, "g": _below(column)}), tmp_path / "x.parquet")
    chain = dc.read_parquet(tmp_path / "x.parquet")
    for read in (chain, chain.filter(C("x").is_(None) | ~C("x").is_(None))):
        assert read.to_arrow()["x"].to_pylist() == column.to_pylist()
    assert chain.filter(C("x").is_(None)).count() == 1
    assert chain.filter(~C("x").is_(None)).count() == 2
    below = [column[0].as_py(), None, None]
    assert chain.select("g").to_arrow()["g"].to_pylist() == [{"v": below[0]}, {"v": None}, None]
    assert chain.mutate(v=C("g.v")).select("v").to_arrow()["v"].to_pylist() == below
    assert chain.filter(C("g.v").is_(None)).count() == 2


def _below(column: Any) -> Any:
    """The first value and null as fields of models, then a null model."""
    values = column.take(pa.array([0, 1, 2]))
    return pa.StructArray.from_arrays([values], ["v"], mask=pa.array([False, False, True]))


@pytest.fixture
def required(tmp_path: Path) -> dc.DataChain:
    """Models whose fields are required, some of them null."""
    inner = pa.struct([pa.field("m", pa.int32(), nullable=False)])
    model = pa.struct([pa.field("n", pa.int64(), nullable=False), pa.field("h", inner)])
    rows = [{"n": 7, "h": {"m": 1}}, None, {"n": 8, "h": None}]
    table = pa.table({"i": [1, 2, 3], "g": pa.array(rows, model)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=1)
    return dc.read_parquet(tmp_path / "x.parquet")


@pytest.mark.parametrize("kept", [lambda chain: chain, lambda chain: chain.save("required")])
def test_fields_of_null_models_are_null(
    required: dc.DataChain, kept: Callable[[dc.DataChain], dc.DataChain]
) -> None:
    chain = kept(required)
    assert chain.to_values("g.n") == [7, None, 8]
    assert chain.to_values("g.h.m") == [1, None, None]
    assert chain.filter(C("g.n").is_(None)).to_values("i") == [2]
    assert chain.filter(C("g.h.m").is_(None)).to_values("i") == [2, 3]
    assert chain.filter(C("g.n") == 0).count() == 0
    assert chain.filter(C("g.n") < 8).to_values("i") == [1]
    assert chain.filter(C("g").is_(None)).to_values("i") == [2]
    assert (chain.sum("g.n"), chain.avg("g.n"), chain.min("g.h.m")) == (15, 7.5, 1)
    assert chain.order_by("g.n").to_values("i") == [1, 3, 2]
    assert [model and model.n for model in chain.to_values("g")] == [7, None, 8]


def test_a_bloom_filter_of_decimals_hides_nothing(tmp_path: Path) -> None:
    for precision in (9, 18, 38):
        for as_integer in (False, True):
            column = pa.array([Decimal("1.00"), Decimal("-2.50")], pa.decimal128(precision, 2))
            _write_with_bloom_filter(column, tmp_path / "x.parquet", as_integer)
            chain = dc.read_parquet(tmp_path / "x.parquet")
            for value in (Decimal("1.00"), Decimal("-2.50")):
                assert chain.filter(C("x") == value).count() == 1


def _write_with_bloom_filter(column: Any, path: Path, as_integer: bool) -> None:  # noqa: FBT001
    table, options = pa.table({"x": column}), {"bloom_filter_options": {"x": True}}
    try:
        pq.write_table(table, path, store_decimal_as_integer=as_integer, **options)
    except TypeError:
        pytest.skip("this pyarrow writes no bloom filters")


def test_a_bloom_filter_of_floats_hides_no_zero(tmp_path: Path) -> None:
    _write_with_bloom_filter(pa.array([-0.0, 1.0]), tmp_path / "x.parquet", as_integer=False)
    assert dc.read_parquet(tmp_path / "x.parquet").filter(C("x") == 0.0).count() == 1


def test_timestamps_of_twelve_bytes_reach_all_years(tmp_path: Path) -> None:
    times = [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999), None]  # noqa: DTZ001
    table = pa.table({"t": pa.array(times, pa.timestamp("us")), "g": [{"t": t} for t in times]})
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, store_schema=False)
    chain = dc.read_parquet(path)
    expected = [time and time.replace(tzinfo=_UTC) for time in times]
    assert chain.to_values("t") == expected
    assert chain.to_values("g.t") == expected
    assert chain.filter(C("t") == expected[0]).count() == 1
    assert chain.filter(C("t") > dt.datetime(9000, 1, 1, tzinfo=_UTC)).count() == 1


def test_damage_names_its_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        table = pa.table({"s": [f"{name} {n}" * 20 for n in range(1000)]})
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table, path, compression="gzip", use_dictionary=False)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 40] = bytes(40)
    path.write_bytes(raw)
    chain = dc.read_parquet(tmp_path)
    assert chain.count() == 2000
    for read in (chain.to_list, chain.filter(C("s") != "x").count, lambda: chain.save("damaged")):
        with pytest.raises(CorruptDataError, match=r"`.*b\.parquet` is damaged: "):
            read()


def test_an_expression_that_fails_is_not_damage(tmp_path: Path) -> None:
    pq.write_table(pa.table({"s": ["1", "x"], "n": [1, -(2**63)]}), tmp_path / "x.parquet")
    chain = dc.read_parquet(tmp_path / "x.parquet")
    for broken in (C("n") - 1, C("s").cast(int)):
        with pytest.raises(dc.LakebedError) as raised:
            chain.mutate(y=broken).to_list("y")
        assert not isinstance(raised.value, CorruptDataError)


def test_a_file_that_went_is_missing(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1]}), tmp_path / "x.parquet")
    chain = dc.read_parquet(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").unlink()
    with pytest.raises(dc.LakebedError, match=r"no such file or directory: `.*x\.parquet`"):
        chain.to_list()
