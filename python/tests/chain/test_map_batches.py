"""Functions of whole columns: what arrives, what may be returned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import lakebed as dc
from lakebed.exceptions import DataChainColumnError, SettingsError, UdfSignatureError


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=[1, 2, 3, 4, 5], y=[0.5, 1.5, 2.5, 3.5, 4.5])


def test_what_arrives_is_what_the_annotation_says(numbers: dc.DataChain) -> None:
    seen: list[str] = []

    def kinds(x: pa.Array, y: pd.Series) -> list[int]:
        seen.extend((type(x).__name__, type(y).__name__))
        return [0] * len(x)

    def others(x: np.ndarray, y: list[float]) -> list[int]:
        seen.extend((type(x).__name__, type(y).__name__))
        return [0] * len(x)

    numbers.map_batches(z=kinds).to_list()
    numbers.map_batches(z=others).to_list()
    numbers.map_batches(z=lambda x: seen.append(type(x).__name__) or x, output=int).to_list()
    assert seen == ["Int64Array", "Series", "ndarray", "list", "ndarray"]


@pytest.mark.parametrize(
    "func",
    [
        lambda x: x * 2,
        lambda x: list(x * 2),
        lambda x: pd.Series(x * 2),
        lambda x: pa.array(x * 2),
        lambda x: {"z": x * 2},
        lambda x: pd.DataFrame({"z": x * 2}),
        lambda x: pa.table({"z": x * 2}),
        lambda x: pa.record_batch({"z": x * 2}),
    ],
)
def test_what_may_be_returned(numbers: dc.DataChain, func: Any) -> None:
    made = numbers.map_batches(z=func)
    assert made.schema["z"] == int | None
    assert made.to_list("x", "z") == [(1, 2), (2, 4), (3, 6), (4, 8), (5, 10)]


def test_several_columns(numbers: dc.DataChain) -> None:
    for func in (lambda x, y: (x + y, x > 2), lambda x, y: {"b": x > 2, "a": x + y}):
        made = numbers.map_batches(func, output=["a", "b"])
        assert made.to_list("a", "b")[2] == (5.5, True)
    made = numbers.map_batches(lambda x: (x, x), output={"a": int, "b": float})
    assert made.to_list("a", "b")[0] == (1, 1.0)


def test_rows_of_a_call(numbers: dc.DataChain) -> None:
    heights: list[int] = []

    def seen(x: list[int]) -> list[int]:
        heights.append(len(x))
        return x

    numbers = numbers.settings(ephemeral=True)
    assert numbers.map_batches(z=seen, batch_rows=2).to_values("z") == [1, 2, 3, 4, 5]
    assert heights == [2, 2, 1]
    heights.clear()
    numbers.settings(batch_rows=3).map_batches(z=seen).to_values("z")
    assert heights == [3, 2]


def test_vectors_and_params(numbers: dc.DataChain) -> None:
    def rows(values: np.ndarray) -> np.ndarray:
        return np.stack([values, values], axis=1)

    made = numbers.map_batches(rows, params="y", output={"v": dc.Vector(2)})
    assert made.to_values("v")[1] == [1.5, 1.5]
    assert made.map_batches(s=lambda v: v.sum(axis=1)).to_values("s")[1] == 3.0


def test_missing_values_stay_missing() -> None:
    chain = dc.read_values(x=[1, None, 3])

    def twice(x: pa.Array) -> pa.Array:
        return pc.multiply(x, 2)

    assert chain.map_batches(z=twice).to_values("z") == [2, None, 6]


def test_setup_values(numbers: dc.DataChain) -> None:
    made = numbers.setup(by=lambda: 10).map_batches(z=lambda x, by: x * by)
    assert made.to_values("z")[-1] == 50


def test_the_height_has_to_fit(numbers: dc.DataChain) -> None:
    def short(x: list[int]) -> list[int]:
        return x[1:]

    with pytest.raises(dc.DataChainError, match="`short`"):
        numbers.map_batches(z=short).to_list()


def test_no_row(numbers: dc.DataChain) -> None:
    assert numbers.limit(0).map_batches(z=lambda x: x).schema["z"] == str | None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({}, UdfSignatureError, r"hint: map_batches\(name=function\)"),
        ({"x": lambda y: y}, DataChainColumnError, "x"),
        ({"a": lambda: 1}, UdfSignatureError, "one without columns"),
        ({"a": lambda x: x, "batch_rows": 0}, SettingsError, "at least 1, not `0`"),
        ({"a": lambda x: x, "b": lambda x: x}, UdfSignatureError, "one function, not several"),
    ],
)
def test_wrong_calls_say_why(
    numbers: dc.DataChain, call: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        numbers.map_batches(**call)


def test_async_functions_are_refused(numbers: dc.DataChain) -> None:
    async def wait(x: list[int]) -> list[int]:
        return x

    with pytest.raises(UdfSignatureError, match="`wait` is an `async def` function"):
        numbers.map_batches(z=wait)


def test_large_rows_beside_them_make_no_smaller_batches() -> None:
    heights: list[int] = []

    def height(text: pa.Array) -> list[int]:
        heights.append(len(text))
        return [0] * len(text)

    rows, width = 20_000, 2_000
    texts = dc.read_values(text=["x" * width] * rows)
    assert len(texts.map_batches(z=height).to_list("z")) == sum(heights) == rows
    assert len(heights) < rows // 100
