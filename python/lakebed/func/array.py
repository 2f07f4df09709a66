"""Functions of lists. A missing list gives a missing result.

Places are counted from 0, or from the end where they are negative.
"""

from __future__ import annotations

from typing import Any

from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Expr, any_of, call, cases, to_column
from lakebed.func.vector import (
    cosine_distance,
    dot_product,
    euclidean_distance,
    l2_distance,
    norm,
)

__all__ = [
    "concat",
    "contains",
    "cosine_distance",
    "distinct",
    "dot_product",
    "euclidean_distance",
    "get_element",
    "join",
    "l2_distance",
    "length",
    "max",
    "mean",
    "min",
    "norm",
    "position",
    "reverse",
    "sip_hash_64",
    "slice",
    "sort",
    "sum",
]


def length(col: Any) -> Expr:
    """The number of items.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(xs=[[1, 2], [], None])
        >>> rows.mutate(n=dc.func.array.length("xs")).to_values("n")
        [2, 0, None]
    """
    return call("array_length", to_column(col)).cast(int)


def contains(col: Any, item: Any) -> Expr:
    """Whether the list holds an item, or with None a missing one; text is a value here.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(xs=[["a", None], ["b"], None])
        >>> rows.mutate(a=dc.func.contains("xs", "a"), n=dc.func.contains("xs", None)).to_list(
        ...     "a", "n"
        ... )
        [(True, True), (False, False), (None, None)]
    """
    values = to_column(col)
    if item is not None:
        return call("array_has", values, item)
    found = call("array_position", values, None).is_not(None)
    return cases([(values.is_not(None), found)], None)


def get_element(col: Any, index: int | Expr) -> Expr:
    """The item at a place; missing where there is none. The same as `C("xs")[index]`.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(xs=[[1, 2], [3], []])
        >>> rows.mutate(x=dc.func.array.get_element("xs", -1)).to_values("x")
        [2, 3, None]
    """
    return to_column(col)[index]


def slice(col: Any, offset: int | Expr, length: int | Expr | None = None) -> Expr:
    """A part of the list.

    Args:
        col: The list.
        offset: The place of the first item.
        length: How many items at most; None: all there are.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(xs=[[1, 2, 3]])
        >>> rows.mutate(a=dc.func.array.slice("xs", 1), b=dc.func.array.slice("xs", -2, 1)).to_list(
        ...     "a", "b"
        ... )
        [([2, 3], [2])]
    """
    return part_of(to_column(col), offset, length)


def part_of(value: Expr, offset: int | Expr, length: int | Expr | None) -> Expr:
    """Items or characters from a place on."""
    if isinstance(length, int) and length < 0:
        msg = f"a length is not negative, this is `{length}`"
        raise DataChainParamsError(msg)
    if length is None:
        return call("slice_of", value, offset, None)
    if isinstance(offset, int) and offset >= 0 and isinstance(length, int):
        return call("slice_of", value, offset, offset + length)
    # counted from the end, a part may end with the list itself
    return call("slice_of", call("slice_of", value, offset, None), 0, length)


def join(col: Any, sep: str = "") -> Expr:
    """The items as one text; missing items are left out.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(xs=[["a", "b"]]).mutate(s=dc.func.array.join("xs", "-")).to_values("s")
        ['a-b']
    """
    return call("array_to_string", to_column(col), sep)


def sort(col: Any, *, desc: bool = False) -> Expr:
    """The items in ascending or descending order, missing ones last.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(xs=[[2, 3, 1]]).mutate(xs=dc.func.array.sort("xs")).to_values("xs")
        [[1, 2, 3]]
    """
    return call("array_sort", to_column(col), "DESC" if desc else "ASC", "NULLS LAST")


def reverse(col: Any) -> Expr:
    """The items from the last to the first.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(xs=[[1, 2, 3]]).mutate(y=dc.func.array.reverse("xs")).to_values("y")
        [[3, 2, 1]]
    """
    return call("array_reverse", to_column(col))


def distinct(col: Any) -> Expr:
    """The different items, in ascending order and missing ones last.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(xs=[[2, 1, 2]]).mutate(xs=dc.func.array.distinct("xs")).to_values("xs")
        [[1, 2]]
    """
    return sort(call("array_distinct", to_column(col)))


def concat(*cols: Any) -> Expr:
    """The items of several lists in one.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(a=[[1], None], b=[[2, 3], [4]])
        >>> rows.mutate(c=dc.func.array.concat("a", "b")).to_values("c")
        [[1, 2, 3], None]
    """
    if not cols:
        msg = "concat takes at least one list"
        raise DataChainParamsError(msg)
    lists = [to_column(col) for col in cols]
    is_missing = any_of(*(one.is_(None) for one in lists))
    return cases([(~is_missing, call("array_concat", *lists))], None)


def position(col: Any, item: Any) -> Expr:
    """The place of the first item that equals another; missing without one.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(xs=[["a", "b"], ["c"]])
        >>> rows.mutate(at=dc.func.array.position("xs", "b")).to_values("at")
        [1, None]
    """
    return call("array_position", to_column(col), item).cast(int) - 1


def sum(col: Any) -> Expr:
    """The sum of the items that are not missing; missing without one.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(xs=[[1, 2, None], []])
        >>> rows.mutate(sum=dc.func.array.sum("xs")).to_values("sum")
        [3, None]
    """
    return call("list_sum", to_column(col))


def mean(col: Any) -> Expr:
    """The mean of the items that are not missing; missing without one.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(xs=[[1, 3], []]).mutate(y=dc.func.array.mean("xs")).to_values("y")
        [2.0, None]
    """
    return call("list_mean", to_column(col))


def min(col: Any) -> Expr:
    """The smallest item that is not missing; missing without one.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(xs=[[1, 3], []]).mutate(y=dc.func.array.min("xs")).to_values("y")
        [1, None]
    """
    return call("array_min", to_column(col))


def max(col: Any) -> Expr:
    """The largest item that is not missing; missing without one.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(xs=[[1, 3], []]).mutate(y=dc.func.array.max("xs")).to_values("y")
        [3, None]
    """
    return call("array_max", to_column(col))


def sip_hash_64(col: Any) -> Expr:
    """A hash of a list of numbers or texts, as an int of 64 bits.

    It is `sipHash64` of ClickHouse: SipHash-2-4 (Aumasson, Bernstein 2012) with the key 0,
    over the hash of the number of items and then those of the items. Whole numbers are hashed
    as such of 64 bits and others as doubles, as ClickHouse does with `Array(Int64)` and
    `Array(Float64)`; a missing item is 0 or the empty text.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(xs=[[1, 2], [1, 2], [2, 1]])
        >>> hashes = rows.mutate(h=dc.func.sip_hash_64("xs")).to_values("h")
        >>> hashes[0] == hashes[1], hashes[0] == hashes[2]
        (True, False)
    """
    return call("sip_hash_64", to_column(col))
