"""What is made of chains with their own verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed.chain import DataChain

__all__ = ["train_test_split"]

_ALL = 2**64


def train_test_split(
    dc: DataChain, weights: Sequence[float], seed: int | None = None
) -> list[DataChain]:
    """Parts of a chain by chance: together all rows, none twice.

    Rows that have no fixed order, as those of joins and groups, are computed and kept
    until the session ends, so that all parts are of the same rows.

    Args:
        dc: The chain.
        weights: How large the parts are, in relation to each other.
        seed: Another split for each seed.

    Examples:
        >>> import lakebed
        >>> train, test = train_test_split(lakebed.read_values(x=range(100)), [0.7, 0.3])
        >>> train.count() + test.count()
        100
    """
    numbers = list(weights)
    if len(numbers) < 2:  # noqa: PLR2004
        msg = f"weights should have at least two elements, not `{numbers}`"
        raise DataChainParamsError(msg)
    if not all(0 <= weight < float("inf") for weight in numbers) or not sum(numbers):
        msg = f"weights should be non-negative and not all 0, not `{numbers}`"
        raise DataChainParamsError(msg)
    placed, total, below, first, parts = dc._placed(), sum(numbers), 0.0, 0, []
    for at, weight in enumerate(numbers):
        below += weight
        is_rest = not any(numbers[at + 1 :])
        end = _ALL if is_rest else min(int(below / total * _ALL), _ALL)
        # the ends of a part without rows are the wrong way around
        ends = (first, end - 1) if end > first else (1, 0)
        parts.append(placed._share(*ends, seed))
        first = end
    return parts
