"""User functions as classes, for what has to be prepared once and released at the end.

Plain functions need nothing from here; how both are called is `_udf/signature.py`'s.
"""

from __future__ import annotations

from typing import Any


class AbstractUDF:
    """A function as a class: `process` runs per row, `setup` once per process.

    A worker process keeps what `setup` prepared for later runs, unless there is a `teardown`:
    both then belong to each run.

    Arguments of the constructor are part of what the function is: another argument gives
    other results.
    """

    def setup(self) -> None:
        """Prepare what `process` needs, such as a model; runs where `process` runs."""

    def process(self, *args: Any) -> Any:
        """Compute one row; the parameter names are columns."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Release what `setup` took; runs after the last row succeeded."""


class Mapper(AbstractUDF):
    """A class for `map`: one result per row.

    Examples:
        >>> import lakebed as dc
        >>> class Scale(dc.Mapper):
        ...     def __init__(self, by: int) -> None:
        ...         self.by = by
        ...     def process(self, size: int) -> int:
        ...         return size * self.by
        >>> dc.read_values(size=[1, 2]).map(big=Scale(3)).to_values("big")
        [3, 6]
    """


class Generator(AbstractUDF):
    """A class for `gen`: any number of results per row, yielded or returned as a list.

    Examples:
        >>> import lakebed as dc
        >>> from typing import Iterator
        >>> class Words(dc.Generator):
        ...     def process(self, text: str) -> Iterator[str]:
        ...         yield from text.split()
        >>> dc.read_values(text=["a b", "c"]).gen(word=Words()).to_values("word")
        ['a', 'b', 'c']
    """


class Aggregator(AbstractUDF):
    """A class for `agg`: any number of results per group, from lists of its values.

    Examples:
        >>> import lakebed as dc
        >>> from typing import Iterator
        >>> class Longest(dc.Aggregator):
        ...     def process(self, word: list[str]) -> Iterator[str]:
        ...         yield max(word, key=len)
        >>> dc.read_values(word=["a", "bcd", "ef"]).agg(longest=Longest()).to_values("longest")
        ['bcd']
    """
