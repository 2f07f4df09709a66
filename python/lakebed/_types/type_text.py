"""Type annotations as text, and back: `Optional[dict[str, int]]`.

The text is what schemas print and what is stored beside a column whose Python type
says more than its storage (`dict[int, str]` is JSON text). Reading it back looks up
names, of the built-in types and of those that the caller knows, and runs nothing.
"""

from __future__ import annotations

import ast
import datetime as dt
import types
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES: dict[str, Any] = {
    t.__name__: t
    for t in (int, float, str, bool, bytes, list, dict, tuple, set, frozenset, Decimal, UUID)
} | {
    "datetime": dt.datetime,
    "date": dt.date,
    "time": dt.time,
    "timedelta": dt.timedelta,
    "NoneType": type(None),
    "Any": Any,
}


def type_text(annotation: Any) -> str:
    """Write an annotation as schemas show it; a model by its stored name.

    Examples:
        >>> type_text(dict[str, int] | None)
        'Optional[dict[str, int]]'
    """
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, str):
        return annotation
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(args[0])
    if origin in (Union, types.UnionType):
        return _union_text(args)
    if origin is Literal:
        return f"Literal[{', '.join(_literal_text(a) for a in args)}]"
    if origin is not None:
        name = getattr(origin, "__name__", str(origin))
        return f"{name}[{', '.join(type_text(a) for a in args)}]" if args else name
    if hasattr(annotation, "__pydantic_root_model__"):
        from lakebed.models import ModelStore

        return ModelStore.get_name(annotation)
    return getattr(annotation, "__name__", str(annotation))


def full_name(annotation: Any) -> str:
    """Write an annotation for messages: `socket.socket` rather than `socket`."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        module = annotation.__module__
        if module not in ("builtins", "__main__"):
            return f"{module}.{annotation.__qualname__}"
    return type_text(annotation)


def parse_type(text: str, find: Callable[[str], Any] | None = None) -> Any | None:
    """Read `type_text`'s output back.

    Args:
        text: The annotation.
        find: The class of a name that is not built in, as `Color` or `Info@v1`; None
            where there is none.

    Returns:
        The annotation; None when it names something unknown, or is none.
    """
    try:
        return _Reader(find).read(ast.parse(text, mode="eval").body)
    except (SyntaxError, LookupError, TypeError, ValueError):
        return None


def _union_text(args: tuple[Any, ...]) -> str:
    present = [a for a in args if a is not type(None)]
    if len(present) == 1 and len(args) == 2:  # noqa: PLR2004
        return f"Optional[{type_text(present[0])}]"
    return f"Union[{', '.join(type_text(a) for a in args)}]"


def _literal_text(value: Any) -> str:
    return repr(value.value) if isinstance(value, Enum) else repr(value)


class _Reader:
    """Expressions of names and subscripts as the types that they stand for."""

    def __init__(self, find: Callable[[str], Any] | None) -> None:
        self.find = find

    def read(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self.named(name)
            case ast.BinOp(ast.Name(id=name), ast.MatMult(), ast.Name(id=version)):
                return self.named(f"{name}@{version}")
            case ast.Constant(value=None):
                return None
            case ast.Constant(value=value) if value is Ellipsis:
                return Ellipsis
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inside):
                return Literal[tuple(ast.literal_eval(e) for e in _elements(inside))]
            case ast.Subscript(value=ast.Name(id="Optional"), slice=inside):
                return Union[self.read(inside), None]  # noqa: UP007
            case ast.Subscript(value=ast.Name(id="Union"), slice=inside):
                return Union[tuple(self.read(e) for e in _elements(inside))]  # noqa: UP007
            case ast.Subscript(value=ast.Name(id=name), slice=inside):
                return _NAMES[name][tuple(self.read(e) for e in _elements(inside))]
        msg = "no type expression"
        raise ValueError(msg)

    def named(self, name: str) -> Any:
        found = _NAMES.get(name) or (self.find and self.find(name))
        if found is None:
            raise LookupError(name)
        return found


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]
