"""Tables of many columns: every value stays with its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakebed as dc
from lakebed import func

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 600
NAMES = [f"c{at}" for at in range(WIDTH)]
BACKWARDS = NAMES[::-1]


@pytest.fixture(params=["values", "parquet", "dataset"])
def wide(request: pytest.FixtureRequest, tmp_path: Path) -> dc.DataChain:
    """Two rows: a column's number, and ten times as much."""
    table = pa.table({name: [at, 10 * at] for at, name in enumerate(NAMES)})
    if request.param == "values":
        return dc.read_arrow(table)
    if request.param == "dataset":
        return dc.read_arrow(table).save("wide")
    pq.write_table(table, tmp_path / "wide.parquet")
    return dc.read_parquet(tmp_path / "wide.parquet", source=False)


def test_aggregates_stay_with_their_names(wide: dc.DataChain) -> None:
    sums = wide.group_by(**{name: func.sum(name) for name in BACKWARDS})
    assert list(sums.schema) == BACKWARDS
    assert sums.to_records() == [{name: 11 * at for at, name in enumerate(NAMES)}]


def test_aggregates_beside_keys(wide: dc.DataChain) -> None:
    groups = wide.group_by(
        partition_by=NAMES[:300], **{f"max_{name}": func.max(name) for name in NAMES[300:]}
    )
    expected = {name: at for at, name in enumerate(NAMES[:300])}
    expected |= {f"max_{name}": at for at, name in enumerate(NAMES[300:], 300)}
    assert groups.order_by("c1").to_records()[0] == expected


def test_sql_aggregates_stay_with_their_names() -> None:
    dc.read_arrow(pa.table({name: [at, 1] for at, name in enumerate(NAMES)})).save("wide")
    text = ", ".join(f"sum({name}) AS {name}, max({name}) AS m_{name}" for name in BACKWARDS)
    [row] = dc.sql("SELECT * FROM wide".replace("*", text)).to_records()
    assert [row[name] for name in NAMES] == [at + 1 for at in range(WIDTH)]
    assert [row[f"m_{name}"] for name in NAMES] == [max(at, 1) for at in range(WIDTH)]


def test_columns_come_in_the_order_that_is_asked_for(wide: dc.DataChain) -> None:
    chosen = wide.select(*BACKWARDS).limit(1)
    assert chosen.to_arrow().column_names == BACKWARDS
    assert chosen.to_list() == [tuple(reversed(range(WIDTH)))]
    assert wide.limit(1).to_list(*BACKWARDS, "c5") == [(*reversed(range(WIDTH)), 5)]


def test_the_others_stay(wide: dc.DataChain) -> None:
    assert list(wide.select_except(*NAMES[::2]).schema) == NAMES[1::2]


def test_a_function_takes_all(wide: dc.DataChain) -> None:
    def last(*values: int) -> int:
        return values[-1]

    found = wide.map(last, params=BACKWARDS, output={"first": int}).to_list("first", "c7")
    assert found == [(0, 7), (0, 70)]


@pytest.mark.parametrize("shown", [["name with spaces", "ü", "Upper", "upper"], ["_distance"]])
def test_unusual_names_in_a_dataset(shown: list[str]) -> None:
    names = ["x", *shown]
    saved = dc.read_arrow(pa.table({name: [at] for at, name in enumerate(names)})).save("odd")
    assert saved.to_list() == [tuple(range(len(names)))]
    assert saved.select(*reversed(names)).to_list() == [tuple(reversed(range(len(names))))]


def test_whole_columns_beside_parts_of_a_model() -> None:
    kind = pa.struct([("a", pa.int64()), ("b", pa.string())])
    table = pa.table({"x": [1], "m": pa.array([{"a": 2, "b": "c"}], kind), "y": [[3]]})
    saved = dc.read_arrow(table).save("mixed")
    assert saved.to_list("y", "m.b", "x") == [([3], "c", 1)]
    assert saved.select("y", "m", "x").to_arrow().to_pylist() == [
        {"y": [3], "m": {"a": 2, "b": "c"}, "x": 1}
    ]
