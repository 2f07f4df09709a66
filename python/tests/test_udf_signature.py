"""What `map`, `gen` and `agg` understand of a function and its arguments."""

# ruff: noqa: ARG001, ARG005, TC002, TC003  names and annotations of parameters are under test
from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from collections.abc import Generator as Yields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lakebed._schema import spec_of
from lakebed._udf.signature import UdfArguments, UdfSignature, signatures_of
from lakebed._udf.verb import AGG, GEN, MAP, MAP_BATCHES, Verb
from lakebed.exceptions import (
    DataChainParamsError,
    SignalResolvingError,
    SignalSchemaError,
    UdfError,
    UdfSignatureError,
)
from lakebed.expr import Column
from lakebed.file import File, ImageFile
from lakebed.models import DataModel
from lakebed.udf import AbstractUDF, Aggregator, Generator, Mapper

if TYPE_CHECKING:
    from nowhere import Model

SCHEMA = [("file", spec_of(ImageFile)), ("n", spec_of(int)), ("s", spec_of(str | None))]


def parse(
    func: Any = None,
    params: Any = None,
    output: Any = None,
    setup: Any = (),
    verb: Verb = MAP,
    **signals: Any,
) -> UdfSignature:
    [signature] = signatures_of(verb, UdfArguments(func, params, output, signals), SCHEMA, setup)
    return signature


def parse_several(**signals: Any) -> list[UdfSignature]:
    return signatures_of(MAP, UdfArguments(None, None, None, signals), SCHEMA)


def kinds(signature: UdfSignature) -> Any:
    if signature.outputs.types == "infer":
        return "infer"
    return [(name, spec["kind"]) for name, spec in signature.outputs.types]


def taken(signature: UdfSignature) -> list[str]:
    return [t.name for t in signature.taken]


def setups(signature: UdfSignature) -> list[str]:
    return [t.name for t in signature.taken if t.setup]


def describe(file: File, n: float) -> tuple[int, str]:
    return 1, f"{file.name} {n}"


class Count(Mapper):
    def process(self, n: int) -> int:
        return n


class Text:
    def __call__(self, n: int) -> str:
        return str(n)


# Outputs


def test_annotations_tell_the_output_also_of_local_models() -> None:
    class Info(DataModel):
        w: int

    def info(file: File) -> Info:
        return Info(w=file.size)

    signature = parse(info=info)
    assert (signature.name, taken(signature), signature.outputs.multi) == ("info", ["file"], False)
    assert kinds(signature) == [("info", "model")]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"d": describe}, [("d_0", "int"), ("d_1", "str")]),
        ({"func": describe, "output": ["a", "b"]}, [("a", "int"), ("b", "str")]),
        ({"func": describe, "output": {"a": float, "b": bytes}}, [("a", "float"), ("b", "bytes")]),
        ({"func": describe, "output": {"a": int}}, [("a", "int")]),
        ({"x": lambda n: n, "output": int}, [("x", "int")]),
        ({"func": lambda n: n, "output": "x"}, "infer"),
        ({"x": lambda n: n}, "infer"),
        ({"x": lambda n: n, "output": ["a", "b"]}, "infer"),
        ({"x": Count()}, [("x", "int")]),
        ({"x": Text()}, [("x", "str")]),
        ({"x": functools.partial(describe, n=1.0), "output": {"a": int}}, [("a", "int")]),
        ({"x": len, "params": "file.path"}, "infer"),
        ({"x": int, "params": "s"}, [("x", "int")]),
    ],
)
def test_calling_forms(call: dict[str, Any], expected: Any) -> None:
    assert kinds(parse(**call)) == expected


def test_arrays_and_any_are_told_by_the_first_result() -> None:
    def array(n: int) -> np.ndarray:
        return np.zeros(n)

    def anything(n: int) -> Any:
        return n

    assert kinds(parse(x=array)) == kinds(parse(x=anything)) == "infer"


def test_several_names_take_a_tuple() -> None:
    signature = parse(lambda n: (n, n), output=["a", "b"])
    assert (signature.outputs.names, signature.outputs.multi) == (["a", "b"], True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({}, "no function was given"),
        ({"func": describe}, "has no name"),
        ({"func": describe, "x": describe}, "use one"),
        ({"x": 5}, "`5` is not callable"),
        ({"x": Column("n") + 1}, r"`\(n \+ 1\)` is an expression.*hint: \.mutate\(\)"),
        ({"x": Count}, r"`Count` is a class; hint: pass an object, `Count\(\)`"),
        ({"func": describe, "output": ["a"]}, "returns 2 values, but output= names 1"),
        ({"func": describe, "output": ["a", "a"]}, "different ones"),
        ({"func": describe, "output": {1: int}}, "must be non-empty text"),
        ({"func": describe, "output": {"a": object}}, "output `a` of `describe` has unsupported"),
    ],
)
def test_wrong_calls_say_why(call: dict[str, Any], message: str) -> None:
    with pytest.raises(UdfSignatureError, match=message):
        parse(**call)


def test_wrong_annotations_say_why() -> None:
    def nothing(n: int) -> None: ...

    def many(n: int) -> Iterator[int]:
        yield n

    def unknown(n: int) -> Model: ...

    class Bad(DataModel):
        what: object

    def bad(n: int) -> Bad: ...

    for func, message in (
        (nothing, "annotated to return None"),
        (many, "map takes one result per row"),
        (unknown, "the return type `Model` of `unknown` is not defined"),
    ):
        with pytest.raises(UdfSignatureError, match=message):
            parse(x=func)
    with pytest.raises(SignalSchemaError, match=r"field `Bad\.what`"):
        parse(x=bad)


def test_only_mappers_map() -> None:
    class Other(AbstractUDF):
        def process(self, n: int) -> int:
            return n

    with pytest.raises(UdfError, match="is no Mapper"):
        parse(x=Other())


# Parameters


def test_parameters_are_columns_or_setup() -> None:
    def f(model: Model, n, file__path, missing=1): ...

    signature = parse(x=f, setup=["model"])
    assert taken(signature) == ["model", "n", "file.path"]
    assert setups(signature) == ["model"]


def test_params_name_columns() -> None:
    assert taken(parse(x=lambda *a: a, params=["n", "file.path"])) == ["n", "file.path"]
    assert setups(parse(x=lambda m, n: (m, n), params=["m", "n"], setup=["m"])) == ["m"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"x": lambda fil: fil}, "`fil`, a parameter of `<lambda>`; hint: did you mean `file`"),
        ({"x": len, "params": "file.pth"}, "did you mean `file.path`"),
        ({"x": lambda path: path}, "did you mean `file.path`"),
        ({"x": lambda missing=1, n=2: n}, "unknown column `missing`"),
    ],
)
def test_unknown_columns_suggest_near_ones(call: dict[str, Any], message: str) -> None:
    with pytest.raises(SignalResolvingError, match=message):
        parse(**call)


def test_types_of_parameters_are_checked() -> None:
    def text(n: str) -> int: ...

    def file(file: File, s: str, n: float) -> int: ...

    message = "parameter `n` of `text` is `str`, but column `n` is `int`"
    with pytest.raises(SignalResolvingError, match=message):
        parse(x=text)
    assert taken(parse(x=file)) == ["file", "s", "n"]
    assert [t.as_float for t in parse(x=file).taken] == [False, False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"x": lambda *columns: 1}, r"takes `\*columns`, and 'columns' names no column; hint"),
        ({"x": lambda *, n: 1}, "keyword-only parameter `n`"),
        ({"x": lambda n: 1, "params": ["n", "s"]}, "params= names 2 columns"),
        ({"x": lambda n: 1, "params": [1]}, "not `1`"),
        ({"x": lambda n: 1, "y": lambda n: 1, "output": int}, "can't combine 'output'"),
    ],
)
def test_wrong_shapes_say_why(call: dict[str, Any], message: str) -> None:
    with pytest.raises(DataChainParamsError, match=message):
        parse(**call)


# Several functions


def test_functions_run_after_those_they_need() -> None:
    ordered = parse_several(c=lambda a, b: a, b=lambda a: a, a=lambda n: n)
    assert [s.outputs.names for s in ordered] == [["a"], ["b"], ["c"]]


def test_outputs_of_the_call_are_checked_like_columns() -> None:
    def first(n: int) -> str: ...

    def second(a: int) -> int: ...

    with pytest.raises(SignalResolvingError, match="column `a` is `str`"):
        parse_several(a=first, b=second)


def test_circles_and_selves_are_refused() -> None:
    for signals in ({"a": lambda b: b, "b": lambda a: a}, {"a": lambda a: a, "b": lambda n: n}):
        with pytest.raises(DataChainParamsError, match=r"circle|itself"):
            parse_several(**signals)


# gen and agg


class Words(Generator):
    def process(self, s: str) -> Iterator[str]:
        yield from s.split()


class Total(Aggregator):
    def process(self, n: list[int]) -> Iterator[tuple[int, str]]:
        yield sum(n), str(n)


def iterator(s: str) -> Iterator[int]: ...
def iterable(s: str) -> Iterable[int]: ...
def generator(s: str) -> Yields[int, None, None]: ...
def a_list(s: str) -> list[int]: ...
def a_sequence(s: str) -> Sequence[int]: ...
def maybe(s: str) -> list[int] | None: ...
def pairs(s: str) -> Iterator[tuple[int, str]]: ...
def bare(s: str) -> Iterator: ...
def anything(s: str) -> Any: ...
async def agen(s: str) -> AsyncIterator[int]:
    yield 1


async def alist(s: str) -> list[int]: ...


@pytest.mark.parametrize(
    "func", [iterator, iterable, generator, a_list, a_sequence, maybe, agen, alist]
)
def test_gen_takes_the_type_of_one_result(func: Any) -> None:
    assert kinds(parse(x=func, verb=GEN)) == [("x", "int")]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"x": pairs}, [("x_0", "int"), ("x_1", "str")]),
        ({"func": pairs, "output": ["a", "b"]}, [("a", "int"), ("b", "str")]),
        ({"func": pairs, "output": {"a": float, "b": bytes}}, [("a", "float"), ("b", "bytes")]),
        ({"x": lambda s: s.split(), "output": str}, [("x", "str")]),
        ({"x": lambda s: s.split()}, "infer"),
        ({"x": bare}, "infer"),
        ({"x": anything}, "infer"),
        ({"x": Words()}, [("x", "str")]),
    ],
)
def test_calling_forms_of_gen(call: dict[str, Any], expected: Any) -> None:
    assert kinds(parse(verb=GEN, **call)) == expected


def test_gen_needs_many_results_and_agg_too() -> None:
    def one(s: str) -> int: ...

    def group(s: list[str]) -> int: ...

    message = r"`one` returns `int`, but gen takes any number .* annotate `Iterator\[int\]`"
    with pytest.raises(UdfSignatureError, match=message):
        parse(x=one, verb=GEN)
    with pytest.raises(UdfSignatureError, match="agg takes any number"):
        parse(x=group, verb=AGG)


@pytest.mark.parametrize(
    ("verb", "func", "message"),
    [
        (MAP, Words(), "`Words` is no Mapper, which is what map takes"),
        (GEN, Total(), "`Total` is no Generator, which is what gen takes"),
        (AGG, Count(), "`Count` is no Aggregator, which is what agg takes"),
    ],
)
def test_classes_belong_to_their_verbs(verb: Verb, func: Any, message: str) -> None:
    with pytest.raises(UdfError, match=message):
        parse(x=func, verb=verb)


def test_gen_takes_one_function() -> None:
    with pytest.raises(
        UdfSignatureError, match=r"gen takes one function, not several \(`a`, `b`\)"
    ):
        parse(verb=GEN, a=iterator, b=iterator)
    with pytest.raises(UdfSignatureError, match=r"hint: agg\(name=function\)"):
        parse(verb=AGG)


def test_agg_takes_lists() -> None:
    def lists(n: list[float], s: Sequence[str], file: list, file__path) -> Iterator[int]: ...

    signature = parse(x=lists, verb=AGG)
    assert taken(signature) == ["n", "s", "file", "file.path"]
    assert [t.as_float for t in signature.taken] == [True, False, False, False]
    assert kinds(parse(x=Total(), verb=AGG)) == [("x_0", "int"), ("x_1", "str")]


def test_agg_refuses_what_is_no_list_or_of_another_type() -> None:
    def single(n: int) -> Iterator[int]: ...

    def texts(n: list[str]) -> Iterator[int]: ...

    message = r"`n` of `single` is `int`, which is not a list; .* `list\[int\]`"
    with pytest.raises(SignalResolvingError, match=message):
        parse(x=single, verb=AGG)
    message = r"`n` of `texts` is `list\[str\]`, but column `n` is `list\[int\]`"
    with pytest.raises(SignalResolvingError, match=message):
        parse(x=texts, verb=AGG)


# async def and map_batches


def test_async_functions_are_recognised() -> None:
    class Ask(Mapper):
        async def process(self, n: int) -> int: ...

    class Called:
        async def __call__(self, n: int) -> int: ...

    async def plain(n: int, by: int = 1) -> int: ...

    asked = [parse(x=f) for f in (Ask(), Called(), plain, functools.partial(plain, by=2))]
    assert [s.is_async for s in asked] == [True] * 4
    assert [kinds(s) for s in asked] == [[("x", "int")]] * 4
    assert parse(x=agen, verb=GEN).is_async
    assert not parse(x=describe).is_async


def test_forms_of_whole_columns() -> None:
    import pandas as pd
    import pyarrow as pa

    def f(
        n: pa.Array, s: pd.Series, file__path: list[str], file__size: np.ndarray, file
    ) -> Any: ...

    signature = parse(x=f, verb=MAP_BATCHES)
    assert [t.form for t in signature.taken] == ["arrow", "pandas", "list", "numpy", "numpy"]
    assert kinds(signature) == "infer"
    assert kinds(parse(x=a_list, verb=MAP_BATCHES)) == [("x", "int")]
