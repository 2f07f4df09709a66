"""Rows that another chain does not have."""

from __future__ import annotations

import math
from typing import Any

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import DataChainColumnError, DataChainParamsError, SignalResolvingError


class SubtractPoint(dc.DataModel):
    x: int
    y: int | None


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({"on": "k"}, [0, 3]),
        ({"on": ["k", "s"]}, [0, 1, 3, 4]),
        ({"on": "k", "right_on": "j"}, [0, 1, 2, 3, 4]),
        ({"on": C("s")}, [0, 1, 3, 4]),
        ({}, [0, 1, 2, 3, 4]),
    ],
)
def test_leaves_out_rows_that_agree(options: dict[str, Any], ids: list[int]) -> None:
    left = dc.read_values(id=[0, 1, 2, 3, 4], k=[1, 2, 2, 1, None], s=["a", "b", "c", "a", "d"])
    right = dc.read_values(id=[7, 7], k=[2, None], s=["c", None], j=[9, 9])
    assert sorted(left.subtract(right, **options).to_values("id")) == ids


def test_by_all_common_fields_by_default() -> None:
    left = dc.read_values(x=[1, 1, 2, None], y=["a", "a", "b", None])
    right = dc.read_values(y=["b", None, "a"], x=[2, None, 3], z=[0, 0, 0])
    assert left.subtract(right).to_list() == [(1, "a"), (1, "a")]
    assert left.subtract(left).count() == 0
    assert left.subtract(left.limit(0)).count() == 4


def test_models_and_their_fields() -> None:
    points = [SubtractPoint(x=1, y=1), SubtractPoint(x=1, y=None), SubtractPoint(x=2, y=None)]
    left = dc.read_values(p=[*points, None])
    right = dc.read_values(q=points[1:])
    assert left.subtract(right, on="p", right_on="q").order_by("p.x").to_values("p") == [
        points[0],
        None,
    ]
    assert left.subtract(right, on="p.x", right_on="q.x").to_values("p") == [None]
    assert left.subtract(dc.read_values(p=[points[0], None])).count() == 2


def test_floats_are_numbers() -> None:
    left = dc.read_values(x=[math.nan, 0.0, 1.5])
    assert left.subtract(dc.read_values(x=[math.nan, -0.0])).to_values("x") == [1.5]


def test_sys_stays() -> None:
    saved = dc.read_values(x=[1, 2, 3]).save("rows").settings(sys=True)
    left = saved.subtract(dc.read_values(x=[2])).order_by("x")
    assert left.to_list("x", "sys.id") == saved.filter(C("x") != 2).to_list("x", "sys.id")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"on": []}, DataChainParamsError, "cannot be empty"),
        ({"on": ""}, DataChainParamsError, "cannot be empty"),
        ({"right_on": "x"}, DataChainParamsError, "'on' must be specified"),
        ({"on": ["x"], "right_on": ["x", "x"]}, DataChainParamsError, "same length"),
        ({"on": 3}, TypeError, "takes names in `on`, not `3`"),
        ({"on": "xx"}, SignalResolvingError, "did you mean `x`"),
        ({"on": "x", "right_on": "s"}, DataChainColumnError, "int64 and str cannot be compared"),
        ({"on": "p", "right_on": "x"}, DataChainColumnError, "only one of them has a field `x`"),
    ],
)
def test_refuses(options: dict[str, Any], error: type[Exception], message: str) -> None:
    left = dc.read_values(x=[1], p=[SubtractPoint(x=1, y=2)])
    with pytest.raises(error) as caught:
        left.subtract(dc.read_values(x=[1], s=["a"]), **options)
    assert message in str(caught.value)


def test_refuses_chains_with_nothing_in_common() -> None:
    with pytest.raises(DataChainParamsError, match="no common columns"):
        dc.read_values(x=[1]).subtract(dc.read_values(y=[1]))
