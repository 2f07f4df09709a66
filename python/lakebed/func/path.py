"""Parts of paths such as `File.path`. A missing path gives a missing part."""

from __future__ import annotations

from lakebed.expr import Expr, call, to_column

__all__ = ["file_ext", "file_stem", "name", "parent"]


def parent(path: str | Expr) -> Expr:
    """The folder: `a` of `a/b.txt`.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(p=["a/b.txt"]).mutate(y=dc.func.path.parent("p")).to_values("y")
        ['a']
    """
    return call("path_parent", to_column(path))


def name(path: str | Expr) -> Expr:
    """The last part: `b.txt` of `a/b.txt`.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(p=["a/b.txt"]).mutate(y=dc.func.path.name("p")).to_values("y")
        ['b.txt']
    """
    return call("path_name", to_column(path))


def file_stem(path: str | Expr) -> Expr:
    """The name without its extension: `c.tar` of `a/c.tar.gz`.

    Examples:
        >>> import lakebed as dc
        >>> rows = dc.read_values(p=["a/c.tar.gz"])
        >>> rows.mutate(y=dc.func.path.file_stem("p")).to_values("y")
        ['c.tar']
    """
    return call("path_file_stem", to_column(path))


def file_ext(path: str | Expr) -> Expr:
    """The extension without its dot: `gz` of `a/c.tar.gz`.

    Examples:
        >>> import lakebed as dc
        >>> dc.read_values(p=["a/c.tar.gz"]).mutate(y=dc.func.path.file_ext("p")).to_values("y")
        ['gz']
    """
    return call("path_file_ext", to_column(path))
