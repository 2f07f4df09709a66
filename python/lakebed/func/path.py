"""Parts of paths such as `File.path`. A missing path gives a missing part."""

from __future__ import annotations

from lakebed.expr import Expr, call, to_column


def parent(path: str | Expr) -> Expr:
    """The folder: `a` of `a/b.txt`."""
    return call("path_parent", to_column(path))


def name(path: str | Expr) -> Expr:
    """The last part: `b.txt` of `a/b.txt`."""
    return call("path_name", to_column(path))


def file_stem(path: str | Expr) -> Expr:
    """The name without its extension: `c.tar` of `a/c.tar.gz`."""
    return call("path_file_stem", to_column(path))


def file_ext(path: str | Expr) -> Expr:
    """The extension without its dot: `gz` of `a/c.tar.gz`."""
    return call("path_file_ext", to_column(path))
