"""From a call of `map`, `gen` or `agg` to functions, on which columns, giving what.

Signatures are checked against the columns when the chain is built. Nothing runs here:
what a function takes is `parameters.py`'s, what it gives `outputs.py`'s.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed._udf.hints import hints_of
from lakebed._udf.outputs import Outputs, outputs_of
from lakebed._udf.parameters import Columns, Taken, given_params, named_params, parameters_of
from lakebed._udf.verb import AGG, GEN, MAP, Verb
from lakebed.exceptions import DataChainParamsError, UdfError, UdfSignatureError
from lakebed.expr import Expr
from lakebed.udf import AbstractUDF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lakebed._schema import Spec


@dataclass(frozen=True)
class UdfArguments:
    """What was given to a verb that runs functions.

    Attributes:
        func: The function when it is not given by name.
        params: Columns to pass instead of those that the parameters name.
        output: A type, a name, a list of names, or a dict of names to types.
        signals: Functions by the name of the column they make.
    """

    func: Callable[..., Any] | AbstractUDF | None
    params: str | Sequence[str] | None
    output: Any
    signals: Mapping[str, Any]


@dataclass(frozen=True)
class UdfSignature:
    """One function to run: what it takes and what it gives.

    Attributes:
        name: The function's name, for messages and progress.
        func: The callable, or an `AbstractUDF` object.
        taken: What is passed by position.
        outputs: The columns it makes.
    """

    name: str
    func: Callable[..., Any] | AbstractUDF
    taken: list[Taken]
    outputs: Outputs

    @property
    def call(self) -> Callable[..., Any]:
        """What to call for a row."""
        call: Callable[..., Any] = _target(self.func)
        return call

    @property
    def owner(self) -> AbstractUDF | None:
        """The object whose `setup` and `teardown` run around the calls."""
        return self.func if isinstance(self.func, AbstractUDF) else None

    @property
    def is_async(self) -> bool:
        """Whether a call gives something to await or to iterate over asynchronously."""
        call = self.call
        plain = inspect.isroutine(call) or isinstance(call, functools.partial)
        tested = call if plain else type(call).__call__
        return inspect.iscoroutinefunction(tested) or inspect.isasyncgenfunction(tested)


def signatures_of(
    verb: Verb,
    arguments: UdfArguments,
    schema: Mapping[str, Spec] | Iterable[tuple[str, Spec]],
    setup: Iterable[str] = (),
) -> list[UdfSignature]:
    """Understand `map(func, params=..., output=...)` or `map(name=func, ...)`.

    Several named functions of `map` may use each other's outputs; they come back in an
    order in which that works.

    Args:
        verb: Which verb was called.
        arguments: What it was given.
        schema: The columns there are, with resolved specs.
        setup: Names given to `setup()`.

    Raises:
        UdfSignatureError: What the function gives cannot be told or stored.
        SignalResolvingError: A column does not exist or has another type.
        DataChainParamsError: The call has the wrong shape.
        UdfError: The function is an object of another verb's class.
    """
    columns = Columns(dict(schema), list(setup))
    signals = arguments.signals
    if len(signals) > 1:
        _check_several(verb, arguments)
        return _parse_several(signals, columns)
    if arguments.func is not None and signals:
        msg = f"`{next(iter(signals))}=` and a positional function were given: use one"
        raise UdfSignatureError(msg)
    if arguments.func is None and not signals:
        msg = f"no function was given; hint: {verb.name}(name=function)"
        raise UdfSignatureError(msg)
    name, chosen = next(iter(signals.items())) if signals else ("", arguments.func)
    return [_parse_one(verb, name, chosen, arguments, columns)]


def callable_name(func: object) -> str:
    """How messages call a function: its name, or the class of a callable object."""
    if isinstance(func, functools.partial):
        return callable_name(func.func)
    return str(getattr(func, "__name__", type(func).__name__))


def _parse_one(
    verb: Verb, name: str, func: Any, arguments: UdfArguments, columns: Columns
) -> UdfSignature:
    """One function with everything that was said about it."""
    _check_callable(verb, func)
    label, target = callable_name(func), _target(func)
    hints = hints_of(target)
    if arguments.params is None:
        taken = named_params(verb, label, target, hints, columns)
    else:
        taken = given_params(verb, label, target, arguments.params, hints, columns)
    return UdfSignature(label, func, taken, outputs_of(verb, name, label, arguments.output, hints))


def _target(func: Any) -> Any:
    return func.process if isinstance(func, AbstractUDF) else func


def _check_callable(verb: Verb, func: Any) -> None:
    if inspect.isclass(func) and issubclass(func, AbstractUDF):
        msg = f"`{func.__name__}` is a class; hint: pass an object, `{func.__name__}()`"
        raise UdfSignatureError(msg)
    wanted = verb.udf.__name__
    if isinstance(func, AbstractUDF) and not isinstance(func, verb.udf):
        msg = f"`{callable_name(func)}` is no {wanted}, which is what {verb.name} takes"
        other = next((v for v in (MAP, GEN, AGG) if isinstance(func, v.udf)), None)
        hint = f"; hint: use .{other.name}()" if other else ""
        raise UdfError(msg + hint, code="udf.wrong_class")
    if isinstance(func, Expr):
        home = "group_by" if verb is AGG else "mutate"
        msg = f"`{func!r}` is an expression, not a function; hint: .{home}()"
        raise UdfSignatureError(msg)
    if not isinstance(func, AbstractUDF) and not callable(func):
        msg = f"`{func!r}` is not callable: use a function, a callable object or one of {wanted}"
        raise UdfSignatureError(msg)


# Several functions


def _check_several(verb: Verb, arguments: UdfArguments) -> None:
    given = ", ".join(f"`{name}`" for name in arguments.signals)
    if verb is not MAP:
        msg = f"{verb.name} takes one function, not several ({given})"
        raise UdfSignatureError(msg)
    for name in ("func", "params", "output"):
        if getattr(arguments, name) is not None:
            msg = f"can't combine '{name}' with several functions ({given}): chain their calls"
            raise DataChainParamsError(msg)


def _parse_several(signals: Mapping[str, Any], columns: Columns) -> list[UdfSignature]:
    """Functions that may use each other's outputs, each after those it needs."""
    uses = {name: _uses(name, func, signals) for name, func in signals.items()}
    ordered: list[UdfSignature] = []
    known = Columns(dict(columns.schema), columns.setup)
    while uses:
        ready = next((n for n, used in uses.items() if not used & uses.keys()), None)
        if ready is None:
            names = ", ".join(f"`{n}`" for n in uses)
            msg = f"the functions {names} need each other's outputs: a circle has no start"
            raise DataChainParamsError(msg)
        arguments = UdfArguments(None, None, None, {ready: signals[ready]})
        signature = _parse_one(MAP, ready, signals[ready], arguments, known)
        if signature.outputs.multi:
            count = len(signature.outputs.names)
            msg = f"`{ready}` returns a tuple of {count} values: give it a map() of its own"
            raise UdfSignatureError(msg)
        open_type: Spec = {
            "kind": "arrow",
            "type": "the type of its first result",
            "nullable": True,
        }
        types = signature.outputs.types
        known.schema[ready] = open_type if types == "infer" else dict(types)[ready]
        ordered.append(signature)
        del uses[ready]
    return ordered


def _uses(name: str, func: Any, signals: Mapping[str, Any]) -> set[str]:
    """The other outputs that a function takes."""
    _check_callable(MAP, func)
    used = {p.name for p in parameters_of(callable_name(func), _target(func)) or ()}
    if name in used:
        msg = f"`{name}` takes itself as a parameter"
        raise DataChainParamsError(msg)
    return used & signals.keys()
