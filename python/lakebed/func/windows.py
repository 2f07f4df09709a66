"""Windows, and functions that need one: ranks, numbers, and values of other rows.

`mutate` computes them; the rows keep their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Expr, literal, sort_keys, to_column
from lakebed.func.aggregate import Aggregate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed.func.aggregate import Keys

__all__ = [
    "Window",
    "cume_dist",
    "dense_rank",
    "lag",
    "lead",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
    "window",
]


class Window:
    """Which rows a function sees from each row; made by `func.window()`."""

    __slots__ = ("keys", "partitions", "rows_between")

    def __init__(
        self,
        partition_by: Keys,
        order_by: Keys,
        rows_between: tuple[int | None, int | None] | None,
        *,
        desc: bool | Sequence[bool],
    ) -> None:
        """Make a window; see `window`."""
        partitions = sort_keys(partition_by, "partition_by of window()")
        self.partitions = [key for key, _ in partitions]
        self.keys = sort_keys(order_by, "order_by of window()", descending=desc)
        self.rows_between = rows_between

    def __repr__(self) -> str:
        partitions = ", ".join(map(str, self.partitions))
        keys = ", ".join(f"{key}{' DESC' if down else ''}" for key, down in self.keys)
        return f"window(partition_by=[{partitions}], order_by=[{keys}])"


def window(
    partition_by: Keys = None,
    order_by: Keys = None,
    desc: bool | Sequence[bool] = False,  # noqa: FBT001, FBT002
    *,
    rows_between: tuple[int | None, int | None] | None = None,
) -> Window:
    """The rows that a function sees from each row, for `.over()`.

    Args:
        partition_by: What these rows have in common with it: columns or expressions. None:
            all rows.
        order_by: Their order; missing values come last. None: the order of the rows.
        desc: Largest first, for all keys or for each of them. `.desc()` and `.asc()` of a
            key win.
        rows_between: The first and the last row, counted from the present row, as `(-1, 1)`
            for the row before up to the row after; None is the first or the last of all.
            Without it, sums and the like are of the rows up to the present one and those
            that are equal to it in order, or of all where there is no `order_by`.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3])
        >>> largest = dc.func.window(partition_by="kind", order_by="x", desc=True)
        >>> rows.mutate(n=dc.func.row_number().over(largest)).to_list()
        [('a', 1, 2), ('b', 2, 1), ('a', 3, 1)]
        >>> three = dc.func.window(order_by="x", rows_between=(-1, 1))
        >>> rows.mutate(mean=dc.func.avg("x").over(three)).to_values("mean")
        [1.5, 2.0, 2.5]
    """
    if rows_between is not None:
        _check_rows(rows_between)
    return Window(partition_by, order_by, rows_between, desc=desc)


def row_number() -> Aggregate:
    """The number of the row, from 1; rows alike are numbered in their order.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 1, 2])
        >>> rows.mutate(y=dc.func.row_number().over(dc.func.window(order_by="x"))).to_values("y")
        [1, 2, 3]
    """
    return Aggregate("row_number")


def rank() -> Aggregate:
    """The rank, from 1: rows alike share one, and the next ranks are left out.

    Examples:
        >>> import lakebed as dc
        >>> by_x = dc.func.window(order_by="x")
        >>> rows = dc.read_values(x=[7, 5, 5])
        >>> rows.mutate(rank=dc.func.rank().over(by_x)).to_values("rank")
        [3, 1, 1]
    """
    return Aggregate("rank")


def dense_rank() -> Aggregate:
    """The rank, from 1: rows alike share one, and no rank is left out.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 1, 2])
        >>> rows.mutate(y=dc.func.dense_rank().over(dc.func.window(order_by="x"))).to_values("y")
        [1, 1, 2]
    """
    return Aggregate("dense_rank")


def percent_rank() -> Aggregate:
    """The rank as a part of all rows, from 0 to 1.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 2, 3])
        >>> rows.mutate(y=dc.func.percent_rank().over(dc.func.window(order_by="x"))).to_values("y")
        [0.0, 0.5, 1.0]
    """
    return Aggregate("percent_rank")


def cume_dist() -> Aggregate:
    """The part of the rows that come before or are alike, up to 1.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 2])
        >>> rows.mutate(y=dc.func.cume_dist().over(dc.func.window(order_by="x"))).to_values("y")
        [0.5, 1.0]
    """
    return Aggregate("cume_dist")


def ntile(n: int) -> Aggregate:
    """Which of `n` parts of about the same size the row is in, from 1.

    Examples:
        >>> import lakebed as dc
        >>> halves = dc.func.ntile(2).over(dc.func.window(order_by="x"))
        >>> dc.read_values(x=[4, 3, 2, 1]).mutate(half=halves).to_values("half")
        [2, 2, 1, 1]
    """
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        msg = f"ntile takes a number of parts from 1, not `{n!r}`"
        raise DataChainParamsError(msg)
    return Aggregate("ntile", literal(n))


def lag(
    col: str | Expr, offset: int = 1, default: Any = None, *, ignore_nulls: bool = False
) -> Aggregate:
    """The value of a row before.

    Args:
        col: The values.
        offset: How many rows before.
        default: The value where there is no such row.
        ignore_nulls: Whether only rows with a value count.

    Examples:
        >>> import lakebed as dc
        >>> before = dc.func.lag("x", default=0).over(dc.func.window(order_by="x"))
        >>> dc.read_values(x=[3, 1, 2]).mutate(before=before).to_values("before")
        [2, 0, 1]
    """
    return _shifted("lag", col, offset, default, ignore_nulls=ignore_nulls)


def lead(
    col: str | Expr, offset: int = 1, default: Any = None, *, ignore_nulls: bool = False
) -> Aggregate:
    """The value of a row after; takes what `lag` takes.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 2, 3])
        >>> rows.mutate(y=dc.func.lead("x").over(dc.func.window(order_by="x"))).to_values("y")
        [2, 3, None]
    """
    return _shifted("lead", col, offset, default, ignore_nulls=ignore_nulls)


def _shifted(
    function: str, col: str | Expr, offset: int, default: Any, *, ignore_nulls: bool
) -> Aggregate:
    if not isinstance(offset, int) or isinstance(offset, bool):
        msg = f"{function} takes a number of rows, not `{offset!r}`"
        raise DataChainParamsError(msg)
    arguments = [to_column(col), literal(offset)]
    if default is not None:
        arguments.append(literal(default))
    return Aggregate(function, *arguments, skips_nulls=ignore_nulls)


def _check_rows(rows: Any) -> None:
    fits = isinstance(rows, (tuple, list)) and len(rows) == 2  # noqa: PLR2004
    for row in rows if fits else ():
        fits = fits and (row is None or (isinstance(row, int) and not isinstance(row, bool)))
    if not fits or (None not in rows and rows[0] > rows[1]):
        msg = (
            "rows_between takes the first and the last row as numbers counted from the present "
            f"row, or None, as (-1, 1), not `{rows!r}`"
        )
        raise DataChainParamsError(msg)
