"""What `map` understands of a function and its arguments."""

# ruff: noqa: ARG005  the names of parameters are what is under test
from __future__ import annotations

import functools
from collections.abc import Iterator  # noqa: TC003
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lakebed._schema import spec_of
from lakebed.exceptions import (
    DataChainParamsError,
    SignalResolvingError,
    SignalSchemaError,
    UdfError,
    UdfSignatureError,
)
from lakebed.file import File, ImageFile
from lakebed.models import DataModel
from lakebed.udf import AbstractUDF, Mapper, UdfSignature, parse_map

if TYPE_CHECKING:
    from nowhere import Model

SCHEMA = [("file", spec_of(ImageFile)), ("n", spec_of(int)), ("s", spec_of(str | None))]


def parse(
    func: Any = None, params: Any = None, output: Any = None, setup: Any = (), **signals: Any
) -> UdfSignature:
    [signature] = parse_map(func, params, output, signals, SCHEMA, setup)
    return signature


def kinds(signature: UdfSignature) -> Any:
    if signature.outputs == "infer":
        return "infer"
    return [(name, spec["kind"]) for name, spec in signature.outputs]


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
    assert (signature.name, signature.params, signature.multi) == ("info", ["file"], False)
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
    assert (signature.names, signature.multi) == (["a", "b"], True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({}, "no function was given"),
        ({"func": describe}, "has no name"),
        ({"func": describe, "x": describe}, "use one"),
        ({"x": 5}, "`5` is not callable"),
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
    assert signature.params == ["model", "n", "file.path"]
    assert signature.setup_names == ["model"]


def test_params_name_columns() -> None:
    assert parse(x=lambda *a: a, params=["n", "file.path"]).params == ["n", "file.path"]
    assert parse(x=lambda m, n: (m, n), params=["m", "n"], setup=["m"]).setup_names == ["m"]


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
    assert parse(x=file).params == ["file", "s", "n"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"x": lambda *columns: 1}, r"takes `\*columns`; hint: name the columns with params="),
        ({"x": lambda *, n: 1}, "keyword-only parameter `n`"),
        ({"x": lambda n: 1, "params": ["n", "s"]}, "params= names 2 columns"),
        ({"x": lambda n: 1, "params": [1]}, "not `1`"),
        ({"x": lambda n: 1, "y": lambda n: 1, "output": int}, "take neither"),
    ],
)
def test_wrong_shapes_say_why(call: dict[str, Any], message: str) -> None:
    with pytest.raises(DataChainParamsError, match=message):
        parse(**call)


# Several functions


def test_functions_run_after_those_they_need() -> None:
    signals = {"c": lambda a, b: a, "b": lambda a: a, "a": lambda n: n}
    ordered = parse_map(None, None, None, signals, SCHEMA)
    assert [s.names for s in ordered] == [["a"], ["b"], ["c"]]


def test_outputs_of_the_call_are_checked_like_columns() -> None:
    def first(n: int) -> str: ...

    def second(a: int) -> int: ...

    with pytest.raises(SignalResolvingError, match="column `a` is `str`"):
        parse_map(None, None, None, {"a": first, "b": second}, SCHEMA)


def test_circles_and_selves_are_refused() -> None:
    for signals in ({"a": lambda b: b, "b": lambda a: a}, {"a": lambda a: a, "b": lambda n: n}):
        with pytest.raises(DataChainParamsError, match=r"circle|itself"):
            parse_map(None, None, None, signals, SCHEMA)
