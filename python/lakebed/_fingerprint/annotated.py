"""Annotations of functions and classes, also where they are made only when asked for.

Since Python 3.14 a function `__annotate__` makes them. It holds all names of its class, so
it is never looked at itself: what it makes counts, which older Pythons keep in its place.
"""

from __future__ import annotations

import contextlib
import sys
from types import FunctionType
from typing import Any, TypeGuard

_IS_LAZY = sys.version_info >= (3, 14)

MAKERS = frozenset({"__annotate__", "__annotate_func__"} if _IS_LAZY else ())
"""Under what classes hold the function that makes their annotations."""

CACHE = "__annotations_cache__"
"""Under what they hold annotations that were asked for before."""


def annotations_of(value: type | FunctionType) -> dict[str, Any]:
    """What a function annotates, or the body of a class, by name.

    What names something that is not there, as an import for type checkers, is a `ForwardRef`.
    """
    if isinstance(value, type):
        own = vars(value)
        kept = own.get("__annotations__")
        # WHY: a class without annotations keeps an empty dict once it was asked for them
        if kept is None and not own.keys().isdisjoint((*MAKERS, CACHE)):
            kept = _asked("get_annotations", value, "FORWARDREF", "STRING")
    elif _IS_LAZY:
        kept = _asked("get_annotations", value, "FORWARDREF", "STRING")
    else:
        kept = value.__annotations__
    return kept if isinstance(kept, dict) else {}


def texts_of(value: type | FunctionType) -> dict[str, str]:
    """The same as they are written, if one of them names what is not there; else nothing."""
    if not _IS_LAZY or (isinstance(value, type) and vars(value).keys().isdisjoint(MAKERS)):
        return {}
    if _asked("get_annotations", value, "VALUE") is not None:
        return {}
    return _asked("get_annotations", value, "STRING") or {}


def is_maker(value: Any) -> TypeGuard[FunctionType]:
    """Whether it makes annotations: `functools.update_wrapper` puts such a function anywhere."""
    if not _IS_LAZY or type(value) is not FunctionType:
        return False
    code = value.__code__
    return code.co_name == "__annotate__" and code.co_argcount == code.co_posonlyargcount == 1


def made_by(maker: FunctionType) -> dict[str, Any]:
    """The annotations that such a function makes."""
    return _asked("call_annotate_function", maker, "VALUE", "FORWARDREF", "STRING") or {}


def _asked(how: str, value: Any, *forms: str) -> dict[str, Any] | None:
    """Annotations in the first of some forms in which they can be had.

    What cannot be had in any decides no result.
    """
    import annotationlib  # type: ignore[import-not-found, unused-ignore]

    for form in forms:
        # it runs the user's code, which may raise anything
        with contextlib.suppress(Exception):
            return dict(getattr(annotationlib, how)(value, format=annotationlib.Format[form]))
    return None
