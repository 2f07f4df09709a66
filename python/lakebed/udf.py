"""User functions: from a call of `map` to what runs, on which columns, giving what.

This module reads signatures and checks them against the columns when the chain is
built. It runs nothing: calling the function is the executor's business, and what the
types are stored as is `_schema.py`'s.
"""

from __future__ import annotations

import functools
import inspect
from collections import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from lakebed._hint import did_you_mean
from lakebed._hints import ABSENT, hints_of
from lakebed._schema import Spec, same_type, spec_of, type_of, type_text
from lakebed.exceptions import (
    DataChainParamsError,
    SignalResolvingError,
    SignalSchemaError,
    UdfError,
    UdfSignatureError,
)

Output = Any
"""`output=` of a verb: a type, a name, a list of names, or a dict of names to types."""

_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)
_ITERATORS = (abc.Iterator, abc.Generator, abc.Iterable, abc.AsyncIterator)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class AbstractUDF:
    """A function as a class: `process` runs per row, `setup` once per process."""

    def setup(self) -> None:
        """Prepare what `process` needs, such as a model; runs where `process` runs."""

    def process(self, *args: Any) -> Any:
        """Compute one row; the parameter names are columns."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Release what `setup` took."""


class Mapper(AbstractUDF):
    """A class for `map`: one result per row.

    Examples:
        >>> class Scale(Mapper):
        ...     def __init__(self, by: int) -> None:
        ...         self.by = by
        ...     def process(self, size: int) -> int:
        ...         return size * self.by
        >>> [s] = parse_map(None, None, None, {"big": Scale(3)}, {"size": spec_of(int)})
        >>> s.params, s.names
        (['size'], ['big'])
    """


@dataclass(frozen=True)
class UdfSignature:
    """One function to run: what it takes and what it gives.

    Attributes:
        name: The function's name, for messages and progress.
        func: The callable, or an `AbstractUDF` object.
        params: What is passed by position: dotted column paths or names of `setup`.
        setup_names: Those of `params` that come from `setup`.
        names: The columns it makes.
        outputs: The same with their specs, or "infer": from the first result.
        multi: A result is a tuple with one value for each name.
    """

    name: str
    func: Callable[..., Any] | AbstractUDF
    params: list[str]
    setup_names: list[str]
    names: list[str]
    outputs: list[tuple[str, Spec]] | Literal["infer"]
    multi: bool

    @property
    def call(self) -> Callable[..., Any]:
        """What to call for a row."""
        return self.func.process if isinstance(self.func, AbstractUDF) else self.func


def parse_map(  # noqa: PLR0917
    func: Callable[..., Any] | AbstractUDF | None,
    params: str | Sequence[str] | None,
    output: Output,
    signal_map: Mapping[str, Any],
    schema: Mapping[str, Spec] | Iterable[tuple[str, Spec]],
    setup: Iterable[str] = (),
) -> list[UdfSignature]:
    """Understand `map(func, params=..., output=...)` or `map(name=func, ...)`.

    Several named functions may use each other's outputs; they come back in an order in
    which that works.

    Args:
        func: The function when it is not given by name.
        params: Columns to pass instead of those that the parameters name.
        output: Types, names or both of what the function gives.
        signal_map: Functions by the name of the column they make.
        schema: The columns there are, with resolved specs.
        setup: Names given to `setup()`.

    Raises:
        UdfSignatureError: What the function gives cannot be told or stored.
        SignalResolvingError: A column does not exist or has another type.
        DataChainParamsError: The call has the wrong shape.
    """
    columns = _Columns(dict(schema), list(setup))
    if len(signal_map) > 1:
        if func is not None or params is not None or output is not None:
            given = ", ".join(f"`{name}`" for name in signal_map)
            msg = f"several functions ({given}) take neither func=, params= nor output="
            raise DataChainParamsError(msg)
        return _parse_several(signal_map, columns)
    if func is not None and signal_map:
        msg = f"`{next(iter(signal_map))}=` and a positional function were given: use one"
        raise UdfSignatureError(msg)
    if func is None and not signal_map:
        msg = "no function was given; hint: map(name=function)"
        raise UdfSignatureError(msg)
    name, chosen = next(iter(signal_map.items())) if signal_map else ("", func)
    return [_parse_one(name, chosen, params, output, columns)]


def callable_name(func: object) -> str:
    """How messages call a function: its name, or the class of a callable object."""
    if isinstance(func, functools.partial):
        return callable_name(func.func)
    return str(getattr(func, "__name__", type(func).__name__))


# Columns


class _Columns:
    """What parameters may name: columns, fields below them, and `setup` values."""

    def __init__(self, schema: dict[str, Spec], setup: list[str]) -> None:
        self.schema = schema
        self.setup = setup

    def find(self, name: str) -> tuple[str, Spec] | None:
        """The dotted path and spec of a column; `a__b` means `a.b`."""
        for path in (name, name.replace("__", ".")):
            spec = self._below(path)
            if spec is not None:
                return path, spec
        return None

    def _below(self, path: str) -> Spec | None:
        root, *rest = path.split(".")
        spec = self.schema.get(root)
        for name in rest:
            fields = dict(spec["fields"]) if spec and spec["kind"] == "model" else {}
            spec = fields.get(name)
        return spec

    def paths(self) -> list[str]:
        """All names, outer ones first, for hints."""
        level = list(self.schema.items())
        found = list(self.setup)
        while level:
            found += [path for path, _ in level]
            level = [
                (f"{path}.{name}", field)
                for path, spec in level
                if spec["kind"] == "model"
                for name, field in spec["fields"]
            ]
        return found


# Parameters


def _parse_one(
    name: str,
    func: Any,
    params: str | Sequence[str] | None,
    output: Output,
    columns: _Columns,
) -> UdfSignature:
    """One function with everything that was said about it."""
    _check_callable(func)
    label = callable_name(func)
    target = func.process if isinstance(func, AbstractUDF) else func
    hints = hints_of(target)
    if params is None:
        taken = _named_params(label, target, hints, columns)
    else:
        taken = _given_params(label, target, params, columns)
    names, outputs = _outputs(name, label, output, hints)
    return UdfSignature(
        name=label,
        func=func,
        params=taken,
        setup_names=[p for p in taken if p in columns.setup],
        names=names,
        outputs=outputs,
        multi=len(names) > 1,
    )


def _check_callable(func: Any) -> None:
    if inspect.isclass(func) and issubclass(func, AbstractUDF):
        msg = f"`{func.__name__}` is a class; hint: pass an object, `{func.__name__}()`"
        raise UdfSignatureError(msg)
    if isinstance(func, AbstractUDF) and not isinstance(func, Mapper):
        msg = f"`{callable_name(func)}` is no Mapper, which is what map takes"
        raise UdfError(msg)
    if not isinstance(func, AbstractUDF) and not callable(func):
        msg = f"`{func!r}` is not callable: use a function, a callable object or a Mapper"
        raise UdfSignatureError(msg)


def _parameters(label: str, target: Any) -> list[inspect.Parameter] | None:
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


def _named_params(label: str, target: Any, hints: dict[str, Any], columns: _Columns) -> list[str]:
    """The columns that the parameters name; those with a default may be missing."""
    parameters = _parameters(label, target)
    if parameters is None:
        msg = f"`{label}` does not tell its parameters; hint: name the columns with params="
        raise UdfSignatureError(msg)
    taken: list[str] = []
    skipped = ""
    for parameter in parameters:
        if parameter.kind in _VARIADIC:
            msg = f"`{label}` takes `{parameter}`; hint: name the columns with params="
            raise DataChainParamsError(msg)
        if parameter.kind not in _POSITIONAL:
            continue
        path = _resolved(label, parameter, hints.get(parameter.name, ABSENT), columns)
        if path is None:
            skipped = skipped or parameter.name
        elif skipped:
            raise _unknown(skipped, label, columns)
        else:
            taken.append(path)
    return taken


def _resolved(
    label: str, parameter: inspect.Parameter, annotation: Any, columns: _Columns
) -> str | None:
    """The column of one parameter; None when it has to take its default."""
    name = parameter.name
    if name in columns.setup:
        return name
    found = columns.find(name)
    if found is None:
        if parameter.default is inspect.Parameter.empty:
            raise _unknown(name, label, columns)
        return None
    path, spec = found
    unresolved = annotation is ABSENT or isinstance(annotation, str)
    if not unresolved and not same_type(annotation, spec):
        msg = (
            f"parameter `{name}` of `{label}` is `{type_text(annotation)}`, but column "
            f"`{path}` is `{type_text(type_of(spec))}`"
        )
        raise SignalResolvingError(msg)
    return path


def _given_params(
    label: str, target: Any, params: str | Sequence[str], columns: _Columns
) -> list[str]:
    """The columns named by `params=`, as many as the function takes."""
    names = [params] if isinstance(params, str) else list(params)
    if _parameters(label, target) is not None:
        try:
            inspect.signature(target).bind(*names)
        except TypeError as error:
            msg = f"params= names {len(names)} columns, but `{label}` has another count: {error}"
            raise DataChainParamsError(msg) from error
    taken = []
    for name in names:
        if not isinstance(name, str):
            msg = f"params= takes names of columns, not `{name!r}`"
            raise DataChainParamsError(msg)
        found = (name, {}) if name in columns.setup else columns.find(name)
        if found is None:
            raise _unknown(name, label, columns)
        taken.append(found[0])
    return taken


def _unknown(name: str, label: str, columns: _Columns) -> SignalResolvingError:
    hint = did_you_mean(name, columns.paths())
    return SignalResolvingError(f"unknown column `{name}`, a parameter of `{label}`{hint}")


# Outputs


def _outputs(
    name: str, label: str, output: Output, hints: dict[str, Any]
) -> tuple[list[str], list[tuple[str, Spec]] | Literal["infer"]]:
    """Names and specs of what the function gives."""
    if isinstance(output, Mapping):
        return _typed_outputs(list(output), list(output.values()), label)
    returned = _returned(label, hints)
    if isinstance(output, str) or _is_names(output):
        names = [output] if isinstance(output, str) else list(output)
        types = _parts(returned)
        if types is not None and len(types) != len(names):
            msg = f"`{label}` returns {len(types)} values, but output= names {len(names)}"
            raise UdfSignatureError(msg)
        return _typed_outputs(names, types, label)
    if not name:
        msg = f"the column that `{label}` makes has no name; hint: map(name=function)"
        raise UdfSignatureError(msg)
    if output is not None:
        return _typed_outputs([name], [output], label)
    types = _parts(returned)
    if types is not None and _is_several(returned):
        return _typed_outputs([f"{name}_{i}" for i in range(len(types))], types, label)
    return _typed_outputs([name], types, label)


def _typed_outputs(
    names: list[str], types: list[Any] | None, label: str
) -> tuple[list[str], list[tuple[str, Spec]] | Literal["infer"]]:
    for name in names:
        if not isinstance(name, str) or not name:
            msg = f"output names of `{label}` must be non-empty text, not `{name!r}`"
            raise UdfSignatureError(msg)
    if len(set(names)) < len(names) or not names:
        msg = f"output names of `{label}` must be one or more different ones"
        raise UdfSignatureError(msg)
    if types is None:
        return names, "infer"
    specs = [_output_spec(n, t, label) for n, t in zip(names, types, strict=True)]
    return names, specs


def _output_spec(name: str, annotation: Any, label: str) -> tuple[str, Spec]:
    where = f"output `{name}` of `{label}`"
    try:
        return name, spec_of(annotation, where)
    except SignalSchemaError as error:
        if str(error).startswith(where):
            raise UdfSignatureError(str(error)) from error
        raise


def _returned(label: str, hints: dict[str, Any]) -> Any:
    """The return annotation; `ABSENT` when the first result has to tell the type."""
    returned = hints.get("return", ABSENT)
    if returned is None or returned is type(None):
        msg = f"`{label}` is annotated to return None: there would be no column"
        raise UdfSignatureError(msg)
    if isinstance(returned, str):
        msg = f"the return type `{returned}` of `{label}` is not defined; hint: pass output="
        raise UdfSignatureError(msg)
    origin = get_origin(returned) or returned
    if origin in _ITERATORS:
        msg = f"`{label}` returns `{type_text(returned)}`: map takes one result per row"
        raise UdfSignatureError(msg)
    is_array = getattr(origin, "__module__", "") == "numpy" and origin.__name__ == "ndarray"
    return ABSENT if returned is Any or is_array else returned


def _is_names(output: Any) -> bool:
    return isinstance(output, (list, tuple)) and not isinstance(output, str)


def _is_several(returned: Any) -> bool:
    """Whether it is `tuple[A, B]`: one column each."""
    return get_origin(returned) is tuple and Ellipsis not in get_args(returned)


def _parts(returned: Any) -> list[Any] | None:
    """The types of the columns, or None when the first result has to tell."""
    if returned is ABSENT:
        return None
    return list(get_args(returned)) if _is_several(returned) else [returned]


# Several functions


def _parse_several(signal_map: Mapping[str, Any], columns: _Columns) -> list[UdfSignature]:
    """Functions that may use each other's outputs, each after those it needs."""
    uses = {name: _uses(name, func, signal_map) for name, func in signal_map.items()}
    ordered: list[UdfSignature] = []
    known = _Columns(dict(columns.schema), columns.setup)
    while uses:
        ready = next((n for n, used in uses.items() if not used & uses.keys()), None)
        if ready is None:
            names = ", ".join(f"`{n}`" for n in uses)
            msg = f"the functions {names} need each other's outputs: a circle has no start"
            raise DataChainParamsError(msg)
        signature = _parse_one(ready, signal_map[ready], None, None, known)
        if signature.multi:
            msg = f"`{ready}` returns several columns: give it a map() of its own"
            raise UdfSignatureError(msg)
        open_type: Spec = {"kind": "arrow", "type": "the type of its first result"}
        spec = dict(signature.outputs)[ready] if signature.outputs != "infer" else open_type
        known.schema[ready] = spec
        ordered.append(signature)
        del uses[ready]
    return ordered


def _uses(name: str, func: Any, signal_map: Mapping[str, Any]) -> set[str]:
    """The other outputs that a function takes."""
    _check_callable(func)
    target = func.process if isinstance(func, AbstractUDF) else func
    used = {p.name for p in _parameters(callable_name(func), target) or ()}
    if name in used:
        msg = f"`{name}` takes itself as a parameter"
        raise DataChainParamsError(msg)
    return used & signal_map.keys()
