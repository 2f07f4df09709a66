"""What functions and classes say about themselves: names, documentation and annotations.

That is an input of whatever is given them as values, such as a language model that
chooses among tools, or the schema of a model; not of code that just calls them.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import releases
from lakebed._fingerprint.annotated import annotations_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def told_by(value: Any, above: tuple[int, ...] = ()) -> Iterator[str]:
    """All that a function or class says, and the classes that its annotations name."""
    if id(value) in above:
        return
    above = (*above, id(value))
    own = vars(value) if isinstance(value, type) else {"__doc__": value.__doc__}
    said = own.get("__doc__")
    if "__dataclass_fields__" in own and str(said).startswith(f"{value.__name__}("):
        # made of its fields, which are told below
        said = None
    yield f"{value.__name__} {said}"
    texts = texts_of(value)
    for name, annotation in sorted(annotations_of(value).items()):
        yield f"{name}: {_shown(annotation)}"
        if name in texts:
            yield texts[name]
        for cls in _classes(annotation):
            yield from told_by(cls, above)
    if isinstance(value, type):
        for name, held in sorted(vars(value).items()):
            function = releases.called(held)
            if type(function) is FunctionType and not name.startswith("__"):
                yield f"{name} {function.__doc__}"
    else:
        parameters = value.__code__.co_varnames[: value.__code__.co_argcount]
        yield repr(parameters)


def _shown(annotation: Any) -> str:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__qualname__
    return repr(annotation) if " at 0x" not in repr(annotation) else type(annotation).__name__


def _classes(annotation: Any) -> Iterator[type]:
    """The project's classes in an annotation."""
    if isinstance(annotation, type) and releases.is_projects(annotation.__module__):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        if part is not annotation:
            yield from _classes(part)
