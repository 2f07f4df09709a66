"""Functions of text. Missing text gives a missing result.

Places are counted from 0, or from the end where they are negative; what is counted are
characters. A text as the first argument names a column, `func.literal("text")` is one.
"""

from __future__ import annotations

import re
from typing import Any

from lakebed.exceptions import DataChainParamsError
from lakebed.expr import Expr, call, to_column
from lakebed.func.array import part_of

__all__ = [
    "byte_hamming_distance",
    "concat",
    "contains",
    "ends_with",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "position",
    "regexp_extract",
    "regexp_match",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "rpad",
    "rtrim",
    "split",
    "starts_with",
    "string_hash",
    "substr",
    "trim",
    "upper",
]

_SPACE = " \t\n\r\x0b\x0c"


def length(col: str | Expr) -> Expr:
    """The number of characters.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["abc", "é"]).mutate(y=dc.func.string.length("s")).to_values("y")
        [3, 1]
    """
    return call("character_length", to_column(col)).cast(int)


def lower(col: str | Expr) -> Expr:
    """The text in lower case.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["ABC"]).mutate(y=dc.func.string.lower("s")).to_values("y")
        ['abc']
    """
    return call("lower", to_column(col))


def upper(col: str | Expr) -> Expr:
    """The text in upper case.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["abc"]).mutate(y=dc.func.string.upper("s")).to_values("y")
        ['ABC']
    """
    return call("upper", to_column(col))


def trim(col: str | Expr, chars: str = _SPACE) -> Expr:
    """The text without spaces, tabs and the like at its ends, or without other characters.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=[" a b ", "--x"])
        >>> rows.mutate(s=dc.func.string.trim("s"), t=dc.func.string.trim("s", "-")).to_list()
        [('a b', ' a b '), ('--x', 'x')]
    """
    return call("btrim", to_column(col), chars)


def ltrim(col: str | Expr, chars: str = _SPACE) -> Expr:
    """As `trim`, at the beginning only.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["  a "]).mutate(y=dc.func.string.ltrim("s")).to_values("y")
        ['a ']
    """
    return call("ltrim", to_column(col), chars)


def rtrim(col: str | Expr, chars: str = _SPACE) -> Expr:
    """As `trim`, at the end only.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["  a "]).mutate(y=dc.func.string.rtrim("s")).to_values("y")
        ['  a']
    """
    return call("rtrim", to_column(col), chars)


def lpad(col: str | Expr, width: int | Expr, fill: str = " ") -> Expr:
    """The text with as much before it that it is as long as `width`; longer text is cut.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["7", "1234"])
        >>> rows.mutate(s=dc.func.string.lpad("s", 3, "0")).to_values("s")
        ['007', '123']
    """
    return call("lpad", to_column(col), width, fill)


def rpad(col: str | Expr, width: int | Expr, fill: str = " ") -> Expr:
    """As `lpad`, but behind the text.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["ab"]).mutate(y=dc.func.string.rpad("s", 4, "-")).to_values("y")
        ['ab--']
    """
    return call("rpad", to_column(col), width, fill)


def substr(col: str | Expr, offset: int | Expr, length: int | Expr | None = None) -> Expr:
    """A part of the text. `C("s")[1:3]` is one too.

    Args:
        col: The text.
        offset: The place of the first character.
        length: How many characters at most; None: all there are.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["hello"])
        >>> rows.mutate(a=dc.func.string.substr("s", 1, 3)).to_values("a")
        ['ell']
        >>> rows.mutate(b=dc.func.string.substr("s", -2)).to_values("b")
        ['lo']
    """
    return part_of(to_column(col), offset, length)


def reverse(col: str | Expr) -> Expr:
    """The characters from the last to the first.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["abc"]).mutate(y=dc.func.string.reverse("s")).to_values("y")
        ['cba']
    """
    return call("reverse", to_column(col))


def repeat(col: str | Expr, n: int | Expr) -> Expr:
    """The text `n` times.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["ab"]).mutate(y=dc.func.string.repeat("s", 2)).to_values("y")
        ['abab']
    """
    return call("repeat", to_column(col), n)


def concat(*values: Any, sep: str = "") -> Expr:
    """Several texts as one; missing if one of them is. Text names columns.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(a=["x"], b=["y"])
        >>> rows.mutate(c=dc.func.string.concat("a", "b", sep="-")).to_values("c")
        ['x-y']
    """
    if not values:
        msg = "concat takes at least one text"
        raise DataChainParamsError(msg)
    first, *rest = [to_column(value) for value in values]
    for value in rest:
        first = first + sep + value if sep else first + value
    return first


def starts_with(col: str | Expr, prefix: Any) -> Expr:
    """Whether the text starts with another, which is a value here and not a column.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["cat.1", "dog.1"])
        >>> rows.mutate(y=dc.func.string.starts_with("s", "cat")).to_values("y")
        [True, False]
    """
    return to_column(col).startswith(prefix)


def ends_with(col: str | Expr, suffix: Any) -> Expr:
    """Whether the text ends with another, which is a value here and not a column.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["a.jpg", "a.txt"])
        >>> rows.mutate(y=dc.func.string.ends_with("s", ".jpg")).to_values("y")
        [True, False]
    """
    return to_column(col).endswith(suffix)


def contains(col: str | Expr, part: Any) -> Expr:
    """Whether the text contains another, which is a value here and not a column.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["abc", "xyz"])
        >>> rows.mutate(y=dc.func.string.contains("s", "b")).to_values("y")
        [True, False]
    """
    return to_column(col).contains(part)


def position(col: str | Expr, part: Any) -> Expr:
    """The place of another text in it; missing where it is not there.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["hello", "abc"])
        >>> rows.mutate(at=dc.func.string.position("s", "l")).to_values("at")
        [2, None]
    """
    return call("nullif", call("strpos", to_column(col), part).cast(int), 0) - 1


def replace(col: str | Expr, pattern: str, replacement: str) -> Expr:
    """The text with every `pattern`, taken literally, replaced.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["a-b-c"])
        >>> rows.mutate(y=dc.func.string.replace("s", "-", " ")).to_values("y")
        ['a b c']
    """
    return call("replace", to_column(col), pattern, replacement)


def split(col: str | Expr, sep: str | Expr, limit: int | None = None) -> Expr:
    """The parts between separators, as a list; empty text has one part.

    Args:
        col: The text.
        sep: The separator.
        limit: At how many separators at most; the rest is the last part.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["a/b/c"])
        >>> rows.mutate(p=dc.func.string.split("s", "/", 1)).to_values("p")
        [['a', 'b/c']]
    """
    if isinstance(sep, str) and not sep:
        msg = "split takes a separator, not the empty text"
        raise DataChainParamsError(msg)
    return call("text_split", to_column(col), sep, limit)


def regexp_match(col: str | Expr, regex: str) -> Expr:
    """Whether a regular expression is found anywhere in the text, as `C("s").regexp(regex)`.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["a1", "b"])
        >>> rows.mutate(y=dc.func.string.regexp_match("s", "[0-9]")).to_values("y")
        [True, False]
    """
    return to_column(col).regexp(regex)


def regexp_extract(col: str | Expr, regex: str, group: int = 0) -> Expr:
    r"""The first part of the text that fits a regular expression; missing without one.

    Args:
        col: The text.
        regex: The expression, in the syntax of Rust's `regex`: no look-around.
        group: Which group of it is wanted; 0 is all of it.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["a-12", "b"])
        >>> rows.mutate(n=dc.func.string.regexp_extract("s", r"-(\d+)", 1)).to_values("n")
        ['12', None]
    """
    if not isinstance(group, int) or isinstance(group, bool) or group < 0:
        msg = f"regexp_extract takes the number of a group, not `{group!r}`"
        raise DataChainParamsError(msg)
    return call("regexp_match", to_column(col), f"({regex})")[group]


def regexp_replace(col: str | Expr, regex: str, replacement: str) -> Expr:
    r"""The text with every part that fits a regular expression replaced.

    Args:
        col: The text.
        regex: The expression, in the syntax of Rust's `regex`: no look-around.
        replacement: What stands in its place; `\1` and `\g<name>` are its groups.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["a1b22"])
        >>> rows.mutate(s=dc.func.string.regexp_replace("s", r"(\d+)", r"<\1>")).to_values("s")
        ['a<1>b<22>']
    """
    return call("regexp_replace", to_column(col), regex, _replacement(replacement), "g")


def byte_hamming_distance(*args: Any) -> Expr:
    """In how many characters two texts differ; those that only one of them has do.

    Text names columns; `func.literal("text")` is a text.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(s=["cat"])
        >>> rows.mutate(
        ...     d=dc.func.byte_hamming_distance("s", dc.func.literal("cuts"))
        ... ).to_values("d")
        [2]
    """
    if len(args) != 2:  # noqa: PLR2004
        msg = f"byte_hamming_distance takes two texts, not {len(args)}"
        raise DataChainParamsError(msg)
    return call("byte_hamming_distance", *map(to_column, args))


def string_hash(*cols: Any) -> Expr:
    """A hash of one or several values as text, as an int of 64 bits; missing if one is.

    It is the first 8 bytes of the SHA-256 of the texts with `|` between them, the first byte
    being the most significant.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(s=["a"]).mutate(h=dc.func.string_hash("s")).to_values("h")
        [-3848465438864589366]
    """
    if not cols:
        msg = "string_hash takes at least one column"
        raise DataChainParamsError(msg)
    texts = [to_column(col).cast(str) for col in cols]
    return call("leading_int64", call("sha256", concat(*texts, sep="|")))


_GROUP = re.compile(r"\\(?:(\d{1,2})|g<(\w+)>|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def _replacement(text: str) -> str:
    """A replacement as Python writes it in the engine's syntax, where `$` marks groups."""

    def converted(found: re.Match[str]) -> str:
        number, name, other = found.groups()
        if other is None:
            return f"${{{name if number is None else number}}}"
        if other not in _ESCAPES:
            msg = f"regexp_replace: `\\{other}` in the replacement means nothing"
            raise DataChainParamsError(msg)
        return _ESCAPES[other]

    return _GROUP.sub(converted, text.replace("$", "$$"))
