"""Verbs that choose or order rows by chance."""

from __future__ import annotations

import random
from typing import Self

from lakebed._coerce import seed_number, whole
from lakebed._verbs.keeping import Keeping
from lakebed.exceptions import DataChainParamsError


class Chance(Keeping):
    """Random rows, which are the same ones each time a chain is read.

    Chance belongs to a row's place. Rows without a fixed order, as those of joins and
    groups, have to be computed and kept before their places mean anything: what needs the
    same rows in several runs does that with `persist`.
    """

    __slots__ = ()

    def sample(self, n: int, seed: int | None = None) -> Self:
        """Keep `n` rows by chance, or all if there are fewer.

        Args:
            n: How many rows.
            seed: The same seed gives the same rows; without one they differ each time
                that `sample` is called.

        Examples:
            >>> import lakebed as dc
            >>> dc.read_values(x=range(100)).sample(3).count()
            3
        """
        rows, number = whole("n", n), seed_number(seed)
        if number is None:
            return self._with(self._native.shuffle(random.getrandbits(64)).limit(rows))
        chain = self._placed()
        return chain._with(chain._native.shuffle(number).limit(rows))

    def shuffle(self, seed: int | None = None) -> Self:
        """Rows in a random order, the same one each time.

        Args:
            seed: Another order for each seed.
        """
        number = seed_number(seed)
        chain = self if seed is None else self._placed()
        return chain._with(chain._native.shuffle(number))

    def chunk(self, index: int, total: int) -> Self:
        """One of `total` parts of about the same size: together all rows, none twice.

        Args:
            index: Which part, from 0.
            total: How many parts there are.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=range(100))
            >>> sum(chain.chunk(part, 3).count() for part in range(3))
            100
        """
        for name, given in (("index", index), ("total", total)):
            if not isinstance(given, int) or isinstance(given, bool):
                msg = f"{name} of chunk is a whole number, not `{given!r}`"
                raise DataChainParamsError(msg)
        if not 0 <= index < total:
            msg = f"chunks of {total} are counted from 0 to {total - 1}, not `{index}`"
            raise DataChainParamsError(msg)
        chain = self._placed()
        return chain._with(chain._native.chunk(index, total))

    def _share(self, first: int, last: int, seed: int | None) -> Self:
        """Rows whose chance, out of all of 64 bits, is in the range with both its ends."""
        return self._with(self._native.share(first, last, seed_number(seed)))

    def _placed(self) -> Self:
        """A chain whose rows have the same places each time."""
        return self if self._native.has_fixed_places() else self.persist()
