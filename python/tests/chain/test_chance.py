"""`sample`, `shuffle`, `chunk` and `train_test_split`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainParamsError
from lakebed.toolkit import train_test_split

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[], dc.DataChain]

ROWS = 600
NUMBERS = list(range(ROWS))


def numbers() -> dc.DataChain:
    return dc.read_values(x=NUMBERS)


SOURCES: dict[str, Make] = {
    "values": numbers,
    "dataset": lambda: numbers().save("numbers"),
    "union": lambda: numbers().filter(C("x") < 100) | numbers().filter(C("x") >= 100),
    "merge": lambda: numbers().merge(numbers(), on="x").select("x"),
    "group_by": lambda: numbers().group_by(n=func.count(), partition_by="x"),
    "gen": lambda: dc.read_values(n=[ROWS]).gen(x=lambda n: list(range(n))),
    "map": lambda: numbers().map(y=lambda x: -x),
    "order_by": lambda: numbers().order_by("x", descending=True),
    "shuffle": lambda: numbers().shuffle(3),
    "chunk": lambda: numbers().chunk(0, 1),
    "distinct": lambda: numbers().distinct("x"),
}


@pytest.fixture(params=SOURCES)
def make(request: pytest.FixtureRequest) -> Make:
    return SOURCES[request.param]


def test_sample(make: Make) -> None:
    found = make().sample(20).to_values("x")
    assert len(set(found)) == 20
    assert set(found) < set(NUMBERS)


def test_seeds(make: Make) -> None:
    chain = make()
    first = chain.sample(20, seed=1).to_values("x")
    assert chain.sample(20, seed=1).to_values("x") == first
    assert set(chain.sample(20, seed=2).to_values("x")) != set(first)


def test_shuffle(make: Make) -> None:
    shuffled = make().shuffle(7).to_values("x")
    assert sorted(shuffled) == NUMBERS
    assert shuffled not in (NUMBERS, NUMBERS[::-1])
    assert sorted(make().shuffle().to_values("x")) == NUMBERS


def test_chunks_are_all_rows_once(make: Make) -> None:
    chain = make()
    chunks = [chain.chunk(part, 4).to_values("x") for part in range(4)]
    assert sorted(x for chunk in chunks for x in chunk) == NUMBERS
    assert all(100 < len(chunk) < 200 for chunk in chunks)


@pytest.mark.parametrize("seed", [None, 5, -1, 2**70])
def test_splits_are_all_rows_once(make: Make, seed: int | None) -> None:
    parts = train_test_split(make(), [3, 0, 2, 1], seed=seed)
    found = [part.to_values("x") for part in parts]
    assert sorted(x for part in found for x in part) == NUMBERS
    sizes = [len(part) for part in found]
    assert sizes[1] == 0
    assert all(abs(size - ROWS * w / 6) < 70 for size, w in zip(sizes, [3, 0, 2, 1], strict=True))


def test_seeds_split_differently_and_the_same_way_again() -> None:
    chain = numbers().save("numbers")
    split = [train_test_split(chain, [1, 1], seed=s)[0].to_values("x") for s in (1, 1, 2, None)]
    assert split[0] == split[1]
    assert split[0] != split[2] != split[3]


def test_shuffle_is_the_same_each_time_and_after_it_is_saved_too() -> None:
    chain = numbers().save("numbers")
    order = chain.shuffle().to_values("x")
    assert chain.shuffle().to_values("x") == order
    assert chain.shuffle().save("shuffled").to_values("x") == order


def test_without_a_seed_samples_differ() -> None:
    chain = numbers()
    assert len({tuple(chain.sample(5).to_values("x")) for _ in range(5)}) > 1
    one = chain.sample(5)
    assert one.to_list() == one.to_list()


def test_more_than_there_is(chain: dc.DataChain) -> None:
    assert chain.sample(9).count() == 4
    assert chain.sample(0).count() == 0


def test_columns_and_hidden_sys_stay_as_they_are() -> None:
    chain = numbers()
    for made in (chain.sample(2), chain.shuffle(), chain.chunk(0, 2)):
        assert list(made.schema) == ["x"]
    shown = chain.settings(sys=True)
    assert list(shown.shuffle().schema) == list(shown.schema)


def test_refuses(chain: dc.DataChain) -> None:
    for call in (
        lambda: chain.sample(-1),
        lambda: chain.sample(2, seed="a"),  # type: ignore[arg-type]
        lambda: chain.shuffle(1.5),  # type: ignore[arg-type]
        lambda: chain.chunk(3, 3),
        lambda: chain.chunk(-1, 3),
        lambda: chain.chunk(0, 0),
        lambda: chain.chunk(True, 3),  # noqa: FBT003
        lambda: train_test_split(chain, [1]),
        lambda: train_test_split(chain, [1, -1]),
        lambda: train_test_split(chain, [0, 0]),
        lambda: train_test_split(chain, [1, float("nan")]),
    ):
        with pytest.raises(DataChainParamsError):
            call()
