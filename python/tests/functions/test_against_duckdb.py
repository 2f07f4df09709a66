"""Functions give what DuckDB gives, over rows with nulls, not-a-number, empty and foreign text."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import lakebed as dc
from lakebed import C, func

if TYPE_CHECKING:
    from collections.abc import Callable

duckdb = pytest.importorskip("duckdb")

NAN, INF = math.nan, math.inf
UTC = dt.UTC
MOMENTS = [
    dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    dt.datetime(2020, 2, 29, 12, 34, 56, 789_000, tzinfo=UTC),
    dt.datetime(2024, 1, 1, tzinfo=UTC),
    dt.datetime(1, 1, 1, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    None,
    dt.datetime(2024, 12, 30, 1, 2, 3, 4, tzinfo=UTC),
    dt.datetime(2023, 1, 31, 6, tzinfo=UTC),
]
ROWS = pa.table(
    {
        "row": pa.array(range(8), pa.int64()),
        "s": ["", "abc", " a b ", "grün", "ÄÖÜ", None, "a1b22", "x.y.z"],
        "u": ["", "abd", "xa b", "grun", "äöü", "z", None, "x"],
        "i": pa.array([0, 1, -7, 2**40, -(2**40), None, 9, 100], pa.int64()),
        "j": pa.array([3, 0, 2, 5, 1, 4, None, 7], pa.int64()),
        "d": pa.array([0.0, -1.5, 2.5, 1e10, 0.25, None, 3.75, 1.0], pa.float64()),
        "p": pa.array([0.5, 1.5, 2.5, 1e10, 0.25, None, 3.75, 1.0], pa.float64()),
        "w": pa.array([NAN, 1.0, INF, -INF, 0.0, None, NAN, 2.0], pa.float64()),
        "xs": pa.array(
            [[], [1], [3, None, 1], [2, 2, 2], [None], None, [5, 4], [-1, -1, 7]],
            pa.list_(pa.int64()),
        ),
        "ys": pa.array(
            [[], [1.5], [3.0, 1.0], [2.0], [0.5], None, [NAN, 1.0], [-1.0, INF]],
            pa.list_(pa.float64()),
        ),
        "ts": pa.array(
            [[], ["a"], ["b", None, "a"], ["ü", "ü"], ["", None], None, ["", "x"], ["z", "y", "z"]],
            pa.list_(pa.string()),
        ),
        "t": pa.array(MOMENTS, pa.timestamp("us", "UTC")),
        "v": pa.array(MOMENTS[::-1], pa.timestamp("us", "UTC")),
        "day": pa.array([m and m.date() for m in MOMENTS], pa.date32()),
    }
)

string, array, when = func.string, func.array, func.datetime
# Each with what DuckDB calls it; timestamps are those of UTC there.
EACH: list[tuple[Callable[[], Any], str]] = [
    (lambda: string.length("s"), "length(s)"),
    (lambda: string.lower("s"), "lower(s)"),
    (lambda: string.upper("u"), "upper(u)"),
    (lambda: string.trim("s"), "trim(s)"),
    (lambda: string.trim("s", "a "), "trim(s, 'a ')"),
    (lambda: string.ltrim("s"), "ltrim(s)"),
    (lambda: string.rtrim("s"), "rtrim(s)"),
    (lambda: string.lpad("s", 4, "*"), "lpad(s, 4, '*')"),
    (lambda: string.rpad("s", 4, "ü"), "rpad(s, 4, 'ü')"),
    (lambda: string.substr("s", 1, 2), "substr(s, 2, 2)"),
    (lambda: string.substr("s", 2), "substr(s, 3)"),
    (lambda: string.substr("s", -2), "right(s, 2)"),
    (lambda: C("s")[:-1], "left(s, -1)"),
    (lambda: string.reverse("s"), "reverse(s)"),
    (lambda: string.repeat("s", 2), "repeat(s, 2)"),
    (lambda: string.concat("s", "u", sep="-"), "s || '-' || u"),
    (lambda: string.starts_with("s", "a"), "starts_with(s, 'a')"),
    (lambda: string.ends_with("s", C("u")), "ends_with(s, u)"),
    (lambda: string.contains("s", "b"), "contains(s, 'b')"),
    (lambda: string.position("s", "b"), "nullif(strpos(s, 'b'), 0) - 1"),
    (lambda: string.replace("s", "b", "ü"), "replace(s, 'b', 'ü')"),
    (lambda: string.split("s", "b"), "string_split(s, 'b')"),
    (lambda: string.split("s", "."), "string_split(s, '.')"),
    (lambda: string.regexp_match("s", r"\d"), r"regexp_matches(s, '\d')"),
    (
        lambda: string.regexp_extract("s", r"([a-z])(\d+)", 2),
        r"nullif(regexp_extract(s, '([a-z])(\d+)', 2), '')",
    ),
    (
        lambda: string.regexp_replace("s", r"([a-z])(\d)", r"\2$\1"),
        r"regexp_replace(s, '([a-z])(\d)', '\2$\1', 'g')",
    ),
    (lambda: C("s").icontains("Ü"), "contains(lower(s), 'ü')"),
    (lambda: C("s").not_like("a%"), "s NOT LIKE 'a%'"),
    (lambda: C("s").not_ilike("A%"), "s NOT ILIKE 'A%'"),
    (lambda: C("s").is_distinct_from(C("u")), "s IS DISTINCT FROM u"),
    (lambda: C("s").is_distinct_from(None), "s IS DISTINCT FROM NULL"),
    (lambda: C("s").concat(C("u")), "s || u"),
    (lambda: func.abs("i"), "abs(i)"),
    (lambda: func.abs("d"), "abs(d)"),
    (lambda: func.sign("d"), "sign(d)::DOUBLE"),
    (lambda: func.sqrt("p"), "sqrt(p)"),
    (lambda: func.exp("j"), "exp(j)"),
    (lambda: func.log("p"), "ln(p)"),
    (lambda: func.log("p", 2), "log(2, p)"),
    (lambda: func.pow("j", 2), "pow(j, 2)"),
    (lambda: C("i") ** C("j"), "pow(i, j)"),
    (lambda: 2 ** C("j"), "pow(2, j)"),
    (lambda: func.round("d"), "round(d)"),
    (lambda: func.round("d", 1), "round(d, 1)"),
    (lambda: func.ceil("d"), "ceil(d)"),
    (lambda: func.floor("d"), "floor(d)"),
    (lambda: func.is_nan("w"), "isnan(w)"),
    (lambda: func.is_nan("j"), "isnan(j::DOUBLE)"),
    (lambda: func.bit_and("i", "j"), "i & j"),
    (lambda: func.bit_or("i", 5), "i | 5"),
    (lambda: func.bit_xor("i", "j"), "xor(i, j)"),
    (lambda: C("j") << 2, "j << 2"),
    (lambda: C("i") >> 2, "i >> 2"),
    (lambda: func.bit_hamming_distance("i", "j"), "bit_count(xor(i, j))::BIGINT"),
    (lambda: func.coalesce("u", "s"), "coalesce(u, s)"),
    (lambda: func.nullif("i", 9), "nullif(i, 9)"),
    (lambda: func.nullif("w", NAN), "nullif(w, 'nan'::DOUBLE)"),
    (lambda: array.length("xs"), "len(xs)"),
    (lambda: array.contains("xs", 2), "list_contains(xs, 2)"),
    (lambda: array.get_element("xs", 0), "xs[1]"),
    (lambda: C("xs")[-1], "xs[-1]"),
    (lambda: C("xs")[1], "xs[2]"),
    (lambda: C("xs")[C("j") - 3], "CASE WHEN j < 3 THEN xs[j - 3] ELSE xs[j - 2] END"),
    (lambda: array.slice("xs", 1), "xs[2:]"),
    (lambda: array.slice("xs", 0, 2), "xs[1:2]"),
    (lambda: C("ts")[-2:], "ts[-2:]"),
    (lambda: array.join("ts", "-"), "array_to_string(ts, '-')"),
    (lambda: array.sort("xs"), "list_sort(xs, 'ASC', 'NULLS LAST')"),
    (lambda: array.sort("ts", desc=True), "list_sort(ts, 'DESC', 'NULLS LAST')"),
    (lambda: array.sort("ys"), "list_sort(ys, 'ASC', 'NULLS LAST')"),
    (lambda: array.reverse("ts"), "list_reverse(ts)"),
    (lambda: array.concat("xs", "xs"), "xs || xs"),
    (lambda: array.position("ts", "a"), "list_position(ts, 'a') - 1"),
    (lambda: array.sum("xs"), "list_sum(xs)::BIGINT"),
    (lambda: array.sum("ys"), "list_sum(ys)"),
    (lambda: array.mean("xs"), "list_avg(xs)"),
    (lambda: array.min("xs"), "list_min(xs)"),
    (lambda: array.max("xs"), "list_max(xs)"),
    (lambda: array.min("ys"), "list_min(ys)"),
    (lambda: array.max("ys"), "list_max(ys)"),
    (lambda: array.max("ts"), "list_max(ts)"),
    (lambda: array.dot_product("ys", "ys"), "list_inner_product(ys, ys)"),
    (lambda: array.norm("ys"), "CASE WHEN len(ys) > 0 THEN sqrt(list_inner_product(ys, ys)) END"),
    (lambda: when.year("t"), "year(t)"),
    (lambda: when.quarter("t"), "quarter(t)"),
    (lambda: when.month("day"), "month(day)"),
    (lambda: when.week("t"), "week(t)"),
    (lambda: when.day("t"), "day(t)"),
    (lambda: when.day_of_year("t"), "dayofyear(t)"),
    (lambda: when.weekday("t"), "isodow(t) - 1"),
    (lambda: when.hour("t"), "hour(t)"),
    (lambda: when.hour("day"), "hour(day::TIMESTAMP)"),
    (lambda: when.minute("t"), "minute(t)"),
    (lambda: when.second("t"), "second(t)"),
    (lambda: when.microsecond("t"), "microsecond(t) % 1000000"),
    *[
        (lambda unit=unit: when.truncate("t", unit), f"date_trunc('{unit}', t)")
        for unit in ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
    ],
    (lambda: when.truncate("day", "month"), "date_trunc('month', day)::TIMESTAMP"),
    *[
        (lambda unit=unit: when.date_diff("t", "v", unit), f"date_sub('{unit}', t, v)")
        for unit in ("year", "quarter", "month", "week", "day", "hour", "second", "microsecond")
    ],
    (lambda: when.date_diff("day", "v"), "date_sub('day', day::TIMESTAMP, v)"),
    (lambda: when.strftime("t", "%Y-%m-%d %H:%M:%S.%f"), "strftime(t, '%Y-%m-%d %H:%M:%S.%f')"),
    (lambda: when.strftime("day", "%d.%m.%y"), "strftime(day, '%d.%m.%y')"),
    (lambda: when.unix("t"), "epoch(t)"),
]


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("given", ROWS)
    connection.execute(
        "CREATE TABLE rows AS SELECT * REPLACE (t::TIMESTAMP AS t, v::TIMESTAMP AS v) FROM given"
    )
    return connection


def plain(value: Any) -> Any:
    """Comparable: not-a-number equals itself, times have no zone, floats are almost equal."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else pytest.approx(value, rel=1e-12)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def same(ours: list[Any], theirs: list[Any]) -> None:
    for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert plain(one) == plain(other), f"row {row}: {one!r}, not {other!r}"


def test_each_row(database) -> None:
    wrong = []
    for at in range(0, len(EACH), 20):
        some = EACH[at : at + 20]
        made = dc.read_arrow(ROWS).mutate(**{f"f{n}": expr() for n, (expr, _) in enumerate(some)})
        ours = made.to_arrow()
        for n, (_, sql) in enumerate(some):
            result = database.execute(f"SELECT {sql} FROM rows ORDER BY row").fetchall()
            try:
                same(ours.column(f"f{n}").to_pylist(), [value for (value,) in result])
            except AssertionError as error:
                wrong.append(f"{sql}: {error}")
    assert not wrong, "\n".join(wrong)


OF_GROUPS: list[tuple[Callable[[], Any], str]] = [
    (lambda: func.count("x"), "count(x)"),
    (lambda: func.count("x", distinct=True), "count(DISTINCT x)"),
    (lambda: func.count_distinct("s"), "count(DISTINCT s)"),
    (lambda: func.sum("x") / func.count(), "sum(x) / count(*)"),
    (lambda: func.max("x") - func.min("x") + 1, "max(x) - min(x) + 1"),
    (lambda: func.median("x"), "median(x)"),
    (lambda: func.median("d"), "median(d)"),
    (lambda: func.quantile("x", 0.3), "quantile_cont(x, 0.3)"),
    (lambda: func.percentile("d", 90), "quantile_cont(d, 0.9)"),
    (lambda: func.stddev("x"), "stddev_samp(x)"),
    (lambda: func.stddev("x", population=True), "stddev_pop(x)"),
    (lambda: func.variance("x"), "var_samp(x)"),
    (lambda: func.variance("x", population=True), "var_pop(x)"),
    (lambda: func.xor_agg("x"), "bit_xor(x)"),
    (lambda: func.bool_and(C("x") > 1), "bool_and(x > 1)"),
    (lambda: func.bool_or(C("x") > 3), "bool_or(x > 3)"),
    (lambda: func.collect("x"), "list(x ORDER BY row)"),
    (lambda: func.collect("s", ignore_nulls=True), "list(s ORDER BY row) FILTER (s IS NOT NULL)"),
    (lambda: func.collect("x", order_by=C("d").desc()), "list(x ORDER BY d DESC NULLS LAST, row)"),
    (lambda: func.concat("s", "-"), "string_agg(s, '-' ORDER BY row)"),
    (lambda: func.first("x"), "first(x ORDER BY row)"),
    (lambda: func.last("x"), "last(x ORDER BY row)"),
    (lambda: func.first("x", ignore_nulls=True), "first(x ORDER BY row) FILTER (x IS NOT NULL)"),
    (lambda: func.last("s", order_by="d"), "last(s ORDER BY d NULLS LAST, row)"),
    (lambda: func.min_by("row", "d"), "min_by(row, d)"),
    (lambda: func.max_by("row", "d"), "max_by(row, d)"),
    (lambda: func.ifelse(func.sum("x") > 3, "much", "little"), "if(sum(x) > 3, 'much', 'little')"),
]
GROUPED = pa.table(
    {
        "row": pa.array(range(10), pa.int64()),
        "k": ["a", "b", "a", "b", "a", "c", None, None, "a", "b"],
        "x": pa.array([3, 1, None, 4, 3, None, 7, 2, 1, 1], pa.int64()),
        "d": pa.array([0.5, -1.5, 2.25, 1e9, 4.0, 1.5, 2.0, 8.0, 7.0, 3.0], pa.float64()),
        "s": ["x", "ü", None, "", "x", None, "y", "z", "x", "w"],
    }
)


def test_groups(database) -> None:
    database.register("grouped", GROUPED)
    names = [f"f{n}" for n in range(len(OF_GROUPS))]
    made = {name: expr() for name, (expr, _) in zip(names, OF_GROUPS, strict=True)}
    ours = dc.read_arrow(GROUPED).group_by(partition_by="k", **made).order_by("k").to_arrow()
    assert ours.column("k").to_pylist() == ["a", "b", "c", None]
    for name, (_, sql) in zip(names, OF_GROUPS, strict=True):
        query = f"SELECT {sql} FROM grouped GROUP BY k ORDER BY k NULLS LAST"
        same(
            ours.column(name).to_pylist(),
            [value for (value,) in database.execute(query).fetchall()],
        )


BY_D = "PARTITION BY k ORDER BY d NULLS LAST"
OVER: list[tuple[Callable[[], Any], dict[str, Any], str]] = [
    (func.row_number, {}, f"row_number() OVER ({BY_D})"),
    (func.rank, {}, f"rank() OVER ({BY_D})"),
    (func.dense_rank, {}, f"dense_rank() OVER ({BY_D})"),
    (func.percent_rank, {}, f"percent_rank() OVER ({BY_D})"),
    (func.cume_dist, {}, f"cume_dist() OVER ({BY_D})"),
    (lambda: func.ntile(2), {}, f"ntile(2) OVER ({BY_D})"),
    (lambda: func.first("x"), {}, f"first_value(x) OVER ({BY_D})"),
    (
        lambda: func.last("x"),
        {},
        f"last_value(x) OVER ({BY_D} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    ),
    (lambda: func.lag("x"), {}, f"lag(x) OVER ({BY_D})"),
    (lambda: func.lag("x", 2, -1), {}, f"lag(x, 2, -1) OVER ({BY_D})"),
    (lambda: func.lead("s", default="none"), {}, f"lead(s, 1, 'none') OVER ({BY_D})"),
    (lambda: func.lag("x", ignore_nulls=True), {}, f"lag(x IGNORE NULLS) OVER ({BY_D})"),
    (lambda: func.sum("x"), {}, f"sum(x) OVER ({BY_D})"),
    (lambda: func.avg("x"), {"order_by": None}, "avg(x) OVER (PARTITION BY k)"),
    (func.count, {}, f"count(*) OVER ({BY_D})"),
    (
        lambda: func.min("d"),
        {"rows_between": (-1, 1)},
        f"min(d) OVER ({BY_D} ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
    ),
    (
        lambda: func.max("x"),
        {"rows_between": (None, -1)},
        f"max(x) OVER ({BY_D} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)",
    ),
    (
        lambda: func.median("d"),
        {"rows_between": (-2, 0)},
        f"median(d) OVER ({BY_D} ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
    ),
    (
        lambda: func.collect("x"),
        {"rows_between": (0, None)},
        f"list(x) OVER ({BY_D} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
    ),
    (
        lambda: func.collect("x"),
        {"rows_between": (-1, 1)},
        f"list(x) OVER ({BY_D} ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
    ),
    (
        func.rank,
        {"order_by": ["s", "x"], "desc": [True, False]},
        "rank() OVER (PARTITION BY k ORDER BY s DESC NULLS LAST, x NULLS LAST)",
    ),
    (
        func.row_number,
        {"partition_by": ["k", C("x") > 2], "order_by": C("x").desc().nulls_first()},
        "row_number() OVER (PARTITION BY k, x > 2 ORDER BY x DESC NULLS FIRST, row)",
    ),
]


def test_windows(database) -> None:
    database.register("grouped", GROUPED)
    made = {}
    for n, (function, window, _) in enumerate(OVER):
        made[f"f{n}"] = function().over(
            func.window(**{"partition_by": "k", "order_by": "d", **window})
        )
    ours = dc.read_arrow(GROUPED).mutate(**made).to_arrow()
    assert ours.column("row").to_pylist() == list(range(10))
    for n, (_, _, sql) in enumerate(OVER):
        result = database.execute(f"SELECT {sql} FROM grouped ORDER BY row").fetchall()
        same(ours.column(f"f{n}").to_pylist(), [value for (value,) in result])
