"""Rows from rows: calling forms, kept columns, types from the first results."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003  annotations are looked at

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    SignalResolvingError,
    UdfError,
    UdfSignatureError,
)


class Word(BaseModel):
    text: str
    length: int


@pytest.fixture
def lines() -> dc.DataChain:
    return dc.read_values(id=[1, 2, 3], line=["a bc", "", "d"])


def words(line: str) -> Iterator[str]:
    yield from line.split()


def test_results_of_a_row_stay_in_order_and_other_columns_go(lines: dc.DataChain) -> None:
    made = lines.gen(word=words)
    assert dict(made.schema) == {"word": str}
    assert made.to_list() == [("a",), ("bc",), ("d",)]


def test_models(lines: dc.DataChain) -> None:
    def split(line: str) -> Iterator[Word]:
        for text in line.split():
            yield Word(text=text, length=len(text))

    assert lines.gen(word=split).to_list("word.text", "word.length")[1] == ("bc", 2)


def test_several_columns(lines: dc.DataChain) -> None:
    def split(line: str) -> Iterator[tuple[str, int]]:
        for text in line.split():
            yield text, len(text)

    assert lines.gen(w=split).to_list("w_0", "w_1")[0] == ("a", 1)
    assert lines.gen(split, output=["t", "n"]).to_list("t", "n")[2] == ("d", 1)
    assert lines.gen(split, output={"t": str, "n": float}).schema["n"] is float


def test_params_lists_and_none(lines: dc.DataChain) -> None:
    made = lines.gen(
        lambda n, text: [n] * len(text) if text else None, params=["id", "line"], output={"x": int}
    )
    assert made.to_values("x") == [1, 1, 1, 1, 3]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (None, [("a",), ("bc",), ("d",)]),
        (False, [("a",), ("bc",), ("d",)]),
        ("id", [(1, "a"), (1, "bc"), (3, "d")]),
        (["line", "id"], [("a bc", 1, "a"), ("a bc", 1, "bc"), ("d", 3, "d")]),
        (True, [(1, "a bc", "a"), (1, "a bc", "bc"), (3, "d", "d")]),
    ],
)
def test_keep(lines: dc.DataChain, keep: object, expected: object) -> None:
    assert lines.gen(word=words, keep=keep).to_list() == expected


def test_keep_takes_fields() -> None:
    chain = dc.read_values(w=[Word(text="a", length=1)])
    made = chain.gen(n=lambda w: [w.length, 7], keep="w.text")
    assert list(made.schema.flatten()) == ["w.text", "n"]
    assert made.to_list("w.text", "n") == [("a", 1), ("a", 7)]


def test_the_types_come_from_the_first_results_which_are_used(lines: dc.DataChain) -> None:
    calls: list[str] = []

    def split(line):
        calls.append(line)
        return [{"text": text, "half": len(text) / 2} for text in line.split()]

    made = lines.gen(word=split)
    assert calls == ["a bc"]
    assert made.to_list("word.text", "word.half") == [("a", 0.5), ("bc", 1.0), ("d", 0.5)]
    assert calls == ["a bc", "", "d"]


def test_more_rows_are_looked_at_while_the_type_is_open() -> None:
    calls: list[int] = []

    def later(x):
        calls.append(x)
        return [[None], [], [2.5]][x]

    made = dc.read_values(x=[0, 1, 2]).gen(y=later)
    assert made.schema["y"] == float | None
    assert made.to_values("y") == [None, 2.5]
    assert calls == [0, 1, 2]


def test_an_open_type_is_refused() -> None:
    chain = dc.read_values(x=[0, 1])
    with pytest.raises(UdfSignatureError, match="none of the first 2 calls gave a result; hint"):
        chain.gen(y=lambda x: [])  # noqa: ARG005
    with pytest.raises(UdfSignatureError, match="all of the first 2 results are None or empty"):
        chain.gen(y=lambda x: [None])  # noqa: ARG005
    with pytest.raises(UdfError, match="must yield its results or return a list, not `0`"):
        chain.gen(y=lambda x: x)


def test_no_row_gives_text(lines: dc.DataChain) -> None:
    assert lines.limit(0).gen(y=lambda line: [line]).schema["y"] == str | None


def test_classes_are_set_up_and_torn_down(lines: dc.DataChain) -> None:
    events: list[str] = []

    class Split(dc.Generator):
        def setup(self) -> None:
            events.append("setup")

        def process(self, line: str) -> Iterator[str]:
            yield from line.split()

        def teardown(self) -> None:
            events.append("teardown")

    assert lines.gen(word=Split()).count() == 3
    assert events == ["setup", "teardown"]


def test_setup_values(lines: dc.DataChain) -> None:
    made = lines.setup(times=lambda: 2).gen(x=lambda line, times: [len(line)] * times)
    assert made.to_values("x") == [4, 4, 0, 0, 1, 1]


def test_limit_and_filter_behind_it(lines: dc.DataChain) -> None:
    made = lines.gen(word=words)
    assert made.limit(2).to_values("word") == ["a", "bc"]
    assert made.filter(dc.C("word") != "a").to_values("word") == ["bc", "d"]
    assert made.map(n=lambda word: 2 * len(word)).to_values("n") == [2, 4, 2]


def test_failures_name_the_row(lines: dc.DataChain) -> None:
    def bad(id: int) -> Iterator[int]:
        yield 1 // (id - 2)

    with pytest.raises(ZeroDivisionError):
        lines.gen(x=bad).to_list()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({}, UdfSignatureError, "no function was given"),
        ({"func": words}, UdfSignatureError, "has no name"),
        ({"a": words, "b": words}, UdfSignatureError, "one function, not several"),
        ({"a": lambda lin: lin}, SignalResolvingError, "did you mean `line`"),
        ({"a": words, "keep": "idd"}, SignalResolvingError, "`idd` in keep; hint: did you mean"),
        ({"id": words, "keep": True}, DataChainColumnError, "`id` is kept and made at once"),
        ({"a": words, "keep": 1}, DataChainParamsError, "True or names of columns, not `1`"),
        ({"a": words, "output": object}, UdfSignatureError, "unsupported type"),
    ],
)
def test_wrong_calls_say_why(
    lines: dc.DataChain, call: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        lines.gen(**call)
