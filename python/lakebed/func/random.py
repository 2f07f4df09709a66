"""Random numbers."""

from __future__ import annotations

from lakebed.expr import Expr, call

__all__ = ["rand"]


def rand() -> Expr:
    """A random whole number of 64 bits for each row, another each time.

    What is made with it is computed anew by every run; `sys.rand` of a chain with
    `settings(sys=True)` is a random number that stays the same.

    Examples:
        >>> import lakebed as dc
        >>> numbers = dc.read_values(x=[1, 2]).mutate(r=dc.func.random.rand()).to_values("r")
        >>> numbers[0] == numbers[1]
        False
    """
    return call("rand")
