"""Expressions over columns: `C("file.size") > 100`.

An expression is data; it is computed where the chain runs. Column names are checked
when a verb takes the expression, because only the chain knows its columns.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from lakebed._native import Expr as _Native
from lakebed.exceptions import (
    ArgumentTypeError,
    DataChainColumnError,
    DataChainParamsError,
    SignalResolvingError,
    SignalResolvingTypeError,
    SignalSchemaError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self

    from lakebed._schema import SignalSchema, Spec

__all__ = ["C", "Column", "ColumnExpr", "Expr"]


class Expr:
    """A value to compute for each row, made from columns, literals and functions.

    Operators work as on numbers and text; use `&`, `|` and `~` for and, or, not; between
    whole numbers, `&` and `|` are of their bits, as in Python. A comparison with a missing
    value is missing, and `filter` drops such rows; `== None` and `!= None` ask for them.

    Whole numbers that do not fit their type are an error. Not-a-number is a value: it
    equals itself and is larger than every other number, whether rows are compared,
    sorted or aggregated, and wherever they come from. (With a minus sign, as divisions
    of arrays may make it, it is smaller than every number.)

    Examples:
        >>> (C("width") * C("height")).label("area")
        (width * height) AS area
    """

    __slots__ = ("_descending", "_label", "_native", "_nulls_first")

    def __init__(
        self, native: _Native, label: str | None = None, *, descending: bool | None = None
    ) -> None:
        self._native = native
        self._label = label
        self._descending = descending
        self._nulls_first = False

    # Comparing

    # Whoever compares with None asks for missing values, as everywhere in Python.

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        return self.is_(None) if other is None else self._binary("==", other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return self.is_not(None) if other is None else self._binary("!=", other)

    def __lt__(self, other: object) -> Expr:
        return self._binary("<", other)

    def __le__(self, other: object) -> Expr:
        return self._binary("<=", other)

    def __gt__(self, other: object) -> Expr:
        return self._binary(">", other)

    def __ge__(self, other: object) -> Expr:
        return self._binary(">=", other)

    __hash__ = None  # type: ignore[assignment]

    # Logic

    def __and__(self, other: object) -> Expr:
        return all_of(self, other)

    def __rand__(self, other: object) -> Expr:
        return all_of(other, self)

    def __or__(self, other: object) -> Expr:
        return any_of(self, other)

    def __ror__(self, other: object) -> Expr:
        return any_of(other, self)

    def __invert__(self) -> Expr:
        return Expr(self._native.invert())

    def __bool__(self) -> bool:
        msg = (
            f"an expression has no truth value: `{self}`; hint: combine conditions with "
            "& | ~ and put each into parentheses"
        )
        raise TypeError(msg)

    # Arithmetic

    def __add__(self, other: object) -> Expr:
        return self._binary("+", other)

    def __radd__(self, other: object) -> Expr:
        return to_expr(other)._binary("+", self)

    def __sub__(self, other: object) -> Expr:
        return self._binary("-", other)

    def __rsub__(self, other: object) -> Expr:
        return to_expr(other)._binary("-", self)

    def __mul__(self, other: object) -> Expr:
        return self._binary("*", other)

    def __rmul__(self, other: object) -> Expr:
        return to_expr(other)._binary("*", self)

    def __truediv__(self, other: object) -> Expr:
        return self._binary("/", other)

    def __rtruediv__(self, other: object) -> Expr:
        return to_expr(other)._binary("/", self)

    def __floordiv__(self, other: object) -> Expr:
        return self._binary("//", other)

    def __rfloordiv__(self, other: object) -> Expr:
        return to_expr(other)._binary("//", self)

    def __mod__(self, other: object) -> Expr:
        return self._binary("%", other)

    def __rmod__(self, other: object) -> Expr:
        return to_expr(other)._binary("%", self)

    def __pow__(self, other: object) -> Expr:
        return call("power", self.cast(float), to_expr(other).cast(float))

    def __rpow__(self, other: object) -> Expr:
        return to_expr(other) ** self

    def __neg__(self) -> Expr:
        return Expr(self._native.negate())

    def __abs__(self) -> Expr:
        return call("abs", self)

    # Bits of whole numbers, as are `&` and `|` between them

    def __xor__(self, other: object) -> Expr:
        return call("bitwise_xor", self, other)

    def __rxor__(self, other: object) -> Expr:
        return call("bitwise_xor", other, self)

    def __lshift__(self, other: object) -> Expr:
        return call("shift_left", self, other)

    def __rlshift__(self, other: object) -> Expr:
        return call("shift_left", other, self)

    def __rshift__(self, other: object) -> Expr:
        return call("shift_right", self, other)

    def __rrshift__(self, other: object) -> Expr:
        return call("shift_right", other, self)

    # Inside of values

    def __getitem__(self, key: object) -> Expr:
        """An item, a part or a field; missing where there is none.

        A number is the place of an item of a list, or of a character, from the end where it
        is negative. A slice is a part of these. Text is a field of a model, of each model of
        a list, or a key of a dict.

        Examples:
            >>> import lakebed as dc
            >>> rows = dc.read_values(tags=[["a", "b"], []], meta=[{"k": 1}, {}])
            >>> tags = dc.C("tags")
            >>> rows.mutate(last=tags[-1], rest=tags[1:], k=dc.C("meta")["k"]).to_list(
            ...     "last", "rest", "k"
            ... )
            [('b', ['b'], 1), (None, [], None)]
        """
        key = _plain(key)
        if isinstance(key, str):
            return Expr(self._native.inside(key))
        if isinstance(key, slice) and key.step in (None, 1):
            return call("slice_of", self, key.start, key.stop)
        if isinstance(key, (int, Expr)) and not isinstance(key, bool):
            return call("get_item", self, key)
        msg = f"`{self}[...]` takes a whole number, a slice without a step or text, not `{key!r}`"
        raise DataChainColumnError(msg)

    __iter__ = None  # what has items by number is no sequence yet

    # Missing values, ranges and sets

    def is_(self, other: bool | None) -> Expr:  # noqa: FBT001
        """Whether it is None, true or false; never missing itself."""
        if other is None:
            return Expr(self._native.is_null())
        return call("coalesce", self == other, False)  # noqa: FBT003

    def is_not(self, other: bool | None) -> Expr:  # noqa: FBT001
        """The opposite of `is_`."""
        return ~self.is_(other)

    isnot = is_not

    def in_(self, values: Iterable[Any]) -> Expr:
        """Whether it equals one of the values."""
        if isinstance(values, (str, bytes, Expr)):
            msg = f"in_ takes a list of values, not `{values!r}`"
            raise DataChainColumnError(msg)
        return Expr(self._native.is_in([to_expr(v)._native for v in values]))

    def not_in(self, values: Iterable[Any]) -> Expr:
        """The opposite of `in_`."""
        return ~self.in_(values)

    def between(self, low: object, high: object) -> Expr:
        """Whether `low <= it <= high`."""
        return (self >= low) & (self <= high)

    def is_distinct_from(self, other: object) -> Expr:
        """Whether the values differ, where a missing one equals another; never missing itself."""
        return ~self.is_not_distinct_from(other)

    def is_not_distinct_from(self, other: object) -> Expr:
        """The opposite of `is_distinct_from`."""
        both = self.is_(None) & to_expr(other).is_(None)
        return call("coalesce", self == other, both)

    # Text

    def like(self, pattern: str) -> Expr:
        """Whether text fits a SQL pattern: `%` any text, `_` any character."""
        return self._binary("like", pattern)

    def ilike(self, pattern: str) -> Expr:
        """As `like`, upper and lower case being the same."""
        return self._binary("ilike", pattern)

    def not_like(self, pattern: str) -> Expr:
        """The opposite of `like`."""
        return ~self.like(pattern)

    def not_ilike(self, pattern: str) -> Expr:
        """The opposite of `ilike`."""
        return ~self.ilike(pattern)

    def glob(self, pattern: str) -> Expr:
        """Whether text fits a shell pattern; `*` also stands for text with `/`."""
        from lakebed._shell_pattern import like_of, regexp_of

        like = like_of(pattern)
        return self.regexp(regexp_of(pattern)) if like is None else self.like(like)

    def regexp(self, pattern: str) -> Expr:
        """Whether a regular expression is found anywhere in the text."""
        return call("regexp_like", self, pattern)

    def startswith(self, prefix: object) -> Expr:
        """Whether text starts with another."""
        return call("starts_with", self, prefix)

    def endswith(self, suffix: object) -> Expr:
        """Whether text ends with another."""
        return call("ends_with", self, suffix)

    def contains(self, part: object) -> Expr:
        """Whether text contains another."""
        return call("contains", self, part)

    def icontains(self, part: object) -> Expr:
        """As `contains`, upper and lower case being the same."""
        return call("contains", call("lower", self), call("lower", part))

    def concat(self, other: object) -> Expr:
        """The text followed by another, as `+`."""
        return self + other

    # Many rows, and other languages

    def over(self, window: object) -> Expr:
        """Only functions of many rows, as `func.sum("x")`, are computed over a window."""
        msg = (
            f"`{self}` is no function of many rows and has no window; "
            f'hint: func.sum("x").over({window!r})'
        )
        raise DataChainParamsError(msg)

    def op(self, operator: str, *_: object, **__: object) -> Expr:
        """There are no operators of a database below; those of Python, `func` and `sql` do it."""
        msg = f"op(`{operator}`) is not supported; hint: Python's operators, `func`, or `dc.sql`"
        raise DataChainParamsError(msg)

    # Names, types and order

    def cast(self, type: Any) -> Expr:
        """The value as another type: `int`, `str`, `datetime`, …, or a list or vector of these.

        A fraction that becomes an `int` is cut off, as Python's `int()` does; `CAST` in SQL rounds.

        Raises:
            ArgumentTypeError: Not all that is stored as this type is of it: of models, enums,
                dicts and unions.
        """
        from lakebed._schema import spec_of, type_text

        try:
            spec = spec_of(type, "the type of cast()")
        except SignalSchemaError as error:
            msg = f"cast() supports target types that can be stored: {error}"
            raise ArgumentTypeError(msg) from error
        item = spec
        while item["kind"] in ("list", "set"):
            item = item["item"]
        if item["kind"] in ("json", "enum", "model") or "choices" in item:
            msg = "cast() supports target types such as int, str and list[float], not"
            raise ArgumentTypeError(f"{msg} `{type_text(type)}`; hint: map() makes such values")
        return Expr(self._native.cast(spec))

    def get_result_type(self, schema: SignalSchema | Mapping[str, Any] | None = None) -> Any:
        """The type that its values have, but for missing ones.

        Args:
            schema: The columns, as `chain.schema`, or names and types; none by default.

        Raises:
            SignalResolvingError: There is no such column.
            DataChainColumnError: The types do not fit, or there are columns but no schema.

        Examples:
            >>> (C("width") / C("height")).get_result_type({"width": int, "height": int})
            <class 'float'>
        """
        from lakebed._schema import result_type

        try:
            return result_type(self._native, schema)
        except SignalResolvingError as error:
            if schema is not None:
                raise
            what = re.sub(r"^(\w+)\(.*\)$", r"\1()", repr(self))
            msg = f"Error for column {what}: A dataset context is required to infer result type"
            raise DataChainColumnError(f"{msg}; hint: get_result_type(chain.schema)") from error

    def label(self, name: str) -> Self:
        """The same under a name, for `select` and `group_by`."""
        return self._copy(label=name)

    def asc(self) -> Self:
        """As a key of `order_by`: smallest first."""
        return self._copy(descending=False)

    def desc(self) -> Self:
        """As a key of `order_by`: largest first."""
        return self._copy(descending=True)

    def nulls_first(self) -> Self:
        """As a key of `order_by`: missing values come first."""
        return self._copy(nulls_first=True)

    def nulls_last(self) -> Self:
        """As a key of `order_by`: missing values come last, as they do without it."""
        return self._copy(nulls_first=False)

    # How it is made

    def __repr__(self) -> str:
        order = {None: "", True: " DESC", False: " ASC"}[self._descending]
        order += " NULLS FIRST" if self._nulls_first else ""
        return f"{self._native}{f' AS {self._label}' if self._label else ''}{order}"

    def _binary(self, operator: str, other: object) -> Expr:
        return Expr(self._native.binary(operator, to_expr(other)._native))

    def _copy(
        self,
        *,
        label: str | None = None,
        descending: bool | None = None,
        nulls_first: bool | None = None,
    ) -> Self:
        made = object.__new__(type(self))
        for cls in type(self).__mro__:
            for slot in cls.__dict__.get("__slots__", ()):
                setattr(made, slot, getattr(self, slot))
        made._label = self._label if label is None else label
        made._descending = self._descending if descending is None else descending
        made._nulls_first = self._nulls_first if nulls_first is None else nulls_first
        return made


ColumnExpr = Expr
"""The name in annotations of scripts of the peer."""


class _ColumnMeta(type):
    """Makes `C.file.path` mean `C("file.path")`."""

    def __getattr__(cls, name: str) -> Column:
        if name.startswith("_"):
            raise AttributeError(name)
        return cls(name)  # type: ignore[no-any-return]


class Column(Expr, metaclass=_ColumnMeta):
    """A column, or a field below one: `C("file.path")`, `C("file__path")`, `C.file.path`.

    Where a field has the name of a method, as `label`, only the text form means it.

    Examples:
        >>> C.file.size > 100
        (file.size > 100)
    """

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        if not isinstance(path, str) or not path:
            msg = f"a column is named by text, not `{path!r}`"
            raise SignalResolvingError(msg)
        super().__init__(_Native.column(path))
        self._path = path

    def __getattr__(self, name: str) -> Column:
        if name.startswith("_"):
            raise AttributeError(name)
        return Column(f"{self._path}.{name}")


C = Column


# What else can be part of an expression


def to_expr(value: object) -> Expr:
    """An expression as it is, any other value as a literal."""
    return value if isinstance(value, Expr) else literal(value)


def to_column(value: object) -> Expr:
    """As `to_expr`, but text names a column: how functions take their arguments."""
    return Column(value) if isinstance(value, str) else to_expr(value)


def literal(value: object) -> Expr:
    """A constant: a number, text, date, list, vector or None.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(x=[1, 2]).mutate(kind=dc.func.literal("a")).to_list()
        [(1, 'a'), (2, 'a')]
    """
    from lakebed._schema import infer_spec
    from lakebed.exceptions import ValuesToTupleError

    value = _plain(value)
    try:
        spec: Spec = infer_spec([value], "the literal")
    except ValuesToTupleError as error:
        raise DataChainColumnError(str(error)) from error
    if isinstance(value, list) and not value:
        # none of its items is missing, so that `coalesce("tags", [])` is of the tags' type
        spec |= {"item": spec["item"] | {"nullable": False}}
    return Expr(_Native.literal(value, spec))


def call(function: str, *arguments: object) -> Expr:
    """A scalar function of the engine, by its name."""
    return Expr(_Native.call(function, [to_expr(a)._native for a in arguments]))


def all_of(*conditions: object) -> Expr:
    """Whether every condition is true."""
    return Expr(_Native.all([to_expr(c)._native for c in conditions]))


def any_of(*conditions: object) -> Expr:
    """Whether at least one condition is true."""
    return Expr(_Native.any([to_expr(c)._native for c in conditions]))


def sort_keys(
    given: str | Expr | Sequence[str | Expr] | None,
    what: str,
    *,
    descending: bool | Sequence[bool] = False,
) -> list[tuple[_Native, bool]]:
    """Keys of an order, and for each whether the largest come first."""
    one = isinstance(given, (str, Expr))
    keys: list[Any] = [given] if one else [] if given is None else list(given)  # type: ignore[arg-type]
    down = [descending] * len(keys) if isinstance(descending, bool) else list(descending)
    if len(down) != len(keys):
        msg = f"{what}: {len(keys)} keys, but {len(down)} times whether the largest come first"
        raise DataChainParamsError(msg)
    pairs = []
    for key, largest_first in zip(keys, down, strict=True):
        if not isinstance(key, (str, Expr)):
            msg = f"{what} takes names and expressions, not `{key!r}`"
            raise SignalResolvingTypeError(msg)
        expr = to_column(key)
        if expr._nulls_first:
            pairs.append((expr.is_(None)._native, True))
        chosen = largest_first if expr._descending is None else expr._descending
        pairs.append((expr._native, chosen))
    return pairs


def cases(branches: Sequence[tuple[object, object]], otherwise: object) -> Expr:
    """The value beside the first condition that is true; without `otherwise`, null."""
    pairs = [(to_expr(c)._native, to_expr(v)._native) for c, v in branches]
    last = None if otherwise is None else to_expr(otherwise)._native
    return Expr(_Native.case(pairs, last))


def _plain(value: object) -> object:
    """A numpy scalar as the Python value that it stands for."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return value.item()
    return value
