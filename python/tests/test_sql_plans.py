"""How queries run: what is known of the tables decides it, but not what is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakebed as dc

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 200_000


def plan(query: str) -> str:
    return "\n".join(str(value) for row in dc.sql(f"EXPLAIN {query}").to_list() for value in row)


@pytest.fixture
def shop(tmp_path: Path) -> None:
    """Orders of mixed days and buyers; each line is of one of the first fifth of them."""
    rows = range(ROWS)
    tables = {
        "orders": {"key": rows, "day": [row * 7919 % 1000 for row in rows]},
        "lines": {"order": [row // 5 for row in rows], "amount": [row % 7 / 2 for row in rows]},
    }
    for name, columns in tables.items():
        file = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({key: list(values) for key, values in columns.items()}), file)
        dc.read_parquet(str(file), source=False).save(name)


@pytest.mark.usefixtures("shop")
def test_a_side_that_a_condition_makes_small_is_held_whole() -> None:
    query = (
        "SELECT count(*) AS n FROM orders WHERE day < 5"
        ' AND EXISTS (SELECT * FROM lines WHERE "order" = key AND amount > 1.0)'
    )
    assert "mode=CollectLeft" in plan(query)
    of_days = [row for row in range(ROWS // 5) if row * 7919 % 1000 < 5]
    assert dc.sql(query).to_values("n") == [len(of_days)]


@pytest.mark.usefixtures("shop")
def test_a_subquery_is_grouped_by_its_keys_alone() -> None:
    query = (
        "SELECT count(*) AS n FROM orders"
        ' WHERE day < (SELECT sum(amount) FROM lines WHERE "order" = key)'
    )
    assert "__always_true" not in plan(query).split("AggregateExec", 1)[1]
    sums = [sum(line % 7 / 2 for line in range(5 * row, 5 * row + 5)) for row in range(ROWS // 5)]
    wanted = sum(row * 7919 % 1000 < sums[row] for row in range(ROWS // 5))
    assert dc.sql(query).to_values("n") == [wanted]


@pytest.mark.usefixtures("shop")
def test_a_comparison_of_floats_needs_both_sides() -> None:
    query = (
        'SELECT count(*) AS n FROM orders LEFT JOIN lines ON "order" = key'
        " WHERE amount > 2.75 AND day = 3"
    )
    assert "Left Join" not in plan(query)
    wanted = sum(line % 7 / 2 > 2.75 and line // 5 * 7919 % 1000 == 3 for line in range(ROWS))
    assert dc.sql(query).to_values("n") == [wanted]


def test_a_group_of_constants_of_no_rows_is_no_group() -> None:
    chain = dc.read_values(a=[1, 2])
    assert dc.sql("SELECT count(*) AS n FROM t WHERE a > 5 GROUP BY 1 + 1", t=chain).count() == 0
    query = "SELECT a, count(*) AS n FROM t GROUP BY a, 1 + 1 ORDER BY a"
    assert dc.sql(query, t=chain).to_list() == [(1, 1), (2, 1)]
