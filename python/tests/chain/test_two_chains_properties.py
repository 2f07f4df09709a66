"""Rows of two chains, put together in every way, are those of plain lists."""

from __future__ import annotations

import datetime as dt
import math
import os
from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakebed as dc

PAIRS = int(os.environ.get("LAKEBED_TEST_CHAINS", "100"))
KINDS = {
    "n": (pa.int32(), [0, 1, 2]),
    "x": (pa.float64(), [math.nan, -0.0, 0.0, 1.0, 2.5, math.inf]),
    "s": (pa.string(), ["", "a", "ü", "ab"]),
    "d": (pa.decimal128(9, 2), [Decimal("0.00"), Decimal("1.00"), Decimal("-2.50")]),
    "t": (
        pa.timestamp("us", "UTC"),
        [dt.datetime(year, 2, 28, tzinfo=dt.UTC) for year in (1, 2000, 9999)],
    ),
    "b": (pa.bool_(), [True, False]),
}
NAMES = list(KINDS)
Row = tuple[Any, ...]

cells = st.tuples(*(st.none() | st.sampled_from(values) for _, values in KINDS.values()))
tables = st.lists(cells, max_size=9)
keys_ = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)


def chain_of(rows: list[Row]) -> dc.DataChain:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in NAMES]
    arrays = [pa.array(c, kind) for c, (kind, _) in zip(columns, KINDS.values(), strict=True)]
    return dc.read_arrow(pa.table(arrays, names=NAMES))


def plain(value: Any) -> Any:
    """A value that equals itself: all NaN are one, and both zeros."""
    return repr(value + 0.0) if isinstance(value, float) else value


def key(row: Row, names: list[str]) -> Row:
    return tuple(plain(row[NAMES.index(name)]) for name in names)


def counted(rows: Any) -> Counter[Row]:
    return Counter(tuple(plain(value) for value in row) for row in rows)


def joined(left: list[Row], right: list[Row], names: list[str], how: str) -> list[Row]:
    match = lambda one, two: None not in key(one, names) and key(one, names) == key(two, names)  # noqa: E731
    pairs = [(*one, *two) for one in left for two in right if match(one, two)]
    alone = [one for one in left if not any(match(one, two) for two in right)]
    lonely = [two for two in right if not any(match(one, two) for one in left)]
    missing = (None,) * len(NAMES)
    if how in {"semi", "anti"}:
        return alone if how == "anti" else [o for o in left if any(match(o, two) for two in right)]
    if how in {"left", "full"}:
        pairs += [(*one, *missing) for one in alone]
    if how in {"right", "full"}:
        pairs += [(*missing, *two) for two in lonely]
    return pairs


several = settings(
    max_examples=PAIRS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("how", ["left", "inner", "full", "right", "semi", "anti"])
@settings(several, max_examples=max(PAIRS // 4, 1))
@given(left=tables, right=tables, names=keys_)
def test_merge(how: Any, left: list[Row], right: list[Row], names: list[str]) -> None:
    found = chain_of(left).merge(chain_of(right), on=names, how=how)
    assert counted(found.to_list()) == counted(joined(left, right, names, how))


@several
@given(left=tables, right=tables, names=keys_)
def test_subtract_union_and_distinct(left: list[Row], right: list[Row], names: list[str]) -> None:
    one, two = chain_of(left), chain_of(right)
    gone = {key(row, names) for row in right}
    kept = [row for row in left if key(row, names) not in gone]
    assert counted(one.subtract(two, on=names).to_list()) == counted(kept)
    assert counted(one.subtract(two)) == counted(
        row for row in left if key(row, NAMES) not in {key(other, NAMES) for other in right}
    )
    both = one | two
    assert list(counted(both).elements()) == list(counted(left + right).elements())
    firsts = {key(row, names): row for row in reversed(left + right)}
    assert counted(both.distinct(*names)) == counted(firsts.values())


@several
@given(left=tables, right=tables, names=keys_)
def test_diff(left: list[Row], right: list[Row], names: list[str]) -> None:
    found = chain_of(left).diff(chain_of(right), on=names, same=True, status_col="status")
    ours: dict[Row, list[Row]] = {}
    theirs: dict[Row, list[Row]] = {}
    for rows, groups in ((left, ours), (right, theirs)):
        for row in rows:
            groups.setdefault(key(row, names), []).append(row)
    expected = []
    for group in ours | theirs:
        mine, others = ours.get(group, []), theirs.get(group, [])
        for one, two in zip(mine, others, strict=False):
            expected.append(("S" if key(one, NAMES) == key(two, NAMES) else "M", *one))
        expected += [("A", *row) for row in mine[len(others) :]]
        expected += [("D", *row) for row in others[len(mine) :]]
    assert counted(found) == counted(expected)
