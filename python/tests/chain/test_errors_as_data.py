"""Rows that fail: raised, skipped, null or recorded; retried and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator  # noqa: TC003  annotations are looked at
from typing import Any

import pytest

import lakebed as dc
from lakebed.exceptions import UdfError


def inverse(x: int) -> float:
    return 1 / x


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=[1, 0, 2, 0, 4])


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        ("skip", [(1, 1.0), (2, 0.5), (4, 0.25)]),
        ("record", [(1, 1.0), (2, 0.5), (4, 0.25)]),
        ("null", [(1, 1.0), (0, None), (2, 0.5), (0, None), (4, 0.25)]),
    ],
)
def test_modes(numbers: dc.DataChain, mode: Any, rows: list[Any]) -> None:
    assert numbers.settings(on_error=mode).map(y=inverse).to_list("x", "y") == rows


def test_null_makes_the_column_optional(numbers: dc.DataChain) -> None:
    assert numbers.map(y=inverse).schema["y"] is float
    assert numbers.settings(on_error="null").map(y=inverse).schema["y"] == float | None


def test_by_default_the_users_exception_is_raised_and_names_the_row(numbers: dc.DataChain) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        numbers.map(y=inverse).to_list()
    notes = getattr(caught.value, "__notes__", [])
    assert any("`inverse`" in note and "row 1" in note for note in notes)


def test_errors_are_rows(numbers: dc.DataChain) -> None:
    failed = numbers.settings(on_error="record").map(y=inverse).errors()
    columns = ["stage", "row", "arguments", "error", "message", "traceback", "attempts"]
    assert list(failed.schema) == columns
    assert failed.to_list("stage", "row", "error", "message", "attempts") == [
        ("inverse", 1, "ZeroDivisionError", "division by zero", 1),
        ("inverse", 3, "ZeroDivisionError", "division by zero", 1),
    ]
    text = failed.to_values("traceback")[0]
    assert "return 1 / x" in text
    assert "lakebed/_" not in text
    assert "0" in failed.to_values("arguments")[0]


def test_errors_of_a_saved_chain(numbers: dc.DataChain) -> None:
    saved = numbers.settings(on_error="record").map(y=inverse).save("inverses")
    assert saved.to_values("y") == [1.0, 0.5, 0.25]
    assert saved.errors().to_values("row") == [1, 3]
    assert saved.filter(dc.C("x") > 0).errors().count() == 0
    assert saved.errors().save("failures").count() == 2


def test_errors_tells_of_null_but_not_of_skip(numbers: dc.DataChain) -> None:
    assert numbers.settings(on_error="null").map(y=inverse).errors().count() == 2
    assert numbers.settings(on_error="skip").map(y=inverse).errors().count() == 0
    assert numbers.map(y=lambda x: x, output=int).errors().to_list() == []


def test_gen_and_agg_record_too(numbers: dc.DataChain) -> None:
    def repeat(x: int) -> Iterator[int]:
        yield 6 // x

    made = numbers.settings(on_error="record").gen(y=repeat, keep=True)
    assert made.to_list() == [(1, 6), (2, 3), (4, 1)]
    assert made.errors().to_values("row") == [1, 3]
    made = numbers.settings(on_error="record").agg(
        y=lambda x: [1 // x[0]], partition_by="x", output=int
    )
    assert made.to_values("y") == [1, 0, 0]
    assert made.errors().count() == 1


def test_results_that_do_not_fit_are_failures(numbers: dc.DataChain) -> None:
    def wrong(x: int) -> int:
        return "no" if x == 2 else x  # type: ignore[return-value]

    with pytest.raises(UdfError, match="wrong"):
        numbers.map(y=wrong).to_list()
    made = numbers.settings(on_error="record").map(y=wrong)
    assert made.to_values("y") == [1, 0, 0, 4]
    assert made.errors().to_list("row", "error") == [(2, "UdfError")]


def test_the_first_rows_may_fail_where_the_type_is_open() -> None:
    chain = dc.read_values(x=[0, 0, 2]).settings(on_error="skip")
    assert chain.map(y=lambda x: 1 / x).to_values("y") == [0.5]


def test_max_errors(numbers: dc.DataChain) -> None:
    two = numbers.settings(on_error="skip", max_errors=2).map(y=inverse)
    assert two.count() == 3
    one = numbers.settings(on_error="skip", max_errors=1).map(y=inverse)
    with pytest.raises(dc.DataChainError, match="1"):
        one.to_list()


def test_retries(numbers: dc.DataChain) -> None:
    calls: list[int] = []

    def flaky(x: int) -> int:
        calls.append(x)
        if calls.count(x) < 3 and x == 4:
            raise ConnectionError
        return x

    patient = numbers.settings(retries=2, retry_on=ConnectionError, retry_wait=0)
    assert patient.map(y=flaky).to_values("y") == [1, 0, 2, 0, 4]
    assert calls == [1, 0, 2, 0, 4, 4, 4]


def test_retries_end_and_spare_other_exceptions(numbers: dc.DataChain) -> None:
    def bad(x: int) -> int:
        if x == 1:
            raise ConnectionError
        return 1 // x

    made = numbers.settings(on_error="record", retries=2, retry_on=OSError, retry_wait=0).map(y=bad)
    assert made.errors().to_list("row", "error", "attempts") == [
        (0, "ConnectionError", 3),
        (1, "ZeroDivisionError", 1),
        (3, "ZeroDivisionError", 1),
    ]


def cancelled(x: int) -> int:
    if x == 0:
        raise asyncio.CancelledError
    return x


async def cancelled_coroutine(x: int) -> int:
    return cancelled(x)


def cancelled_rows(x: int) -> Iterator[int]:
    yield cancelled(x)


def cancelled_batch(x: list[int]) -> list[int]:
    return [cancelled(one) for one in x]


CANCELLED = {
    "row": lambda chain: chain.map(y=cancelled),
    "coroutine": lambda chain: chain.map(y=cancelled_coroutine),
    "threads": lambda chain: chain.settings(concurrency=2).map(y=cancelled),
    "rows": lambda chain: chain.gen(y=cancelled_rows),
    "batch": lambda chain: chain.map_batches(cancelled_batch, params=["x"], output={"y": int}),
    "worker": lambda chain: chain.settings(parallel=1).map(y=cancelled),
}


@pytest.mark.parametrize("verb", CANCELLED)
def test_a_cancelled_row_fails_as_any_other(numbers: dc.DataChain, verb: str) -> None:
    made = CANCELLED[verb](numbers.settings(on_error="record"))
    assert made.to_values("y") == [1, 2, 4]
    assert made.errors().to_values("error") == ["CancelledError"] * 2
    with pytest.raises(asyncio.CancelledError):
        CANCELLED[verb](numbers).to_list()


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("mode", ["raise", "skip", "null", "record"])
def test_the_end_of_the_program_is_no_failure_of_a_row(
    numbers: dc.DataChain, mode: Any, error: type[BaseException]
) -> None:
    def leave(x: int) -> int:
        raise error(x)

    async def leave_later(x: int) -> int:
        raise error(x)

    for function in (leave, leave_later):
        with pytest.raises(error):
            numbers.settings(on_error=mode).map(y=function).to_list()


class Mute(Exception):  # noqa: N818
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("caf\udce9.png"), "ValueError", "caf\\udce9.png"),
        (Mute(), "Mute", ""),
    ],
)
def test_messages_that_are_no_text(error: Exception, kind: str, message: str) -> None:
    def fail(x: int) -> int:
        if x:
            raise error
        return x

    failed = dc.read_values(x=[1]).settings(on_error="record", ephemeral=True).map(y=fail)
    [row] = failed.errors().to_records()
    assert (row["error"], row["message"]) == (kind, message)
    assert "in fail" in row["traceback"]
