"""Which rows a process of a training run reads, and in which order; needs no PyTorch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lakebed._training.order import Position, Shard, shuffled

START = Position(epoch=0, seed=5, rows=0, shard=Shard(0, 1))


def _order(position: Position, window: int = 10, count: int = 25) -> list[int]:
    skipped = position.rows - position.rows % window
    rows = list(shuffled(iter(range(skipped, count)), window, position))
    return rows[position.rows % window :]


@pytest.mark.parametrize(("count", "total"), [(0, 3), (2, 3), (100, 7), (7, 7), (8, 1)])
def test_shards_are_all_rows_once_and_about_as_long(count: int, total: int) -> None:
    parts = [range(*Shard(index, total).rows(count)) for index in range(total)]
    assert [row for part in parts for row in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_rows_are_shuffled_within_their_window() -> None:
    found = _order(START)
    assert [sorted(found[at : at + 10]) for at in (0, 10, 20)] == [
        list(range(10)),
        list(range(10, 20)),
        list(range(20, 25)),
    ]
    assert found[:10] != sorted(found[:10])
    assert [row - 10 for row in found[10:20]] != found[:10]


@pytest.mark.parametrize("done", [0, 1, 9, 10, 13, 24, 25])
def test_a_pass_goes_on_where_it_was(done: int) -> None:
    position = Position.of_state(replace(START, rows=done).state())
    assert _order(position) == _order(START)[done:]


def test_seed_epoch_and_shard_make_other_orders() -> None:
    others = [replace(START, seed=6), replace(START, epoch=1), replace(START, shard=Shard(1, 2))]
    found = [_order(position) for position in (START, *others)]
    assert len({tuple(order) for order in found}) == len(found)
    assert _order(START) == found[0]
