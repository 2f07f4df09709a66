"""Steps around a function do not matter to its results, only its arguments do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C, func

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 40


class Log:
    """The calls of a function, in a file: what a function holds in memory would be part of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, x: int) -> int:
        with self.path.open("a") as log:
            log.write(f"{x}\n")
        return x * x

    def new(self) -> list[int]:
        lines = self.path.read_text().split() if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return [int(line) for line in lines]


@pytest.fixture
def square(tmp_path: Path) -> Log:
    return Log(tmp_path / "calls")


@pytest.fixture
def chain() -> dc.DataChain:
    return dc.read_values(x=list(range(ROWS)), third=[x % 3 for x in range(ROWS)])


def mapped(chain: dc.DataChain, square: Log) -> dc.DataChain:
    return chain.settings(batch_size=10).map(y=square, output=int)


ABOVE: dict[str, Callable[[dc.DataChain], dc.DataChain]] = {
    "filter": lambda made: made.filter(C("x") < 7),
    "filter on the result": lambda made: made.filter(C("y") < 50),
    "limit": lambda made: made.limit(5),
    "offset": lambda made: made.offset(5),
    "mutate": lambda made: made.mutate(z=C("y") + C("x")),
    "select": lambda made: made.select("y"),
    "order_by": lambda made: made.order_by("y", descending=True),
    "group_by": lambda made: made.group_by(n=func.sum("y"), partition_by="third"),
    "top": lambda made: made.order_by("x").limit(3),
}


@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
def test_a_whole_result_serves_all_that_stands_above(
    chain: dc.DataChain, square: Log, above: Any
) -> None:
    reference = above(chain.mutate(y=C("x") * C("x"))).to_list()
    assert sorted(above(mapped(chain, square)).to_list()) == sorted(reference)
    mapped(chain, square).to_list()
    square.new()
    assert sorted(above(mapped(chain, square)).to_list()) == sorted(reference)
    assert square.new() == []


BELOW: dict[str, Callable[[dc.DataChain], dc.DataChain]] = {
    "filter": lambda chain: chain.filter(C("third") == 1),
    "limit": lambda chain: chain.limit(15),
    "offset": lambda chain: chain.offset(15),
    "mutate": lambda chain: chain.mutate(x=C("x") + 1),
    "order_by with ties": lambda chain: chain.order_by("third"),
    "group_by": lambda chain: chain.group_by(x=func.sum("x"), partition_by="third"),
    "map": lambda chain: chain.map(x2=lambda x: x + 1, output=int).mutate(x=C("x2")),
}


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
def test_what_stands_below_decides_arguments_only(
    chain: dc.DataChain, square: Log, below: Any
) -> None:
    mapped(chain, square).to_list()
    square.new()
    rows = below(chain).to_values("x")
    for _ in range(2):
        made = mapped(below(chain), square).to_values("y")
        assert sorted(made) == sorted(x * x for x in rows)
    assert sorted(square.new()) == sorted(x for x in rows if x not in range(ROWS))


@pytest.mark.parametrize(
    ("expr", "other"),
    [
        (C("x") + 5 - 1, C("x") - 5 + 1),
        (C("x") * 2 + 3, (C("x") + 2) * 3),
        (C("x") - C("third") - 3, C("x") - (C("third") - 3)),
    ],
)
def test_arithmetic_of_the_same_operands(
    chain: dc.DataChain, square: Log, expr: dc.Expr, other: dc.Expr
) -> None:
    for condition in (expr > 12, other > 12):
        below = chain.filter(condition)
        rows = below.to_values("x")
        assert mapped(below, square).to_values("y") == [x * x for x in rows]


def test_another_version_of_the_input(square: Log) -> None:
    def version(*values: int) -> dc.DataChain:
        dc.read_values(x=list(values)).save("numbers")
        return mapped(dc.read_dataset("numbers"), square)

    assert version(1, 2, 3).to_values("y") == [1, 4, 9]
    assert version(1, 2, 4).to_values("y") == [1, 4, 16]
    assert square.new() == [1, 2, 3, 4]
    first = mapped(dc.read_dataset("numbers", version="1.0.0"), square)
    assert first.to_values("y") == [1, 4, 9]
    assert square.new() == []


def test_names_of_columns(chain: dc.DataChain, square: Log) -> None:
    mapped(chain, square).to_list()
    square.new()
    other = chain.settings(batch_size=10).map(z=square, output=int)
    assert other.to_values("z") == [x * x for x in range(ROWS)]
    assert "y" not in other.schema


def test_how_failures_are_treated_is_part_of_the_code(chain: dc.DataChain, tmp_path: Path) -> None:
    log = Log(tmp_path / "calls")

    def odd(x: int) -> int:
        log(x)
        if x == 25:
            raise ValueError("odd")
        return x

    chain = chain.settings(batch_size=10)
    with pytest.raises(ValueError, match="odd"):
        chain.map(y=odd).to_list()
    log.new()
    rows = [x for x in range(ROWS) if x != 25]
    assert chain.settings(on_error="skip").map(y=odd).to_values("y") == rows
    nulls = chain.settings(on_error="null").map(y=odd).to_values("y")
    assert nulls == [None if x == 25 else x for x in range(ROWS)]
    with pytest.raises(ValueError, match="odd"):
        chain.map(y=odd).to_list()


def test_recorded_failures_are_kept_too(chain: dc.DataChain, tmp_path: Path) -> None:
    log = Log(tmp_path / "calls")

    def odd(x: int) -> int:
        log(x)
        if x % 10 == 5:
            raise ValueError(f"odd {x}")
        return x

    made = chain.settings(batch_size=10, on_error="record").map(y=odd)
    failed = [(x, "ValueError", f"odd {x}") for x in (5, 15, 25, 35)]
    assert made.count() == 36
    assert sorted(log.new()) == list(range(ROWS))
    assert made.errors().to_list("row", "error", "message") == failed
    assert all("raise ValueError" in text for text in made.errors().to_values("traceback"))
    assert log.new() == []


def test_ephemeral_keeps_nothing(chain: dc.DataChain, square: Log, root: Path) -> None:
    made = mapped(chain.settings(ephemeral=True), square)
    assert made.to_values("y") == made.to_values("y")
    assert len(square.new()) == 2 * ROWS
    assert list(root.glob("jobs/*")) == []


def test_damaged_units_are_computed_anew(chain: dc.DataChain, square: Log, root: Path) -> None:
    made = mapped(chain, square)
    rows = made.to_values("y")
    square.new()
    units = sorted(root.glob("jobs/*/*.unit"))
    units[1].write_bytes(units[1].read_bytes()[:-9])
    units[2].write_bytes(b"")
    units[3].unlink()
    assert made.to_values("y") == rows
    assert square.new() == list(range(10, ROWS))
    assert made.to_values("y") == rows
    assert square.new() == []


def test_failures_of_earlier_code_are_no_results(chain: dc.DataChain) -> None:
    def odd(fails_at: int, end: Any) -> dc.Mapper:
        class Odd(dc.Mapper):
            def process(self, x: int) -> int:
                if x == fails_at:
                    raise ValueError(x)
                return x

            def teardown(self) -> None:
                assert end

        return Odd()

    chain = chain.settings(batch_size=10, on_error="skip")
    with pytest.raises(AssertionError):
        chain.map(y=odd(25, None)).to_list()
    assert chain.map(y=odd(-1, "well")).to_values("y") == list(range(ROWS))


def test_order_of_many_partitions(square: Log) -> None:
    rows = 50_000
    dc.read_values(x=[x * 7919 % rows for x in range(rows)]).save("shuffled")
    for _ in range(2):
        made = dc.read_dataset("shuffled").order_by("x").map(y=lambda x: x + 1, output=int)
        assert made.to_values("y") == list(range(1, rows + 1))
        assert made.map(z=lambda y: -y, output=int).limit(3).to_values("z") == [-1, -2, -3]
    assert mapped(dc.read_dataset("shuffled").order_by("x").limit(9), square).to_values("y") == [
        x * x for x in range(9)
    ]
    assert square.new() == list(range(9))
