"""Types from the first results of a function that does not say what it gives.

The function is called as its stage will call it, on the first rows, until the types are
known. These calls are not made again: the stage gets their results; unless a call has so
many that only the first ones were looked at.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakebed._native import Function
from lakebed._settings import ASIDE
from lakebed._types.infer import sampled_spec, undecided
from lakebed._udf.misfit import no_rows
from lakebed.exceptions import LakebedError, UdfError, UdfSignatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakebed._native import Chain
    from lakebed._schema import Spec
    from lakebed._udf.outputs import Outputs
    from lakebed._udf.partition import Partition
    from lakebed._udf.verb import Verb

ROWS = 10
"""Rows or groups that are looked at; the first one nearly always suffices."""

_MOST_RESULTS = 10_000
_MOST_SECONDS = 1.0
"""After so much of a generator its results are believed to be all of one kind."""

_TEXT: Spec = {"kind": "str", "nullable": True}
_TYPES: Spec = {"kind": "str", "nullable": False}
_SHOWN = 200


class Sample:
    """Calls made so far and what they tell.

    Attributes:
        calls: How many.
        known: Arguments and result of each one that succeeded.
        types: Names and specs, once they are known.
    """

    def __init__(self, verb: Verb, label: str, outputs: Outputs) -> None:
        self.verb = verb
        self.label = label
        self.outputs = outputs
        self.calls = 0
        self.known: list[tuple[tuple[Any, ...], Any]] = []
        self.types: list[tuple[str, Spec]] | None = None
        self._problem: LakebedError | None = None
        self._values: list[list[Any]] = [[] for _ in outputs.names]

    def wants(self) -> bool:
        """Whether to make another call; counts it."""
        if self.types is not None or self.calls >= ROWS:
            return False
        self.calls += 1
        return True

    def results(self, result: Any) -> tuple[Any, bool]:
        """What a call gave, several results as a list; and whether that is all of it."""
        if self.verb.mode != "rows":
            return result, True
        if result is None:
            return [], True
        if isinstance(result, (str, bytes, dict)) or not hasattr(result, "__iter__"):
            return result, True
        results: list[Any] = []
        until = time.monotonic() + _MOST_SECONDS
        for item in result:
            if _suffice(results, until):
                return results, False
            results.append(item)
        return results, True

    async def awaited(self, result: Any) -> tuple[Any, bool]:
        """The same for what a call of an `async def` function gave."""
        if not hasattr(result, "__aiter__"):
            return self.results(await result)
        results: list[Any] = []
        until = time.monotonic() + _MOST_SECONDS
        async for item in result:
            if _suffice(results, until):
                return results, False
            results.append(item)
        return results, True

    def add(self, arguments: tuple[Any, ...], result: Any, *, whole: bool) -> None:
        """Learn from a call. What is wrong with the result is told in the end, by `settled`."""
        # a batch of the run has other rows
        if self.verb.mode != "batch" and whole:
            self.known.append((arguments, result))
        try:
            for row in self._rows(result):
                for values, value in zip(self._values, row, strict=True):
                    values.append(value)
            self.types = self._found()
        except LakebedError as problem:
            self._problem, self.types = problem, []

    def settled(self) -> list[tuple[str, Spec]]:
        """Names and specs, or the error that says which one is open."""
        if self._problem is not None:
            raise self._problem
        if self.types is not None:
            return self.types
        if not self.calls:
            return [(name, _TEXT) for name in self.outputs.names]
        if not self._values[0]:
            msg = (
                f"the type of output `{self.outputs.names[0]}` of `{self.label}` is not known: "
                f"none of the first {self.calls} calls gave a result; hint: annotate the return "
                "type, or pass output="
            )
            raise UdfSignatureError(msg)
        types = []
        for name, values in zip(self.outputs.names, self._values, strict=True):
            where = self._where(name)
            spec = sampled_spec(values, where, struct=name)
            if spec is None and any(value is not None for value in values):
                raise undecided(values, where, struct=name)
            # a function that is called for what it does returns nothing
            types.append((name, (spec or _TEXT) | {"nullable": True}))
        return types

    def _found(self) -> list[tuple[str, Spec]] | None:
        found = []
        for name, values in zip(self.outputs.names, self._values, strict=True):
            spec = sampled_spec(values, self._where(name), struct=name)
            if spec is None:
                return None
            found.append((name, spec | {"nullable": True}))
        return found

    def _where(self, name: str) -> str:
        return f"output `{name}` of `{self.label}`"

    def _rows(self, result: Any) -> Iterator[list[Any]]:
        """The result rows of a call, each with a value for each name."""
        if self.verb.mode == "batch":
            columns = [_items(column) for column in self._columns(result)]
            yield from map(list, zip(*columns, strict=False))
        elif self.verb.mode == "row":
            yield self._row(result)
        elif isinstance(result, list):
            yield from map(self._row, result)
        else:
            raise no_rows(self.label, result)

    def _row(self, result: Any) -> list[Any]:
        names = self.outputs.names
        if not self.outputs.multi:
            return [result]
        values: list[Any] | None = None
        if isinstance(result, (tuple, list)):
            values = list(result)
        elif hasattr(type(result), "model_fields"):
            values = [getattr(result, field) for field in type(result).model_fields]
        if values is None or len(values) > len(names):
            raise self._misfit(result)
        return values + [None] * (len(names) - len(values))

    def _columns(self, result: Any) -> list[Any]:
        """The columns that a batch function gave, in the order of their names."""
        names = self.outputs.names
        if isinstance(result, Mapping) or hasattr(result, "columns"):
            try:
                return [result[name] for name in names]
            except KeyError as error:
                raise self._misfit(result) from error
        if not self.outputs.multi:
            return [result]
        if not isinstance(result, (tuple, list)) or len(result) != len(names):
            raise self._misfit(result)
        return list(result)

    def _misfit(self, result: Any) -> UdfError:
        names = ", ".join(f"`{name}`" for name in self.outputs.names)
        values = f"{len(self.outputs.names)} values for {names}"
        msg = f"`{self.label}` must return {values}, not `{_shown(result)}`"
        return UdfError(msg, code="udf.function_failed")


def sampled(
    sample: Sample, native: Chain, spec: dict[str, Any], groups: Partition | None, *, keep: bool
) -> list[tuple[str, Spec]]:
    """The types of a function's results, from calls for the first rows or groups.

    Args:
        sample: What is learnt, also from the calls themselves.
        native: The chain below the function.
        spec: The function, as the engine calls it.
        groups: What makes groups of the rows, for `agg`.
        keep: Whether what the first row tells may be kept, and used in place of its call
            as long as the function and the row are the same.

    Raises:
        UdfSignatureError: The first results leave the types open.
    """
    if groups is not None:
        _call(sample, native, spec, groups)
        return sample.settled()
    # functions below that it does not need are not called
    read = [path.partition(".")[0] for kind, path, _ in spec["takes"] if kind == "column"]
    native = native.select(list(dict.fromkeys(read))) if read else native
    # WHY: what is below may be slow, and the first row nearly always suffices
    first = native.limit(1)
    told = _call(sample, first, spec, None, keep=keep)
    if keep and not sample.calls:
        kept = _types(told)
        if kept is not None:
            return kept
        _call(sample, first, spec, None)
    if sample.types is None:
        _call(sample, native.offset(1).limit(ROWS - 1), spec, None)
    return sample.settled()


def _call(
    sample: Sample,
    native: Chain,
    spec: dict[str, Any],
    groups: Partition | None,
    *,
    keep: bool = False,
) -> str:
    """Call the function for rows or groups until the types are known; the types as text."""
    call = spec["call"]
    recording = (_record_async if spec["is_async"] else _record)(sample, call)
    probe = Function(
        spec
        | {
            "call": recording,
            "probed": call,
            "probe": (sample.verb.name, sample.outputs.names, sample.outputs.multi),
            "gives": [("types", _TYPES)],
            "mode": "batch" if sample.verb.mode == "batch" else "rows",
            "multi": False,
            "concurrency": 1,
            "timeout": None,
            "on_error": "raise" if spec["on_error"] == "raise" else "skip",
        }
    )
    options = ASIDE | {"checkpoint": keep}
    if groups is not None:
        calls = native.agg(probe, options, groups.keys, [])
    else:
        calls = native.gen(probe, options, [])
    told = ""
    for rows in calls.rows([_TYPES], None):
        told = rows[-1][0] if rows else told
        # what is kept must come to its end
        if rows and not keep and (sample.types is not None or sample.calls >= ROWS):
            break
    return told


def _record(sample: Sample, call: Callable[..., Any]) -> Callable[..., Any]:
    """The function, remembering its calls; for each row the types that are known by then."""

    def recorded(*arguments: Any) -> Any:
        if sample.wants():
            result, whole = sample.results(call(*arguments))
            sample.add(arguments, result, whole=whole)
        return [_text(sample.types)] * (_height(arguments) if sample.verb.mode == "batch" else 1)

    return recorded


def _record_async(sample: Sample, call: Callable[..., Any]) -> Callable[..., Any]:
    async def recorded(*arguments: Any) -> Any:
        if sample.wants():
            result, whole = await sample.awaited(call(*arguments))
            sample.add(arguments, result, whole=whole)
        return [_text(sample.types)]

    return recorded


def _text(types: list[tuple[str, Spec]] | None) -> str:
    """Types without classes as text; nothing for others."""
    text = repr(types) if types else ""
    return text if text and _types(text) == types else ""


def _types(text: str) -> list[tuple[str, Spec]] | None:
    try:
        types: list[tuple[str, Spec]] = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return types


def _suffice(results: list[Any], until: float) -> bool:
    return len(results) == _MOST_RESULTS or (bool(results) and time.monotonic() > until)


def _shown(result: Any) -> str:
    text = repr(result)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _height(arguments: tuple[Any, ...]) -> int:
    return len(arguments[0]) if arguments else 0


def _items(column: Any) -> list[Any]:
    """The values of a list or array, in one dimension or more."""
    if hasattr(column, "to_pylist"):
        values: list[Any] = column.to_pylist()
        return values
    return column.tolist() if getattr(column, "ndim", 2) == 1 else list(column)
