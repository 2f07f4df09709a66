"""Rows from dicts and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import DatasetFromValuesError

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_many_rows_of_an_iterator_are_written_down(capfd: pytest.CaptureFixture[str]) -> None:
    ahead: list[int] = []

    def records() -> Iterator[dict[str, object]]:
        for n in range(30_000):
            ahead.append(n)
            yield {"n": n, "box": Box(width=n), "note": None if n % 2 else "even"}

    schema = {"n": int, "box": Box, "note": str | None}
    chain = dc.read_records(records(), schema=schema)
    assert len(ahead) == 30_000
    assert chain.schema == schema
    assert chain.count() == 30_000
    assert chain.filter(dc.C("n") == 29_999).to_list("box.width", "note") == [(29_999, None)]
    assert chain.order_by("n").to_values("n") == ahead
    one = dc.read_records(({"n": n} for n in range(20_000)), schema={"n": int})
    assert one.sum("n") == sum(range(20_000))
    assert capfd.readouterr() == ("", "")


def test_a_late_row_that_does_not_fit_is_an_error() -> None:
    records = ({"n": n} if n < 15_000 else {} for n in range(20_000))
    with pytest.raises(DatasetFromValuesError, match="row 15000 has no key `n`"):
        dc.read_records(records, schema={"n": int})


def test_rows_may_bring_their_own_numbers() -> None:
    records = [{"sys__id": 7, "sys__rand": 2**62, "x": 1}, {"sys": dc.Sys(id=3, rand=0), "x": 2}]
    chain = dc.read_records(records, schema={"sys": dc.Sys, "x": int})
    assert chain.to_list() == [(1,), (2,)]
    seen = chain.settings(sys=True).map(at=lambda sys, x: f"{sys.id} {sys.rand} {x}", output=str)
    assert seen.to_values("at") == [f"7 {2**62} 1", "3 0 2"]
    assert chain.settings(sys=True).order_by("sys.id").to_values("x") == [2, 1]
