"""Rows from dicts and models."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import DatasetFromValuesError


class Box(BaseModel):
    width: int
    label: str = "none"


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"x": 1}, [(1,)]),
        ([{"x": 1}, {"x": 2}], [(1,), (2,)]),
        (iter([{"x": 1}]), [(1,)]),
        (None, []),
        ([], []),
    ],
)
def test_shapes(given: object, rows: list[tuple[int, ...]]) -> None:
    assert dc.read_records(given, schema={"x": int}).to_list() == rows


def test_models_flat_or_whole() -> None:
    given = [
        {"box": Box(width=1, label="a")},
        {"box": {"width": 2}},
        {"box__width": 3, "box__label": "c"},
    ]
    chain = dc.read_records(given, schema={"box": Box})
    assert chain.to_list("box.width", "box.label") == [(1, "a"), (2, "none"), (3, "c")]


def test_a_model_as_schema() -> None:
    chain = dc.read_records([{"width": 1, "label": "a"}], schema=Box)
    assert chain.to_records() == [{"width": 1, "label": "a"}]


def test_missing_keys() -> None:
    chain = dc.read_records([{"x": 1}], schema={"x": int, "y": str | None})
    assert chain.to_list() == [(1, None)]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ([{"x": 1}, {}], "row 1 has no key `x`"),
        ([{"x": 1, "z": 2}], "row 0 has the key `z`"),
        ([1], "row 0 is no dict"),
    ],
)
def test_refuses(given: object, part: str) -> None:
    with pytest.raises(DatasetFromValuesError) as caught:
        dc.read_records(given, schema={"x": int})
    assert part in str(caught.value)


def test_a_field_that_does_not_fit_is_named() -> None:
    with pytest.raises(DatasetFromValuesError) as caught:
        dc.read_records([{"box": {"width": "wide"}}], schema={"box": Box})
    assert "row 0, `box.width`" in str(caught.value)
