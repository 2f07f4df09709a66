"""Queries in queries give the rows of DuckDB, or are refused by name."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import lakebed as dc

duckdb = pytest.importorskip("duckdb")

NAN = float("nan")
TABLES = {
    "s": pa.table(
        {
            "id": [1, 2, 3, 4, 5, 6, 7, 8],
            "k": [1, 1, 2, 2, 3, 3, 9, None],
            "x": [5, 6, 5, None, 7, None, None, 5],
            "f": [0.0, NAN, 1.5, None, -0.0, 2.0, 5.0, 7.0],
            "l": [[1.0, 2.0], [NAN], [], None, [0.0, None], [-0.0], [5.0], [7.5]],
        }
    ),
    "t": pa.table({"k": [1, 1, 2, 3, 3, None], "y": [5, None, 5, 1, 2, 5]}),
    "e": pa.table({"k": pa.array([], pa.int64()), "y": pa.array([], pa.int64())}),
}

RIGHT = [
    "x NOT IN (SELECT y FROM t WHERE t.k = s.k)",
    "NOT (x IN (SELECT y FROM t WHERE t.k = s.k AND t.y > 1))",
    "x NOT IN (SELECT y FROM t WHERE t.k <> s.k)",
    "x IN (SELECT y FROM t LIMIT 0)",
    "k IN (SELECT k FROM t WHERE s.x > 5)",
    "k NOT IN (SELECT k FROM t WHERE s.x > 5)",
    "x > ANY (SELECT y FROM t)",
    "x = ANY (SELECT y FROM t)",
    "x >= ALL (SELECT y FROM t WHERE t.k = s.k)",
    "x = (SELECT min(y) FROM t GROUP BY k HAVING k = 3) + 5",
    "x = (SELECT max(y) FROM t WHERE t.k = s.k GROUP BY t.k)",
    "EXISTS (SELECT 1 FROM t WHERE t.k = s.k AND s.x > 5)",
    "EXISTS (SELECT 1 FROM t WHERE s.x > 5)",
    "NOT EXISTS (SELECT 1 FROM t WHERE s.x > 5)",
    "EXISTS (SELECT 1 FROM e WHERE s.x > 5)",
    "NOT EXISTS (SELECT 1 FROM e WHERE s.x > 5)",
    "EXISTS (SELECT 1 FROM t WHERE y > 100)",
    "EXISTS (SELECT 1 FROM t WHERE y > 1)",
    "EXISTS (SELECT 1 FROM t WHERE t.k = s.k LIMIT 0)",
    "EXISTS (SELECT y FROM t WHERE t.k = s.k GROUP BY y HAVING count(*) > 1)",
    "EXISTS (SELECT count(*) FROM t WHERE t.k = s.k)",
    "NOT EXISTS (SELECT max(y) FROM t WHERE t.k = s.k)",
    "id > 5 OR EXISTS (SELECT 1 FROM t WHERE y > 100)",
    "array_has(l, 0.0)",
    "array_has(l, f)",
    "array_has(l, CAST('nan' AS DOUBLE))",
]

VALUES = [
    "x IN (SELECT y FROM t)",
    "x NOT IN (SELECT y FROM t WHERE y IS NOT NULL)",
    "x NOT IN (SELECT y FROM t WHERE t.k = s.k)",
    "x IN (SELECT y FROM e)",
    "EXISTS (SELECT 1 FROM t WHERE t.k = s.k)",
    "NOT EXISTS (SELECT 1 FROM t WHERE t.k = s.k)",
    "CASE WHEN EXISTS (SELECT 1 FROM t WHERE t.k = s.k) THEN 1 ELSE 0 END",
    "EXISTS (SELECT 1 FROM t)",
    "EXISTS (SELECT 1 FROM e)",
    "EXISTS (SELECT count(*) FROM t WHERE t.k = s.k)",
    "(SELECT sum(y) FROM t WHERE t.k = s.k HAVING count(*) > 1)",
    "(SELECT count(*) FROM t WHERE t.k = s.k GROUP BY t.k)",
    "x IN (SELECT max(y) FROM t WHERE t.k = s.k)",
]

REFUSED = [
    "EXISTS (SELECT 1 FROM t WHERE t.k = s.k OFFSET 1)",
    "EXISTS (SELECT count(*) FROM t WHERE t.k = s.k HAVING count(*) = 0)",
    "x > ALL (SELECT y FROM t)",
    "x > ALL (SELECT y FROM e)",
    "id > 5 OR EXISTS (SELECT 1 FROM t WHERE s.x > 5)",
    "x > (SELECT avg(y) FROM t WHERE t.k < s.k)",
    "x IN (SELECT s.x FROM t)",
]


@pytest.fixture
def both() -> Any:
    base = duckdb.connect()
    for name, table in TABLES.items():
        base.register(name, table)
        dc.read_arrow(table).save(name)
    return base


@pytest.mark.parametrize(
    "text",
    [
        *(f"SELECT id FROM s WHERE {condition} ORDER BY id" for condition in RIGHT),  # noqa: S608
        *(f"SELECT id, {value} AS v FROM s ORDER BY id" for value in VALUES),  # noqa: S608
    ],
)
def test_gives_the_rows_of_duckdb(both: Any, text: str) -> None:
    assert dc.sql(text).to_list() == both.execute(text).fetchall()


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("condition", REFUSED)
def test_is_refused_by_name(condition: str) -> None:
    with pytest.raises(dc.LakebedError, match=r"is not supported; "):
        dc.sql(f"SELECT id FROM s WHERE {condition}").to_list()  # noqa: S608
