"""Every type of column is read back as it was saved, or refused before anything runs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

import lakebed as dc
from lakebed import C

DAY = dt.datetime(2020, 1, 2, 3, 4, 5)  # noqa: DTZ001

# A type and two different values of it.
LEAVES = {
    "bool": (pa.bool_(), True, False),
    "int8": (pa.int8(), -1, 7),
    "uint64": (pa.uint64(), 2**64 - 1, 0),
    "int64": (pa.int64(), -(2**63), 2**63 - 1),
    "half": (pa.float16(), 0.5, -2.0),
    "float": (pa.float32(), 0.25, -1.0),
    "double": (pa.float64(), 1e300, -0.5),
    "text": (pa.string(), "a", ""),
    "large text": (pa.large_string(), "ü" * 300, "b"),
    "text view": (pa.string_view(), "a" * 40, "b"),
    "bytes": (pa.binary(), b"\x00", b""),
    "large bytes": (pa.large_binary(), b"x" * 300, b"y"),
    "fixed bytes": (pa.binary(3), b"abc", b"xyz"),
    "date": (pa.date32(), dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    "seconds": (pa.timestamp("s"), DAY, dt.datetime(9999, 1, 1)),  # noqa: DTZ001
    "micros": (pa.timestamp("us"), DAY, dt.datetime(1, 1, 1)),  # noqa: DTZ001
    "zoned": (pa.timestamp("ms", "Europe/Berlin"), DAY.replace(tzinfo=dt.UTC), None),
    "time": (pa.time32("ms"), dt.time(1), dt.time(2)),
    "fine time": (pa.time64("us"), dt.time(1, 0, 0, 5), dt.time(2)),
    "duration": (pa.duration("us"), dt.timedelta(seconds=1), dt.timedelta(days=-1)),
    "decimal": (pa.decimal128(20, 2), Decimal("123456789012345678.91"), Decimal("-0.10")),
    "wide decimal": (pa.decimal256(50, 3), Decimal("1.500"), Decimal("-7.125")),
    "null": (pa.null(), None, None),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), "a", "b"),
    "empty model": (pa.struct([]), {}, {}),
}

WRAPPERS = {
    "plain": lambda kind, one, two: (kind, [one, two, None, one]),
    "model": lambda kind, one, two: (
        pa.struct([("f", kind), ("n", pa.int64())]),
        [{"f": one, "n": 1}, {"f": two, "n": None}, None, {"f": None, "n": 3}],
    ),
    "list": lambda kind, one, two: (pa.list_(kind), [[one, two], [], None, [None]]),
    "fixed list": lambda kind, one, two: (pa.list_(kind, 2), [[one, two], [two, one], None] * 2),
    "list of models": lambda kind, one, two: (
        pa.list_(pa.struct([("f", kind)])),
        [[{"f": one}, {"f": two}], [None], None, []],
    ),
    "fixed list of models": lambda kind, one, two: (
        pa.list_(pa.struct([("n", pa.int8()), ("f", kind)]), 1),
        [[{"n": 1, "f": one}], None, [{"n": None, "f": two}]],
    ),
    "map": lambda kind, one, two: (
        pa.map_(pa.string(), kind),
        [[("k", one), ("l", two)], [], None],
    ),
    "model in model": lambda kind, one, two: (
        pa.struct([("m", pa.struct([("f", kind)])), ("n", pa.int8())]),
        [{"m": {"f": one}, "n": 1}, {"m": None, "n": 2}, None, {"m": {"f": two}, "n": None}],
    ),
}


def decoded(kind: pa.DataType) -> pa.DataType:
    """The type without the encodings that datasets do not keep."""
    return pa.string() if pa.types.is_dictionary(kind) else kind


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("leaf", LEAVES)
def test_reads_back_what_was_saved(leaf: str, wrapper: str) -> None:
    kind, one, two = LEAVES[leaf]
    wrapped, values = WRAPPERS[wrapper](kind, one, two)
    try:
        column = pa.array(values, wrapped)
        table = pa.table({"id": pa.array(range(len(values))), "x": column})
        plain = pa.array(values, WRAPPERS[wrapper](decoded(kind), one, two)[0]).to_pylist()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as reason:
        pytest.skip(f"pyarrow: {reason}")
    chain = dc.read_arrow(table)
    try:
        saved = chain.save("stored")
    except dc.LakebedError as refused:
        assert "`x`" in str(refused), refused  # noqa: PT017
        assert "is not supported" in str(refused)  # noqa: PT017
        return
    assert saved.to_arrow()["x"].to_pylist() == plain
    assert saved.select("x").to_arrow()["x"].to_pylist() == plain
    assert saved.limit(2).to_arrow()["x"].to_pylist() == plain[:2]
    assert saved.filter(C("id") > 1).to_arrow()["x"].to_pylist() == plain[2:]
    if wrapper == "model":
        assert saved.to_arrow()["x"].combine_chunks().field("n").to_pylist()[:2] == [1, None]
        fields = saved.mutate(f=C("x.f")).select("f").to_arrow()["f"].to_pylist()
        assert fields == [value and value["f"] for value in plain]


def test_two_fields_of_one_name() -> None:
    kinds = [pa.field("d", pa.int64())] * 2
    table = pa.table(
        {"x": pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], fields=kinds)}
    )
    column = dc.read_arrow(table).save("twice").to_arrow()["x"].combine_chunks()
    assert [column.field(0).to_pylist(), column.field(1).to_pylist()] == [[1], [2]]


def test_keys_of_maps_of_any_kind() -> None:
    kind = pa.map_(pa.int32(), pa.string())
    table = pa.table({"x": pa.array([[(1, "a")], None, []], kind)})
    assert dc.read_arrow(table).save("keys").to_arrow()["x"].to_pylist() == [[(1, "a")], None, []]


@pytest.mark.parametrize("at", [[1], [8_192], [3, 20_000], [0]])
def test_lists_whose_length_changes(at: list[int]) -> None:
    vectors: list[list[float] | None] = [[1.0, 2.0]] * 24_000
    for row in at:
        vectors[row] = [1.0, 2.0, 3.0]
    vectors[5], vectors[7] = None, []
    chain = dc.read_values(v=vectors).save("ragged")
    assert chain.to_values("v") == vectors


def test_a_late_list_of_another_length_is_an_error_unless_lists_are_wanted() -> None:
    given = [[1.0, 2.0]] * 70_000 + [[3.0]]
    chain = dc.read_values(v=given)
    message = r"`v` has a row of 1 number.*vectors=False"
    with pytest.raises(dc.exceptions.DataChainColumnError, match=message):
        chain.save("ragged")
    assert chain.settings(vectors=False).save("ragged").to_values("v")[-2:] == given[-2:]
    assert chain.settings(vectors=False).persist().to_values("v")[-1] == [3.0]


def test_dictionaries_that_each_batch_has_anew() -> None:
    kind = pa.dictionary(pa.int8(), pa.string())
    batches = [pa.table({"x": pa.array([a, b], kind), "i": [1, 2]}) for a, b in ("ab", "ba", "cc")]
    table = pa.concat_tables(batches)
    chain = dc.read_arrow(table).map(z=lambda i: i, output=int)
    assert chain.to_values("x") == list("abbacc")
    assert chain.save("words").filter(C("x") == "b").to_values("z") == [2, 1]
