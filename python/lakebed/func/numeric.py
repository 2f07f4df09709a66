"""Functions of numbers. A missing number gives a missing result. Text names columns."""

from __future__ import annotations

from typing import Any

from lakebed.expr import Expr, call, to_column

__all__ = [
    "abs",
    "bit_and",
    "bit_hamming_distance",
    "bit_or",
    "bit_xor",
    "ceil",
    "exp",
    "floor",
    "int_hash_64",
    "is_nan",
    "log",
    "pow",
    "round",
    "sign",
    "sqrt",
]


def abs(col: Any) -> Expr:
    """The number without its sign.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[-2, 3]).mutate(y=dc.func.abs("x")).to_values("y")
        [2, 3]
    """
    return call("abs", to_column(col))


def sign(col: Any) -> Expr:
    """-1.0, 0.0 or 1.0: whether the number is negative, zero or positive.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[-2.5, 0.0, 3.0]).mutate(y=dc.func.sign("x")).to_values("y")
        [-1.0, 0.0, 1.0]
    """
    return call("signum", to_column(col))


def sqrt(col: Any) -> Expr:
    """The square root; not-a-number of negative numbers.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[9.0]).mutate(y=dc.func.sqrt("x")).to_values("y")
        [3.0]
    """
    return call("sqrt", to_column(col))


def exp(col: Any) -> Expr:
    """The exponential function.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[0.0]).mutate(y=dc.func.exp("x")).to_values("y")
        [1.0]
    """
    return call("exp", to_column(col))


def log(col: Any, base: Any = None) -> Expr:
    """The logarithm: the natural one, or that to a base.

    Minus infinity of zero, and not-a-number of negative numbers.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[8.0]).mutate(y=dc.func.log("x", 2)).to_values("y")
        [3.0]
    """
    number = to_column(col).cast(float)
    return call("ln", number) if base is None else call("log", to_column(base).cast(float), number)


def pow(col: Any, exponent: Any) -> Expr:
    """The number to the power of another, as a float; `C("x") ** 2` is one too.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[2, 3]).mutate(y=dc.func.pow("x", 2)).to_values("y")
        [4.0, 9.0]
    """
    return to_column(col) ** to_column(exponent)


def round(col: Any, digits: int | Expr = 0) -> Expr:
    """The number rounded to some digits behind the point, as a float; halves away from zero.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[2.5, -1.25]).mutate(y=dc.func.round("x", 1)).to_values("y")
        [2.5, -1.3]
    """
    return call("round", to_column(col), digits)


def ceil(col: Any) -> Expr:
    """The smallest whole number that is not smaller, as a float.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1.2]).mutate(y=dc.func.ceil("x")).to_values("y")
        [2.0]
    """
    return call("ceil", to_column(col))


def floor(col: Any) -> Expr:
    """The largest whole number that is not larger, as a float.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1.8]).mutate(y=dc.func.floor("x")).to_values("y")
        [1.0]
    """
    return call("floor", to_column(col))


def is_nan(col: Any) -> Expr:
    """Whether it is not-a-number, which is not the same as missing.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1.0, float("nan")]).mutate(y=dc.func.is_nan("x")).to_values("y")
        [False, True]
    """
    return call("isnan", to_column(col).cast(float))


def bit_and(left: Any, right: Any) -> Expr:
    """The bits that both whole numbers have.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[6]).mutate(y=dc.func.bit_and("x", 3)).to_values("y")
        [2]
    """
    return call("bitwise_and", to_column(left), to_column(right))


def bit_or(left: Any, right: Any) -> Expr:
    """The bits that one of the whole numbers has.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[6]).mutate(y=dc.func.bit_or("x", 3)).to_values("y")
        [7]
    """
    return call("bitwise_or", to_column(left), to_column(right))


def bit_xor(left: Any, right: Any) -> Expr:
    """The bits that one of the whole numbers has and the other has not; `^` does it too.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[6]).mutate(y=dc.func.bit_xor("x", 3)).to_values("y")
        [5]
    """
    return call("bitwise_xor", to_column(left), to_column(right))


def bit_hamming_distance(left: Any, right: Any) -> Expr:
    """In how many of their 64 bits two whole numbers differ.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[6]).mutate(d=dc.func.bit_hamming_distance("x", 3)).to_values("d")
        [2]
    """
    return call("bit_hamming_distance", to_column(left), to_column(right))


def int_hash_64(col: Any) -> Expr:
    """A hash of a whole number, as an int of 64 bits: `intHash64` of ClickHouse.

    It is the finalizer of MurmurHash3 over the number xor 0x4cf2d2baae6da887; ClickHouse shows
    the same bits as an unsigned number.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1]).mutate(h=dc.func.int_hash_64("x")).to_values("h")
        [-7869394227045998544]
    """
    return call("int_hash_64", to_column(col))
