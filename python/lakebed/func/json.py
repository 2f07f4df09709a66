"""Functions of text that is JSON. Missing text gives a missing result, as does what is not in it.

A path is `$.key`, `$."a key"` or `$[0]`, with more of these behind; any other text is a key, and
a number the place of an item, from the end where it is negative. Text that is no JSON is an error,
but for `valid`. Of a column of `dict`, `C("meta")["key"]` is a value without these.
"""

from __future__ import annotations

from lakebed.expr import Expr, call, literal, to_column

__all__ = ["extract", "keys", "length", "text", "valid"]


def extract(col: str | Expr, path: str | int = "$") -> Expr:
    """What is there, as JSON.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_values(j=['{"a": [1, {"b": "x"}]}'])
        >>> chain.mutate(y=dc.func.json.extract("j", "$.a[1]")).to_values("y")
        ['{"b":"x"}']
    """
    return call("json_extract", to_column(col), literal(path))


def text(col: str | Expr, path: str | int = "$") -> Expr:
    """What is there, as text: without quotes, and missing where JSON has null.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_values(j=['{"a": "x"}', '{"a": null}'])
        >>> chain.mutate(y=dc.func.json.text("j", "$.a")).to_values("y")
        ['x', None]
    """
    return call("json_extract_string", to_column(col), literal(path))


def length(col: str | Expr, path: str | int = "$") -> Expr:
    """How many items the list has that is there; what is no list has none.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_values(j=['{"a": [1, 2]}'])
        >>> chain.mutate(y=dc.func.json.length("j", "$.a")).to_values("y")
        [2]
    """
    return call("json_array_length", to_column(col), literal(path))


def keys(col: str | Expr, path: str | int = "$") -> Expr:
    """The keys of the object that is there.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_values(j=['{"a": 1, "b": 2}'])
        >>> chain.mutate(y=dc.func.json.keys("j")).to_values("y")
        [['a', 'b']]
    """
    return call("json_keys", to_column(col), literal(path))


def valid(col: str | Expr) -> Expr:
    """Whether the text is JSON.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_values(j=["[1, 2]", "[1, 2"])
        >>> chain.mutate(y=dc.func.json.valid("j")).to_values("y")
        [True, False]
    """
    return call("json_valid", to_column(col))
