"""What a function takes: its parameters as columns or values of `setup`."""

from __future__ import annotations

import inspect
import sys
import types
from collections import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from lakebed._columns import known_paths, readable
from lakebed._hint import unknown_column
from lakebed._schema import Spec, same_type, type_of, type_text
from lakebed._types.annotation import unwrap
from lakebed._types.matching import is_namesake
from lakebed._udf.hints import ABSENT
from lakebed.exceptions import DataChainParamsError, SignalResolvingError, UdfSignatureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from lakebed._udf.verb import Verb

_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_LISTS = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_ARRAYS = {
    "pyarrow.": "arrow",
    "numpy.ndarray": "numpy",
    "pandas.": "pandas",
}


@dataclass(frozen=True)
class Taken:
    """What is passed by position.

    Attributes:
        name: A dotted column path, or a name of `setup`.
        setup: Whether it is the latter.
        as_float: Ints are passed as floats, which is what the parameter asks for.
        as_class: The model that the parameter asks for, where the column's own class is an older
            one of the same name, as when a cell of a notebook ran again.
        form: For whole columns: `arrow`, `numpy`, `pandas` or `list`.
    """

    name: str
    setup: bool = False
    as_float: bool = False
    as_class: type[BaseModel] | None = None
    form: str = "list"


class Columns:
    """What parameters may name: columns, fields below them, and `setup` values."""

    def __init__(self, schema: dict[str, Spec], setup: list[str]) -> None:
        self.schema = schema
        self.setup = setup

    def find(self, name: str) -> tuple[str, Spec] | None:
        """The dotted path and spec of a column; `a__b` means `a.b`."""
        found = readable(self.schema, name)
        return None if found is None else (found.name, found.type)

    def unknown(self, name: str, label: str) -> SignalResolvingError:
        """The error for a name that is none of them."""
        known = [*self.setup, *known_paths(self.schema.items())]
        return SignalResolvingError(unknown_column(name, known, f", a parameter of `{label}`"))


def parameters_of(label: str, target: Any) -> list[inspect.Parameter] | None:
    """The parameters, or None for built-ins that do not tell."""
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    for parameter in parameters:
        required = parameter.default is inspect.Parameter.empty
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and required:
            msg = (
                f"`{label}` has the keyword-only parameter `{parameter.name}`: values "
                "are passed by position"
            )
            raise DataChainParamsError(msg)
    return parameters


def named_params(
    verb: Verb, label: str, target: Any, hints: dict[str, Any], columns: Columns
) -> list[Taken]:
    """The columns that the parameters name; those with a default may be missing."""
    parameters = parameters_of(label, target)
    if parameters is None:
        msg = f"`{label}` does not tell its parameters; hint: name the columns with params="
        raise UdfSignatureError(msg)
    taken: list[Taken] = []
    skipped = ""
    for parameter in parameters:
        if parameter.kind in _VARIADIC:
            msg = (
                f"`{label}` takes `{parameter}`, and '{parameter.name}' names no column; "
                "hint: name the columns with params="
            )
            raise DataChainParamsError(msg)
        if parameter.kind not in _POSITIONAL:
            continue
        annotation = hints.get(parameter.name, ABSENT)
        if parameter.name in columns.setup:
            found: Taken | None = Taken(parameter.name, setup=True)
        elif columns.find(parameter.name) is None and parameter.default is not parameter.empty:
            found = None
        else:
            found = _column(verb, label, parameter.name, parameter.name, annotation, columns)
        if found is None:
            skipped = skipped or parameter.name
        elif skipped:
            raise columns.unknown(skipped, label)
        else:
            taken.append(found)
    return taken


def given_params(  # noqa: PLR0917
    verb: Verb,
    label: str,
    target: Any,
    params: str | Sequence[str],
    hints: dict[str, Any],
    columns: Columns,
) -> list[Taken]:
    """The columns named by `params=`, as many as the function takes."""
    names = [params] if isinstance(params, str) else list(params)
    parameters = parameters_of(label, target)
    if parameters is not None:
        try:
            inspect.signature(target).bind(*names)
        except TypeError as error:
            msg = f"params= names {len(names)} columns, but `{label}` has another count: {error}"
            raise DataChainParamsError(msg) from error
    positions = [p.name for p in parameters or () if p.kind in _POSITIONAL]
    taken = []
    for at, name in enumerate(names):
        if not isinstance(name, str):
            msg = f"params= takes names of columns, not `{name!r}`"
            raise DataChainParamsError(msg)
        if name in columns.setup:
            taken.append(Taken(name, setup=True))
            continue
        parameter = positions[at] if at < len(positions) else ""
        annotation = hints.get(parameter, ABSENT)
        taken.append(_column(verb, label, parameter, name, annotation, columns))
    return taken


def _column(  # noqa: PLR0917
    verb: Verb, label: str, parameter: str, name: str, annotation: Any, columns: Columns
) -> Taken:
    """A column for a parameter, if the annotation lets it."""
    found = columns.find(name)
    if found is None:
        raise columns.unknown(name, label)
    path, spec = found
    if annotation is ABSENT or isinstance(annotation, str):
        return Taken(path, form=_form(ABSENT))
    if verb.mode == "batch":
        return Taken(path, form=_form(annotation))
    wanted = _item_of(label, parameter, annotation) if verb.groups else annotation
    if not same_type(wanted, spec):
        given = type_text(list[type_of(spec)] if verb.groups else type_of(spec))  # type: ignore[misc]
        msg = (
            f"parameter `{parameter}` of `{label}` is `{type_text(annotation)}`, but column "
            f"`{path}` is `{given}`"
        )
        raise SignalResolvingError(msg)
    inner = _present(wanted)
    return Taken(
        path,
        as_float=spec["kind"] == "int" and inner is float,
        as_class=inner if is_namesake(inner, spec) else None,
    )


def _item_of(label: str, parameter: str, annotation: Any) -> Any:
    """What a parameter of `agg` takes for each row of a group."""
    inner = _present(annotation)
    if inner in (Any, object, list):
        return Any
    if get_origin(inner) not in _LISTS:
        msg = (
            f"parameter `{parameter}` of `{label}` is `{type_text(annotation)}`, which is not a "
            f"list; hint: agg passes all values of a group, `list[{type_text(annotation)}]`"
        )
        raise SignalResolvingError(msg)
    return get_args(inner)[0] if get_args(inner) else Any


def _present(annotation: Any) -> Any:
    """The annotation without its None."""
    inner, _ = unwrap(annotation)
    if get_origin(inner) in (Union, types.UnionType):
        members = [a for a in get_args(inner) if a is not type(None)]
        return _present(members[0]) if len(members) == 1 else inner
    return inner


def _form(annotation: Any) -> str:
    """How a whole column is passed: as the annotation says, else numpy where there is one."""
    inner = _present(annotation)
    cls = get_origin(inner) or inner
    name = f"{getattr(cls, '__module__', '')}.{getattr(cls, '__name__', '')}"
    for prefix, form in _ARRAYS.items():
        if name.startswith(prefix):
            return form
    if cls in _LISTS:
        return "list"
    return "numpy" if _has_numpy() else "list"


def _has_numpy() -> bool:
    from importlib.util import find_spec

    return "numpy" in sys.modules or find_spec("numpy") is not None
