"""The annotations of a callable, resolved: also text, callable objects and partials.

`from __future__ import annotations` turns annotations into text, and a model defined
inside of a function is in no module. So names are also looked up in the frames that
lead to the call, the way the writer of the function saw them.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from typing import Any, get_type_hints

ABSENT: Any = inspect.Parameter.empty
"""Stands for "no annotation", where None is one."""


def hints_of(func: Any) -> dict[str, Any]:
    """Annotations by parameter name and `return`; text where a name is not defined.

    Examples:
        >>> def f(x: "int") -> "str": ...
        >>> hints_of(f)
        {'x': <class 'int'>, 'return': <class 'str'>}
    """
    while isinstance(func, functools.partial):
        func = func.func
    if inspect.isclass(func):
        return {"return": func}
    target = func if inspect.isroutine(func) else type(func).__call__
    target = inspect.unwrap(target)
    try:
        return get_type_hints(target, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return _one_by_one(_as_written(target), target)


def _one_by_one(annotations: dict[str, Any], target: Any) -> dict[str, Any]:
    """Resolve each annotation alone, so that one unknown name spoils only its own."""
    module = getattr(target, "__globals__", {})
    around = _names_around()
    resolved = {}
    for name, annotation in annotations.items():
        resolved[name] = annotation
        if isinstance(annotation, str):
            # the user's own annotation, in the user's own module; what fails stays text
            with contextlib.suppress(Exception):
                resolved[name] = eval(annotation, module, around)  # noqa: S307
    return resolved


def _as_written(target: Any) -> dict[str, Any]:
    """The annotations before any lookup of names."""
    try:
        return dict(getattr(target, "__annotations__", {}))
    except NameError:
        # WHY: from Python 3.14 on, looking at annotations evaluates them
        from annotationlib import (  # type: ignore[import-not-found, unused-ignore]
            Format,
            get_annotations,
        )

        return dict(get_annotations(target, format=Format.STRING))


def _names_around() -> dict[str, Any]:
    """Local names of the calling frames, inner ones first; this package's left out."""
    package = __name__.partition(".")[0]
    names: dict[str, Any] = {}
    frame = sys._getframe(1)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__", "").partition(".")[0] != package:
            names = {**frame.f_locals, **names}
    return names
