"""Which rows a process of a training run reads, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = TypeVar("Row")


@dataclass(frozen=True)
class Shard:
    """One of `total` parts of the rows, which differ by one row at most.

    Attributes:
        index: Which part, from 0.
        total: How many parts there are.
    """

    index: int
    total: int

    def rows(self, count: int) -> tuple[int, int]:
        """The first of its rows and the one after its last, of so many."""
        return count * self.index // self.total, count * (self.index + 1) // self.total


@dataclass
class Position:
    """How far a pass over the rows of a shard has come.

    Attributes:
        epoch: Which pass.
        seed: What its chance comes from.
        rows: How many rows were given.
        shard: Which rows it is over.
    """

    epoch: int
    seed: int
    rows: int
    shard: Shard

    def state(self) -> dict[str, Any]:
        """As plain values, which `of_state` reads back."""
        shard = {"shard": self.shard.index, "shards": self.shard.total}
        return {"epoch": self.epoch, "seed": self.seed, "rows": self.rows, **shard}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Position:
        """What `state` wrote down."""
        epoch, seed, rows = (int(state[name]) for name in ("epoch", "seed", "rows"))
        return cls(epoch, seed, rows, Shard(int(state["shard"]), int(state["shards"])))

    def chance(self, *more: int) -> Random:
        """The same chance whenever this pass is here."""
        return Random("/".join(map(str, (self.seed, self.epoch, *more))))  # noqa: S311  no secret


def shuffled(rows: Iterator[Row], window: int, position: Position) -> Iterator[Row]:
    """The rows with each `window` of them in a random order.

    Args:
        rows: From the start of the window that the position is in.
        window: How many rows; they are held in memory.
        position: What tells the order.
    """
    number = position.rows // window
    while held := list(islice(rows, window)):
        position.chance(position.shard.index, number).shuffle(held)
        yield from held
        number += 1
