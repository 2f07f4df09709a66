"""Types from the first results of a function that does not say what it gives.

The function is called as its stage will call it, on the first rows, until the types are
known. These calls are not made again: the stage gets their results.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakebed._native import Function
from lakebed._settings import ASIDE
from lakebed._types.infer import sampled_spec, undecided
from lakebed.exceptions import LakebedError, UdfError, UdfSignatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakebed._native import Chain
    from lakebed._schema import Spec
    from lakebed._udf.outputs import Outputs
    from lakebed._udf.partition import Partition
    from lakebed._udf.verbs import Verb

ROWS = 10
"""Rows or groups that are looked at; the first one nearly always suffices."""

_TEXT: Spec = {"kind": "str", "nullable": True}
_COUNT: Spec = {"kind": "int", "nullable": False}
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

    def results(self, result: Any) -> Any:
        """What a call gave; several results as a list."""
        if self.verb.mode != "rows":
            return result
        if result is None:
            return []
        return list(result) if hasattr(result, "__iter__") else result

    def add(self, arguments: tuple[Any, ...], result: Any) -> None:
        """Learn from a call. What is wrong with the result is told in the end, by `settled`."""
        if self.verb.mode != "batch":
            # a batch of the run has other rows
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
        for name, values in zip(self.outputs.names, self._values, strict=True):
            where = self._where(name)
            if sampled_spec(values, where, struct=name) is None:
                raise undecided(values, where, struct=name)
        return []

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
            msg = f"`{self.label}` must yield its results or return a list, not `{_shown(result)}`"
            raise UdfError(msg)

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
        return UdfError(f"`{self.label}` must return {values}, not `{_shown(result)}`")


def sampled(
    sample: Sample, native: Chain, spec: dict[str, Any], groups: Partition | None
) -> list[tuple[str, Spec]]:
    """The types of a function's results, from calls for the first rows or groups.

    Raises:
        UdfSignatureError: The first results leave the types open.
    """
    if groups is not None:
        _call(sample, native, spec, groups)
    else:
        # WHY: what is below may be slow, and the first row nearly always suffices
        for start, rows in ((0, 1), (1, ROWS - 1)):
            if sample.types is None:
                _call(sample, native.offset(start).limit(rows), spec, None)
    return sample.settled()


def _call(sample: Sample, native: Chain, spec: dict[str, Any], groups: Partition | None) -> None:
    """Call the function for rows or groups until the types are known."""
    call = spec["call"]
    recording = (_record_async if spec["is_async"] else _record)(sample, call)
    probe = Function(
        spec
        | {
            "call": recording,
            "gives": [("calls", _COUNT)],
            "mode": "batch" if sample.verb.mode == "batch" else "rows",
            "multi": False,
            "concurrency": 1,
            "timeout": None,
            "on_error": "raise" if spec["on_error"] == "raise" else "skip",
        }
    )
    if groups is not None:
        calls = native.agg(probe, ASIDE, groups.keys, [])
    else:
        calls = native.gen(probe, ASIDE, [])
    for rows in calls.rows([_COUNT], None):
        if rows and (sample.types is not None or sample.calls >= ROWS):
            break


def _record(sample: Sample, call: Callable[..., Any]) -> Callable[..., Any]:
    """The function, remembering its calls; one result a row, for the engine to count."""

    def recorded(*arguments: Any) -> Any:
        if sample.wants():
            sample.add(arguments, sample.results(call(*arguments)))
        return [0] * _height(arguments) if sample.verb.mode == "batch" else [0]

    return recorded


def _record_async(sample: Sample, call: Callable[..., Any]) -> Callable[..., Any]:
    async def recorded(*arguments: Any) -> Any:
        if sample.wants():
            result = call(*arguments)
            if hasattr(result, "__aiter__"):
                result = [row async for row in result]
            else:
                result = await result
            sample.add(arguments, sample.results(result))
        return [0]

    return recorded


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
