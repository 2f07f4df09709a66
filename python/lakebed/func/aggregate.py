"""Functions of many rows: of groups in `group_by`, or of windows with `.over()`.

Missing values are skipped, unless a function says otherwise. Where the order of rows matters,
it is the order in which the chain has them, or that of `order_by`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed._native import Expr as _Native
from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Expr, literal, sort_keys, to_column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Keys: TypeAlias = str | Expr | Sequence[str | Expr] | None

__all__ = [
    "Aggregate",
    "any_value",
    "avg",
    "bool_and",
    "bool_or",
    "collect",
    "concat",
    "count",
    "count_distinct",
    "first",
    "last",
    "max",
    "max_by",
    "median",
    "min",
    "min_by",
    "percentile",
    "quantile",
    "stddev",
    "sum",
    "variance",
    "xor_agg",
]


class Aggregate(Expr):
    """One value for a group of rows; with `.over()`, for each row one of its window.

    Aggregates can be calculated with, as in `func.sum("x") / func.count()`.

    Attributes:
        function: Which one, such as `sum`.
    """

    __slots__ = ("function",)

    def __init__(
        self,
        function: str,
        *arguments: Expr,
        distinct: bool = False,
        skips_nulls: bool = False,
        order_by: Keys = None,
    ) -> None:
        """Make a call of the function of this name."""
        given = [argument._native for argument in arguments]
        keys = sort_keys(order_by, f"order_by of {function}")
        super().__init__(_Native.of_rows(function, given, (distinct, skips_nulls), keys))
        self.function = function

    def over(self, window: object) -> Expr:
        """The value for each row, of the rows that the window has for it.

        Examples:
            >>> import lakebed as dc
            >>> rows = dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3])
            >>> each = dc.func.sum("x").over(dc.func.window(partition_by="kind"))
            >>> rows.mutate(total=each).to_values("total")
            [4, 2, 4]
        """
        from lakebed.func.windows import Window

        if not isinstance(window, Window):
            msg = f"over() takes a window, not `{window!r}`; hint: func.window(partition_by=...)"
            raise DataChainParamsError(msg)
        frame = window.rows_between
        return Expr(self._native.over(window.partitions, window.keys, frame), self._label)


def count(col: str | Expr | None = None, *, distinct: bool = False) -> Aggregate:
    """The number of rows, or of values of a column that are not missing.

    Args:
        col: The column; None counts rows.
        distinct: Whether equal values count once.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 1, None])
        >>> rows.group_by(
        ...     rows=dc.func.count(),
        ...     values=dc.func.count("x"),
        ...     different=dc.func.count("x", distinct=True),
        ... ).to_list()
        [(3, 2, 1)]
    """
    if col is None and distinct:
        msg = "count(distinct=True) takes a column"
        raise DataChainParamsError(msg)
    return Aggregate("count", *([] if col is None else [to_column(col)]), distinct=distinct)


def count_distinct(col: str | Expr) -> Aggregate:
    """The number of different values that are not missing.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 2, 2, None])
        >>> rows.group_by(y=dc.func.count_distinct("x")).to_values("y")
        [2]
    """
    return count(col, distinct=True)


def sum(col: str | Expr) -> Aggregate:
    """The sum; missing for a group without values.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2]).group_by(y=dc.func.sum("x")).to_values("y")
        [3]
    """
    return Aggregate("sum", to_column(col))


def avg(col: str | Expr) -> Aggregate:
    """The mean; missing for a group without values.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2]).group_by(y=dc.func.avg("x")).to_values("y")
        [1.5]
    """
    return Aggregate("avg", to_column(col))


def min(col: str | Expr) -> Aggregate:
    """The smallest value; missing for a group without values.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2]).group_by(y=dc.func.min("x")).to_values("y")
        [1]
    """
    return Aggregate("min", to_column(col))


def max(col: str | Expr) -> Aggregate:
    """The largest value; missing for a group without values.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2]).group_by(y=dc.func.max("x")).to_values("y")
        [2]
    """
    return Aggregate("max", to_column(col))


def any_value(col: str | Expr) -> Aggregate:
    """Any value that is not missing; missing for a group without values.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(kind=["a", "a"], x=[None, 3])
        >>> rows.group_by(x=dc.func.any_value("x"), partition_by="kind").to_list()
        [('a', 3)]
    """
    return Aggregate("any_value", to_column(col))


def first(col: str | Expr, *, order_by: Keys = None, ignore_nulls: bool = False) -> Aggregate:
    """The first value, missing or not.

    Args:
        col: The values.
        order_by: In which order, for `group_by`; a window has an order of its own.
        ignore_nulls: Whether the first value that is not missing is meant.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[3, 1, 2])
        >>> rows.group_by(a=dc.func.first("x"), b=dc.func.first("x", order_by="x")).to_list()
        [(3, 1)]
    """
    return Aggregate("first", to_column(col), skips_nulls=ignore_nulls, order_by=order_by)


def last(col: str | Expr, *, order_by: Keys = None, ignore_nulls: bool = False) -> Aggregate:
    """The last value, missing or not; takes what `first` takes.

    Over a window it is the last of the whole partition, unless `rows_between` says less.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2]).group_by(y=dc.func.last("x")).to_values("y")
        [2]
    """
    return Aggregate("last", to_column(col), skips_nulls=ignore_nulls, order_by=order_by)


def min_by(col: str | Expr, key: str | Expr) -> Aggregate:
    """The value where another is smallest; the first of several.

    Rows without a key do not count; a missing value does.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(name=["eel", "cat", "fox"], size=[5, 3, None])
        >>> rows.group_by(small=dc.func.min_by("name", "size")).to_list()
        [('cat',)]
    """
    return Aggregate("min_by", to_column(col), to_column(key))


def max_by(col: str | Expr, key: str | Expr) -> Aggregate:
    """The value where another is largest; takes what `min_by` takes.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=["a", "b"], k=[1, 2])
        >>> rows.group_by(y=dc.func.max_by("x", "k")).to_values("y")
        ['b']
    """
    return Aggregate("max_by", to_column(col), to_column(key))


def collect(
    col: str | Expr, *, distinct: bool = False, ignore_nulls: bool = False, order_by: Keys = None
) -> Aggregate:
    """All values as a list, missing ones too; missing for a group without rows.

    Args:
        col: The values.
        distinct: Whether equal values are collected once; they come in ascending order.
        ignore_nulls: Whether missing values are left out.
        order_by: In which order; None: that of the rows.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(kind=["a", "b", "a"], x=[3, 2, 1])
        >>> rows.group_by(xs=dc.func.collect("x"), partition_by="kind").order_by("kind").to_list()
        [('a', [3, 1]), ('b', [2])]
    """
    return Aggregate(
        "collect",
        to_column(col),
        distinct=distinct,
        skips_nulls=ignore_nulls,
        order_by=order_by,
    )


def concat(
    col: str | Expr, separator: str = "", *, distinct: bool = False, order_by: Keys = None
) -> Aggregate:
    """The texts of a group, one after the other; missing for a group without texts.

    Args:
        col: The texts.
        separator: What stands between them.
        distinct: Whether equal texts are taken once; they come in ascending order.
        order_by: In which order; None: that of the rows.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["b", None, "a"]).group_by(s=dc.func.concat("s", ", ")).to_list()
        [('b, a',)]
    """
    arguments = (to_column(col), literal(separator))
    return Aggregate("concat", *arguments, distinct=distinct, order_by=order_by)


def xor_agg(col: str | Expr) -> Aggregate:
    """The exclusive or of whole numbers, a fingerprint that does not depend on their order.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[5, 3, None]).group_by(x=dc.func.xor_agg("x")).to_list()
        [(6,)]
    """
    return Aggregate("xor_agg", to_column(col))


def bool_and(col: str | Expr) -> Aggregate:
    """Whether all values are true; missing for a group without values.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[True, False]).group_by(y=dc.func.bool_and("x")).to_values("y")
        [False]
    """
    return Aggregate("bool_and", to_column(col))


def bool_or(col: str | Expr) -> Aggregate:
    """Whether any value is true; missing for a group without values.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[True, False]).group_by(y=dc.func.bool_or("x")).to_values("y")
        [True]
    """
    return Aggregate("bool_or", to_column(col))


def quantile(col: str | Expr, q: float) -> Aggregate:
    """The value below which a part of the values lie, as a float.

    Args:
        col: Numbers.
        q: The part, from 0 to 1. Between two values it lies in proportion.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2, 3, 4]).group_by(q=dc.func.quantile("x", 0.25)).to_list()
        [(1.75,)]
    """
    if not isinstance(q, (int, float)) or isinstance(q, bool) or not 0 <= q <= 1:
        msg = f"quantile takes a part from 0 to 1, not `{q!r}`"
        raise DataChainParamsError(msg)
    return Aggregate("quantile", to_column(col), literal(float(q)))


def percentile(col: str | Expr, p: float) -> Aggregate:
    """As `quantile`, in percent: from 0 to 100.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2, 3]).group_by(y=dc.func.percentile("x", 50)).to_values("y")
        [2.0]
    """
    if not isinstance(p, (int, float)) or isinstance(p, bool) or not 0 <= p <= 100:  # noqa: PLR2004
        msg = f"percentile takes a number from 0 to 100, not `{p!r}`"
        raise DataChainParamsError(msg)
    return quantile(col, p / 100)


def median(col: str | Expr) -> Aggregate:
    """The value in the middle, or the mean of the two there, as a float.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[4, 1, None, 2, 1]).group_by(x=dc.func.median("x")).to_list()
        [(1.5,)]
    """
    return quantile(col, 0.5)


def stddev(col: str | Expr, *, population: bool = False) -> Aggregate:
    """The standard deviation.

    Args:
        col: Numbers.
        population: Whether they are all there are, and not a sample of more; a sample of one
            has no deviation.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(x=[1, 3])
        >>> rows.group_by(x=dc.func.stddev("x", population=True)).to_list()
        [(1.0,)]
    """
    return Aggregate("stddev_pop" if population else "stddev", to_column(col))


def variance(col: str | Expr, *, population: bool = False) -> Aggregate:
    """The variance; takes what `stddev` takes.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2, 3]).group_by(y=dc.func.variance("x")).to_values("y")
        [1.0]
    """
    return Aggregate("variance_pop" if population else "variance", to_column(col))
