"""Rows from rows: calling forms, kept columns, types from the first results."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator  # noqa: TC003  annotations are looked at
from pathlib import Path  # noqa: TC003
from typing import cast

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
        chain.gen(y=lambda x: [[]])  # noqa: ARG005
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


def from_here(id: int) -> Iterator[int]:
    yield from itertools.count(id)


def test_a_generator_without_end_ends_with_the_limit(lines: dc.DataChain) -> None:
    counted = lines.gen(n=from_here)
    assert counted.limit(20_000).to_values("n") == list(range(1, 20_001))


def test_types_from_a_generator_without_end(lines: dc.DataChain) -> None:
    def counting(id):  # type: ignore[no-untyped-def]
        return itertools.count(id)

    counted = lines.gen(n=counting)
    assert counted.schema["n"] == (int | None)
    assert counted.limit(3).to_values("n") == [1, 2, 3]


@pytest.mark.parametrize("parallel", [None, 2])
def test_results_that_come_in_parts_are_all_there_and_kept(
    parallel: int | None, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"

    def numbers(id: int) -> Iterator[int]:
        with calls.open("a") as file:
            file.write(f"{id}\n")
        yield from range(id * 50_000)

    made = dc.read_values(id=[1, 0, 2]).settings(parallel=parallel).gen(n=numbers, keep=["id"])
    expected = [(1, n) for n in range(50_000)] + [(2, n) for n in range(100_000)]
    for _ in range(2):
        assert made.to_list("id", "n") == expected
    assert sorted(calls.read_text().split()) == ["0", "1", "2"]


def test_results_that_do_not_fit_into_memory_are_kept_too(tmp_path: Path) -> None:
    calls = tmp_path / "calls"

    def blocks(id: int) -> Iterator[bytes]:
        with calls.open("a") as file:
            file.write(f"{id}\n")
        for at in range(100):
            yield bytes([id, at]) * (1 << 19)

    made = dc.read_values(id=[1, 2]).gen(block=blocks, keep=["id"])
    for _ in range(2):
        blocks_seen = [(id, block[:2], len(block)) for id, block in made.to_list("id", "block")]
        assert blocks_seen == [(id, bytes([id, at]), 1 << 20) for id in (1, 2) for at in range(100)]
    assert calls.read_text().split() == ["1", "2"]


def test_a_generator_that_fails_after_many_results(lines: dc.DataChain) -> None:
    def failing(id: int) -> Iterator[int]:
        yield from range(20_000)
        if id == 2:
            raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        lines.gen(n=failing).save("many")
    assert "many" not in dc.datasets().to_values("name")
    made = lines.settings(on_error="skip").gen(n=failing, keep=["id"])
    assert [id for id, n in made.to_list("id", "n") if n == 0] == [1, 3]
    assert made.count() == 40_000


def test_a_generator_that_nobody_goes_on_with_is_closed(lines: dc.DataChain) -> None:
    closed = threading.Event()

    def watched(id: int) -> Iterator[int]:
        try:
            yield from itertools.count(id)
        finally:
            closed.set()

    assert lines.gen(n=watched).limit(2).to_values("n") == [1, 2]
    assert closed.wait(timeout=30)


class Countdown:
    """An iterator that cannot be asked for another one, as `for` wants them."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __next__(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left


class Numbers:
    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Countdown:
        return Countdown(self.count)


def test_more_results_of_a_bare_iterator_than_are_taken_at_once() -> None:
    def numbers(n: int) -> Iterator[int]:
        return cast("Iterator[int]", Numbers(n))

    chain = dc.read_values(n=[3, 5000])
    counts = chain.gen(i=numbers).to_values("i")
    assert counts == [*range(2, -1, -1), *range(4999, -1, -1)]
