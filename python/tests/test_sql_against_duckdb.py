"""Random SQL gives the rows that DuckDB gives, or is refused by name.

`LAKEBED_TEST_QUERIES` queries from the seed `LAKEBED_TEST_SEED` on; the same seed is the same query.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import lakebed as dc

duckdb = pytest.importorskip("duckdb")

QUERIES = int(os.environ.get("LAKEBED_TEST_QUERIES", "150"))
SEED = int(os.environ.get("LAKEBED_TEST_SEED", "1"))

TYPES = {
    "i": pa.int32(),
    "b": pa.int64(),
    "d": pa.float64(),
    "s": pa.string(),
    "f": pa.bool_(),
    "day": pa.date32(),
    "ts": pa.timestamp("us"),
    "m": pa.decimal128(9, 2),
}
VALUES: dict[str, list[Any]] = {
    "i": [-2, -1, 0, 1, 2, 3],
    "b": [-3, 0, 1, 2, 3, 10_000_000_000],
    "d": [-1.5, 0.0, 0.25, 1.0, 2.0, 1e10],
    "s": ["", "a", "ab", "b", "Ba", "a%b", "ü"],
    "f": [True, False],
    "day": [dt.date(1969, 12, 31), dt.date(2020, 2, 29), dt.date(2024, 1, 1)],
    "ts": [dt.datetime(1969, 12, 31, 23), dt.datetime(2020, 2, 29), dt.datetime(2024, 1, 1, 1, 2)],
    "m": [Decimal("-1.50"), Decimal("0.00"), Decimal("1.00"), Decimal("2.25"), Decimal("9999.99")],
}
NESTED = [{"a": a, "b": b} for a in (-1, 2, None) for b in ("", "ab", None)]
FIELDS = {"i": "st.a", "s": "st.b"}
NUMBERS = ("i", "b", "d", "m")
COMPARED = ("=", "<>", "<", "<=", ">", ">=")


def table(rng: random.Random, rows: int) -> pa.Table:
    columns: dict[str, Any] = {"id": pa.array(range(rows), pa.int32())}
    for name, type_ in TYPES.items():
        picked = [rng.choice([None, *VALUES[name], *VALUES[name]]) for _ in range(rows)]
        columns[name] = pa.array(picked, type_)
    nested = [rng.choice([None, {"a": 1, "b": "x"}, *NESTED]) for _ in range(rows)]
    columns["st"] = pa.array(nested, pa.struct({"a": pa.int32(), "b": pa.string()}))
    return pa.table(columns)


def literal(kind: str, value: Any) -> str:
    if kind == "s":
        return f"'{value}'"
    if kind == "day":
        return f"DATE '{value}'"
    if kind == "ts":
        return f"TIMESTAMP '{value}'"
    if kind == "m":
        return f"CAST('{value}' AS DECIMAL(9,2))"
    if kind == "d":
        return f"CAST({value} AS DOUBLE)"
    if kind == "b":
        return f"CAST({value} AS BIGINT)"
    return str(value)


class Queries:
    """Makes one query from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.made = 0

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def fresh(self) -> str:
        self.made += 1
        return f"q{self.made}"

    def one(self, kind: str) -> str:
        return literal(kind, self.rng.choice(VALUES[kind]))

    def source(self) -> str:
        return self.rng.choice(["t", "u", "v"])

    # expressions: `of` are the relations that may be named

    def value(self, kind: str, of: list[str], depth: int = 2) -> str:
        rng = self.rng
        column = (
            f"{rng.choice(of)}.{FIELDS[kind] if kind in FIELDS and self.chance(0.15) else kind}"
        )
        pick = rng.random()
        if depth == 0 or pick < 0.45:
            return column
        if pick < 0.55:
            return self.one(kind)

        def again() -> str:
            return self.value(kind, of, depth - 1)

        if pick < 0.65:
            return f"coalesce({again()}, {again()})"
        if pick < 0.72:
            return f"nullif({again()}, {again()})"
        if pick < 0.85:
            other = f" ELSE {again()}" if self.chance(0.6) else ""
            return f"CASE WHEN {self.truth(of, depth - 1)} THEN {again()}{other} END"
        if kind in NUMBERS:
            return f"({column} {rng.choice('+-')} {self.one(kind)})"
        if kind == "s":
            return rng.choice(
                [f"upper({again()})", f"({again()} || {again()})", f"lower({column})"]
            )
        if kind == "f":
            return f"({self.truth(of, depth - 1)})"
        return column

    def truth(self, of: list[str], depth: int = 2) -> str:
        rng = self.rng
        kind = rng.choice(list(TYPES))
        left = self.value(kind, of, max(depth - 1, 0))
        pick = rng.random()
        if depth > 0 and pick < 0.25:
            both = rng.choice(["AND", "OR"])
            return f"(({self.truth(of, depth - 1)}) {both} ({self.truth(of, depth - 1)}))"
        if depth > 0 and pick < 0.32:
            return f"NOT ({self.truth(of, depth - 1)})"
        if pick < 0.42:
            return f"{left} IS {rng.choice(['', 'NOT '])}NULL"
        if pick < 0.52:
            ends = [self.one(kind) for _ in range(rng.randint(1, 3))]
            ends += ["NULL"] if self.chance(0.2) else []
            return f"{left} {rng.choice(['', 'NOT '])}IN ({', '.join(ends)})"
        if pick < 0.6 and kind != "f":
            return f"{left} {rng.choice(['', 'NOT '])}BETWEEN {self.one(kind)} AND {self.one(kind)}"
        if pick < 0.68:
            pattern = rng.choice(["a%", "%b", "_", "%", "", "a_", "%a%", "B%"])
            text = self.value("s", of, 1)
            return f"{text} {rng.choice(['', 'NOT '])}LIKE '{pattern}'"
        if pick < 0.74:
            other = self.value(kind, of, 0)
            return f"{left} IS {rng.choice(['', 'NOT '])}DISTINCT FROM {other}"
        right = self.one(kind) if self.chance(0.5) else self.value(kind, of, 0)
        return f"{left} {rng.choice(COMPARED)} {right}"

    def nested(self, of: list[str]) -> str:
        """A condition with a query in it."""
        inner, kind = self.fresh(), self.rng.choice(["i", "b", "s", "day", "m", "ts"])
        outer = self.rng.choice(of)
        matched = f"{inner}.{kind} {self.rng.choice(['=', '=', '=', '<', '>='])} {outer}.{kind}"
        more = f" AND {self.truth([inner], 1)}" if self.chance(0.5) else ""
        where = f" WHERE {self.truth([inner], 1)}" if self.chance(0.6) else ""
        no, source = self.rng.choice(["", "NOT "]), f"{self.source()} {inner}"
        both = f" AND {outer}.i {self.rng.choice(COMPARED)} {inner}.i" if self.chance(0.3) else ""
        pick = self.rng.randrange(5)
        if pick == 0:
            return f"{no}EXISTS (SELECT 1 FROM {source} WHERE {matched}{more}{both})"
        if pick == 1:
            return f"{outer}.{kind} {no}IN (SELECT {inner}.{kind} FROM {source}{where})"
        if pick == 2:
            on = f"{inner}.i = {outer}.i"
            return f"{outer}.{kind} {no}IN (SELECT {inner}.{kind} FROM {source} WHERE {on}{more})"
        agg = self.rng.choice(
            ["count(*)", f"count({inner}.s)", f"sum({inner}.i)", f"min({inner}.b)"]
        )
        compared = self.rng.choice(COMPARED)
        if pick == 3:
            return f"(SELECT {agg} FROM {source} WHERE {matched}{more}) {compared} {outer}.i"
        return f"(SELECT {agg} FROM {source}{where}) {compared} {outer}.i"

    def relation(self, depth: int = 1) -> tuple[str, list[str]]:
        """What stands after FROM, and the names in it."""
        name = self.fresh()
        if depth and self.chance(0.2):
            inner = self.fresh()
            where = f" WHERE {self.truth([inner])}" if self.chance(0.6) else ""
            distinct = "DISTINCT " if self.chance(0.2) else ""
            part = self.cut([f"{inner}.id"]) if self.chance(0.4) else ""
            return f"(SELECT {distinct}* FROM {self.source()} {inner}{where}{part}) {name}", [name]
        if depth and self.chance(0.55):
            left, names = self.relation(depth - 1)
            right = f"{self.source()} {name}"
            how = self.rng.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"])
            if how == "CROSS JOIN":
                return f"{left} CROSS JOIN {right}", [*names, name]
            kind = self.rng.choice(["id", "i", "b", "s", "day", "m", "ts", "d", "f"])
            on = f"{self.rng.choice(names)}.{kind} = {name}.{kind}"
            if how != "FULL JOIN" and self.chance(0.1):
                on = f"{self.rng.choice(names)}.i < {name}.i"
            elif self.chance(0.4):
                on += f" AND {self.truth([*names, name], 1)}"
            return f"{left} {how} {right} ON {on}", [*names, name]
        return f"{self.source()} {name}", [name]

    def key(self, expr: str) -> str:
        down = self.rng.choice(["ASC", "DESC"])
        return f"{expr} {down} NULLS {self.rng.choice(['FIRST', 'LAST'])}"

    def cut(self, unique: list[str], before: str = "") -> str:
        """ORDER BY with LIMIT, OFFSET or both."""
        keys = ", ".join([before] * bool(before) + [self.key(column) for column in unique])
        limit = f" LIMIT {self.rng.randint(0, 12)}" if self.chance(0.8) else ""
        offset = f" OFFSET {self.rng.randint(0, 6)}" if self.chance(0.5) else ""
        return f" ORDER BY {keys}{limit}{offset}"

    # whole queries, each with a word for its kind

    def query(self) -> tuple[str, str, bool]:
        kinds = [self.rows, self.grouped, self.windowed, self.union, self.shared, self.with_]
        made = self.rng.choice(kinds)
        text, ordered = made()
        return made.__name__.strip("_"), text, ordered

    def where(self, names: list[str]) -> str:
        parts = [self.truth(names)] if self.chance(0.6) else []
        parts += [self.nested(names)] if self.chance(0.4) else []
        return f" WHERE {' AND '.join(parts)}" if parts else ""

    def rows(self) -> tuple[str, bool]:
        source, names = self.relation()
        kinds = [self.rng.choice(list(TYPES)) for _ in range(3)]
        made = [f"{self.value(kind, names)} AS c{n}" for n, kind in enumerate(kinds)]
        if self.chance(0.2):
            inner, kind = self.fresh(), self.rng.choice(["i", "s", "b"])
            agg = self.rng.choice(["count(*)", "sum({}.i)", "max({}.m)", "min({}.s)"]).format(inner)
            on = f"{inner}.{kind} = {names[0]}.{kind}"
            made.append(f"(SELECT {agg} FROM {self.source()} {inner} WHERE {on}) AS sub")
        if self.chance(0.15):
            made.append(f"({self.nested(names)}) AS cond")
        if self.chance(0.15):
            return f"SELECT DISTINCT {', '.join(made)} FROM {source}{self.where(names)}", False
        made += [f"{name}.id AS id_{name}" for name in names]
        text = f"SELECT {', '.join(made)} FROM {source}{self.where(names)}"
        if self.chance(0.5):
            cut = self.cut(
                [f"id_{name}" for name in names], self.key("c0") if self.chance(0.5) else ""
            )
            return text + cut, True
        return text, False

    def aggregate(self, names: list[str]) -> str:
        kind = self.rng.choice(list(TYPES))
        what = self.value(kind, names, 1)
        pick = self.rng.choice(["count", "min", "max", "sum", "avg", "distinct", "star"])
        if pick == "star" or (pick in {"sum", "avg"} and kind not in NUMBERS):
            made = "count(*)"
        elif pick == "distinct":
            made = f"count(DISTINCT {what})"
        elif pick == "avg":
            made = f"avg(CAST({what} AS DOUBLE))"
        elif pick == "sum" and self.chance(0.2):
            made = f"sum(DISTINCT {what})"
        elif pick in {"min", "max"} and kind == "f":
            made = f"count({what})"
        else:
            made = f"{pick}({what})"
        return f"{made} FILTER (WHERE {self.truth(names, 1)})" if self.chance(0.2) else made

    def grouped(self) -> tuple[str, bool]:
        source, names = self.relation()
        kinds = [self.rng.choice(list(TYPES)) for _ in range(self.rng.randint(0, 2))]
        keys = [self.value(kind, names, 1) for kind in kinds]
        keys = [key for key in dict.fromkeys(keys) if "." in key.split("(")[-1] or "q" in key]
        made = [f"{key} AS k{n}" for n, key in enumerate(keys)]
        made += [f"{self.aggregate(names)} AS a{n}" for n in range(self.rng.randint(1, 3))]
        by = f" GROUP BY {', '.join(keys)}" if keys else ""
        having = f" HAVING {self.aggregate(names)} IS NOT NULL" if keys and self.chance(0.2) else ""
        having = (
            f" HAVING count(*) > {self.rng.randint(0, 4)}" if keys and self.chance(0.2) else having
        )
        text = f"SELECT {', '.join(made)} FROM {source}{self.where(names)}{by}{having}"
        if keys and self.chance(0.3):
            return text + self.cut([f"k{n}" for n in range(len(keys))]), True
        return text, False

    def window(self, name: str) -> str:
        rng = self.rng
        kind = rng.choice(list(TYPES))
        what = self.value(kind, [name], 1)
        part = f"PARTITION BY {name}.{rng.choice(list(TYPES))} " if self.chance(0.6) else ""
        unique = (
            f"ORDER BY {self.key(name + '.' + rng.choice(list(TYPES)))}, {self.key(name + '.id')}"
        )
        if self.chance(0.3):
            tied = f"ORDER BY {self.key(name + '.' + rng.choice(list(TYPES)))}"
            whole = rng.choice(
                [f"{rng.choice(['rank', 'dense_rank'])}()", f"count({what})", f"min({name}.i)"]
            )
            frame = rng.choice(["", "", " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"])
            return f"{whole} OVER ({part}{tied}{'' if 'rank' in whole else frame})"
        if self.chance(0.1):
            ends = f"RANGE BETWEEN {rng.randint(0, 2)} PRECEDING AND {rng.randint(0, 2)} FOLLOWING"
            return f"count(*) OVER ({part}ORDER BY {self.key(name + '.i')} {ends})"
        pick = rng.randrange(4)
        if pick == 0:
            return f"row_number() OVER ({part}{unique})"
        if pick == 1:
            ignore = " IGNORE NULLS" if self.chance(0.3) else ""
            rest = rng.choice(
                ["", f", {rng.randint(0, 3)}", f", {rng.randint(1, 3)}, {self.one(kind)}"]
            )
            # what IGNORE NULLS means inside of the parentheses is DuckDB's way, outside is the standard's
            call = f"{rng.choice(['lead', 'lag'])}({what}{rest}@)"
            return f"{call}{'#' * bool(ignore)} OVER ({part}{unique})"
        low = ["UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW", "1 FOLLOWING"]
        high = ["1 PRECEDING", "CURRENT ROW", "1 FOLLOWING", "2 FOLLOWING", "UNBOUNDED FOLLOWING"]
        first, last = rng.randrange(5), rng.randrange(5)
        frame = f" ROWS BETWEEN {low[min(first, 3 if last < 2 else 4)]} AND {high[max(last, 1)]}"
        if last == 0 and first < 3:
            frame = f" ROWS BETWEEN {low[first]} AND {high[0]}"
        if first == 4 and last < 3:
            frame = ""
        if pick == 2:
            ignore = "#" if self.chance(0.3) else ""
            call = f"{rng.choice(['first_value', 'last_value'])}({what}@){ignore}"
            return f"{call} OVER ({part}{unique}{frame})"
        agg = rng.choice(
            ["count", "min", "max"] if kind not in NUMBERS else ["sum", "count", "min", "max"]
        )
        agg = "count" if kind == "f" else agg
        return f"{agg}({what}) OVER ({part}{unique}{frame})"

    def windowed(self) -> tuple[str, bool]:
        name = self.fresh()
        made = [f"{self.window(name)} AS w{n}" for n in range(self.rng.randint(1, 3))]
        text = (
            f"SELECT {name}.id, {', '.join(made)} FROM {self.source()} {name}{self.where([name])}"
        )
        if self.chance(0.3):
            return f"SELECT * FROM ({text}) x WHERE x.w0 IS NOT NULL" + self.cut(["x.id"]), True
        return text, False

    def union(self) -> tuple[str, bool]:
        kinds = [self.rng.choice(list(TYPES)) for _ in range(self.rng.randint(1, 2))]

        def side() -> str:
            name = self.fresh()
            made = [f"{self.value(kind, [name], 1)} AS c{n}" for n, kind in enumerate(kinds)]
            return f"SELECT {', '.join(made)} FROM {self.source()} {name}{self.where([name])}"

        text = side()
        for _ in range(self.rng.randint(1, 2)):
            how = self.rng.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
            text = f"({text}) {how} ({side()})"
        if self.chance(0.4):
            return f"SELECT * FROM ({text}) x" + self.cut(
                [f"c{n}" for n in range(len(kinds))]
            ), True
        return text, False

    def shared(self) -> tuple[str, bool]:
        """JOIN with USING."""
        keys = self.rng.sample(["i", "s", "day", "f", "b", "id"], self.rng.randint(1, 2))
        how = self.rng.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        a, b = self.fresh(), self.fresh()
        made = [*keys, *(f"{a}.{k} AS l{k}" for k in ("m", "d")), f"{b}.ts AS rts", f"{b}.m AS rm"]
        source = f"{self.source()} {a} {how} {self.source()} {b} USING ({', '.join(keys)})"
        text = f"SELECT {', '.join(made)} FROM {source}"
        if self.chance(0.4):
            text += f" WHERE {keys[0]} {self.rng.choice(['IS NOT NULL', 'IS NULL'])}"
        if self.chance(0.3):
            return f"SELECT {keys[0]}, count(*) AS n FROM {source} GROUP BY {keys[0]}", False
        return text, False

    def with_(self) -> tuple[str, bool]:
        name, a, b = self.fresh(), self.fresh(), self.fresh()
        inner = f"SELECT * FROM {self.source()} {a}{self.where([a])}"
        inner += self.cut([f"{a}.id"]) if self.chance(0.6) else ""
        kind = self.rng.choice(["i", "s", "id"])
        how = self.rng.choice(["JOIN", "LEFT JOIN", "FULL JOIN"])
        source = f"{name} {a} {how} {name} {b} ON {a}.{kind} = {b}.{kind}"
        text = f"WITH {name} AS ({inner}) SELECT {a}.id AS i1, {b}.id AS i2 FROM {source}"
        if self.chance(0.5):
            return text + f"{self.where([a, b])}" + self.cut(["i1", "i2"]), True
        return text, False


def for_engine(text: str, *, ours: bool) -> str:
    """IGNORE NULLS where the engine takes it: behind the call (`#`), or in it (`@`)."""
    pieces = text.split("@)")
    done = [pieces[0]]
    for piece in pieces[1:]:
        ignores = piece.startswith("#")
        rest = piece[1:] if ignores else piece
        inside, behind = ("", " IGNORE NULLS") if ours else (" IGNORE NULLS", "")
        done.append(f"{inside if ignores else ''}){behind if ignores else ''}{rest}")
    return "".join(done)


def plain(value: Any) -> Any:
    """Equal for equal values of both engines: numbers to 9 digits."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, (int, float, Decimal)):
        number = float(value)
        return (
            "nan" if math.isnan(number) else f"{number + 0.0:.9g}".replace("-0", "0", number == 0)
        )
    return str(value)


def compared(rows: list[tuple[Any, ...]], *, ordered: bool) -> Any:
    made = [tuple(plain(value) for value in row) for row in rows]
    return made if ordered else sorted(made)


@pytest.fixture
def tables() -> Any:
    rng = random.Random(7)
    base = duckdb.connect()
    for name, rows in (("t", 40), ("u", 25), ("v", 9)):
        data = table(rng, rows)
        base.register(name, data)
        dc.read_arrow(pa.Table.from_batches(data.to_batches(max_chunksize=7))).save(name)
    return base


def outcome(text: str, base: Any, *, ordered: bool) -> str:
    """What became of a query: right, refused, skipped by DuckDB, or what is wrong."""
    try:
        expected = compared(base.execute(for_engine(text, ours=False)).fetchall(), ordered=ordered)
    except duckdb.Error as error:
        return f"skipped: {error}"
    try:
        table_ = dc.sql(for_engine(text, ours=True)).to_arrow()
    except dc.LakebedError as error:
        if "internal" in str(error).lower():
            return f"wrong: {error}"
        return f"refused: {error}"
    except BaseException as error:  # noqa: BLE001  a panic is no Exception
        return f"wrong: {type(error).__name__}: {error}"
    columns = [column.to_pylist() for column in table_.columns]
    got = compared(list(zip(*columns, strict=True)), ordered=ordered)
    if got == expected:
        return "right"
    return f"wrong: {len(got)} rows for {len(expected)}\n got {got[:8]}\n expected {expected[:8]}"


def test_gives_the_rows_of_duckdb(tables: Any) -> None:
    counts: Counter[str] = Counter()
    wrong = []
    for seed in range(SEED, SEED + QUERIES):
        kind, text, ordered = Queries(seed).query()
        found = outcome(text, tables, ordered=ordered)
        counts[f"{kind} {found.split(':')[0]}"] += 1
        if found.startswith("wrong"):
            wrong.append(f"seed {seed}: {for_engine(text, ours=True)}\n {found}")
        elif os.environ.get("LAKEBED_TEST_VERBOSE") and found != "right":
            print(seed, found.splitlines()[0][:300])  # noqa: T201
    print(dict(sorted(counts.items())))  # noqa: T201
    assert not wrong, "\n\n".join(wrong)
    right = sum(count for kind, count in counts.items() if kind.endswith("right"))
    assert right > QUERIES * 0.8
