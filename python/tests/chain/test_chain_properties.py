"""Rows that are filtered, changed, sorted and cut in any order are those of a plain list."""

from __future__ import annotations

import math
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakebed as dc
from lakebed import C

CHAINS = int(os.environ.get("LAKEBED_TEST_CHAINS", "100"))
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("n", pa.int64()),
        ("s", pa.string()),
        ("x", pa.float64()),
        ("b", pa.bool_()),
    ]
)
KEYS = SCHEMA.names
Row = tuple[Any, ...]
MEETING = {"union", "firsts", "subtract", "merge"}
SOURCES = ["values", "batches", "dataset", "fragments", "parquet", "files", "sql"]


class Step(NamedTuple):
    """A verb; what it takes."""

    verb: str
    number: int = 0
    keys: tuple[tuple[str, bool], ...] = ()
    column: str = ""


numbers = st.none() | st.integers(-2, 3)
texts = st.none() | st.sampled_from(["", "a", "B", "ab", "ü"])
floats = st.none() | st.sampled_from([math.nan, -0.0, 0.0, 1.5, -2.0, math.inf, -math.inf])
cells = st.tuples(numbers, texts, floats, st.none() | st.booleans())
rows_ = st.lists(cells, max_size=24).map(lambda given: [(i, *row) for i, row in enumerate(given)])
sort_keys = st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), min_size=1, max_size=2)
steps_ = st.lists(
    st.one_of(
        st.builds(Step, st.just("limit"), st.integers(0, 20)),
        st.builds(Step, st.just("offset"), st.integers(0, 12)),
        st.builds(Step, st.just("order_by"), keys=sort_keys.map(tuple)),
        st.builds(Step, st.just("filter"), st.integers(-1, 3), column=st.sampled_from(KEYS)),
        st.builds(Step, st.just("mutate"), st.integers(-1, 3)),
        st.builds(Step, st.just("distinct")),
        st.builds(Step, st.just("firsts"), st.just(0), keys=sort_keys.map(tuple)),
        st.builds(Step, st.just("union"), st.integers(0, 12)),
        st.builds(Step, st.just("subtract"), st.integers(-1, 12), keys=sort_keys.map(tuple)),
        st.builds(Step, st.just("merge"), st.integers(0, 12), column=st.sampled_from(KEYS)),
    ),
    min_size=1,
    max_size=6,
)


# The plain lists


def rank(value: Any, *, down: bool) -> tuple[Any, ...]:
    """Missing values last, NaN as the largest number, -0.0 as 0.0."""
    if value is None:
        return (1,)
    if isinstance(value, str):
        word = value.encode()
        # a byte more than any turns the order of prefixes around as well
        return (0, (*tuple(-byte for byte in word), 1)) if down else (0, tuple(word))
    number = float(value)
    pair = (1, 0.0) if math.isnan(number) else (0, number)
    return (0, *(-part for part in pair)) if down else (0, *pair)


def sort_key(row: Row, keys: tuple[tuple[str, bool], ...]) -> list[tuple[Any, ...]]:
    return [rank(row[KEYS.index(name)], down=down) for name, down in keys]


def total(keys: tuple[tuple[str, bool], ...]) -> tuple[tuple[str, bool], ...]:
    """With the id as last key, so that there are no ties."""
    return keys if any(name == "id" for name, _ in keys) else (*keys, ("id", False))


def kept(row: Row, step: Step) -> bool:
    value = row[KEYS.index(step.column)]
    if value is None:
        return False
    if step.column == "s":
        return bool(value >= "a")
    if step.column == "b":
        return bool(value)
    return bool(math.isnan(value) or value > step.number)


def on_list(rows: list[Row], step: Step) -> list[Row]:
    if step.verb == "limit":
        return rows[: step.number]
    if step.verb == "offset":
        return rows[step.number :]
    if step.verb == "order_by":
        return sorted(rows, key=lambda row: sort_key(row, total(step.keys)))
    if step.verb == "filter":
        return [row for row in rows if kept(row, step)]
    if step.verb == "mutate":
        return [(r[0], None if r[1] is None else r[1] + step.number, *r[2:]) for r in rows]
    return rows  # ids are unique: all rows differ


def same_key(row: Row, names: list[str]) -> tuple[Any, ...]:
    """What rows agree on: missing values are equal, and so are all NaN and both zeros."""
    return tuple(rank(row[KEYS.index(name)], down=False) for name in names)


# Two chains: one and the first rows of the source, with ids of their own


def met_on_lists(rows: list[Row], step: Step, source: list[Row], level: int) -> list[Row]:
    first, names = source[: max(step.number, 0)], [name for name, _ in step.keys]
    if step.verb == "union":
        return rows + [(row[0] + 1000 * (level + 1), *row[1:]) for row in first]
    if step.verb == "firsts":
        found = {same_key(row, names): row for row in reversed(rows)}
        return [row for row in rows if found[same_key(row, names)] is row]
    if step.verb == "subtract":
        gone = {same_key(row, names) for row in first}
        left = [row for row in rows if same_key(row, names) not in gone]
    else:
        there = {same_key(row, [step.column]) for row in first} - {((1,),)}
        left = [row for row in rows if same_key(row, [step.column]) in there]
    return sorted(left, key=lambda row: row[0])


def met_on_chains(
    chain: dc.DataChain, step: Step, source: dc.DataChain, level: int
) -> dc.DataChain:
    first, names = source.limit(max(step.number, 0)), [name for name, _ in step.keys]
    if step.verb == "union":
        return chain | first.mutate(id=C("id") + 1000 * (level + 1))
    if step.verb == "firsts":
        return chain.distinct(*names)
    if step.verb == "subtract":
        return chain.subtract(first, on=names).order_by("id")
    return chain.merge(first, on=step.column, how="semi").order_by("id")


# The same in the engine


def on_chain(chain: dc.DataChain, step: Step) -> dc.DataChain:
    if step.verb == "limit":
        return chain.limit(step.number)
    if step.verb == "offset":
        return chain.offset(step.number)
    if step.verb == "order_by":
        made = [C(name).desc() if down else C(name).asc() for name, down in total(step.keys)]
        return chain.order_by(*made)
    if step.verb == "filter":
        column = C(step.column)
        if step.column == "b":
            return chain.filter(column)
        return chain.filter(column >= "a" if step.column == "s" else column > step.number)
    if step.verb == "mutate":
        return chain.mutate(n=C("n") + step.number)
    return chain.mutate(n=C("n") + 0).select(*KEYS)


def in_sql(query: str, step: Step, level: int, word: str = "") -> str:
    """The step over the query; only a sort says what LIMIT and OFFSET are of."""
    source = f"FROM ({query}) q{level}"
    if step.verb == "distinct":
        return f"SELECT DISTINCT * {source}"
    if step.verb == "filter":
        column = step.column
        of = {"s": "s >= 'a'", "b": "b"}.get(column, f"{column} > {step.number}")
        return f"SELECT * {source} WHERE {of}"
    if step.verb == "mutate":
        return f"SELECT id, n + {step.number} AS n, s, x, b {source}"
    keys = [f"{k} {'DESC' if down else 'ASC'} NULLS LAST" for k, down in total(step.keys)]
    return f"SELECT * {source} ORDER BY {', '.join(keys)}{word}"


def sql_and_list(rows: list[Row], steps: list[Step]) -> tuple[str, list[Row], bool]:
    """LIMIT and OFFSET of SQL come with an ORDER BY of their own."""
    query, ordered = "SELECT * FROM rows", False
    for level, step in enumerate(steps):
        cut = step.verb in {"limit", "offset"}
        if cut:
            ids = (("n", level % 2 == 0), ("id", step.number % 2 == 0))
            rows = on_list(rows, Step("order_by", keys=ids))
            word = f" {step.verb.upper()} {step.number}"
            query = in_sql(query, Step("order_by", keys=ids), level, word)
        else:
            query = in_sql(query, step, level)
        rows, ordered = on_list(rows, step), cut or step.verb == "order_by"
    return query, rows, ordered


# Sources


def written(rows: list[Row], folder: Path, source: str) -> dc.DataChain:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in KEYS]
    table = pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
    batches = pa.Table.from_batches(table.to_batches(max_chunksize=5), schema=SCHEMA)
    if source == "values":
        types = dict(
            zip(KEYS, (int, int | None, str | None, float | None, bool | None), strict=True)
        )
        return dc.read_values(output=types, **dict(zip(KEYS, columns, strict=True)))
    if source == "batches":
        return dc.read_arrow(batches)
    if source == "fragments":
        chain = dc.read_arrow(batches).settings(batch_size=4)
        return chain.map(same=lambda id: id, output=int).select(*KEYS).save("rows")
    if source in {"dataset", "sql"}:
        return dc.read_arrow(batches).save("rows")
    if source == "parquet":
        pq.write_table(table, folder / "rows.parquet", row_group_size=4)
        return dc.read_parquet(folder / "rows.parquet", source=False)
    for number in range(3):
        piece = table.slice(number * 8, 8)
        pq.write_table(piece, folder / f"{number}.parquet", row_group_size=3)
    return dc.read_parquet(folder, source=False)


def same(rows: list[Row]) -> list[Row]:
    """NaN as text, which is equal to itself; the two zeros are one."""
    return [tuple(repr(v + 0.0 if isinstance(v, float) else v) for v in row) for row in rows]


@pytest.mark.usefixtures("afresh")
@pytest.mark.parametrize("source", SOURCES)
@settings(
    max_examples=max(CHAINS // len(SOURCES), 1),
    deadline=None,
    derandomize=CHAINS == 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=rows_, steps=steps_)
def test_gives_the_rows_of_a_list(source: str, rows: list[Row], steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEBED_ROOT", str(Path(folder) / "root"))
        dc.Session.cleanup_for_tests()
        files = Path(folder) / "files"
        files.mkdir()
        chain = written(rows, files, source)
        if source == "sql":
            steps = [step for step in steps if step.verb not in MEETING]
            query, expected, ordered = sql_and_list(rows, steps)
            got = dc.sql(query).to_list(*KEYS)
            if ordered:
                assert same(got) == same(expected), query
            else:
                assert Counter(same(got)) == Counter(same(expected)), query
            return
        expected, read = rows, chain
        for level, step in enumerate(steps):
            if step.verb in MEETING:
                chain = met_on_chains(chain, step, read, level)
                expected = met_on_lists(expected, step, rows, level)
            else:
                chain, expected = on_chain(chain, step), on_list(expected, step)
        assert same(chain.to_list(*KEYS)) == same(expected)
        assert chain.count() == len(expected)


@pytest.mark.parametrize("source", ["batches", "dataset", "files"])
@settings(
    max_examples=max(CHAINS // 10, 1),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=rows_, keys=sort_keys.map(tuple))
def test_ties_keep_all_rows(source: str, rows: list[Row], keys: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEBED_ROOT", str(Path(folder) / "root"))
        dc.Session.cleanup_for_tests()
        files = Path(folder) / "files"
        files.mkdir()
        chain = written(rows, files, source)
        made = [C(name).desc() if down else C(name).asc() for name, down in keys]
        got = chain.order_by(*made).to_list(*KEYS)
        ranks = [sort_key(row, keys) for row in got]
        assert ranks == sorted(ranks)
        assert Counter(same(got)) == Counter(same(rows))
