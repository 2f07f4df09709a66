"""What values tell about the type of their column."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pytest

from lakebed._types.infer import infer_spec, sampled_spec, undecided
from lakebed.exceptions import UdfSignatureError, ValuesToTupleError
from lakebed.models import DataModel


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Box(DataModel):
    x: int
    score: float | None = None


@pytest.mark.parametrize(
    ("values", "kind", "nullable"),
    [
        ([1, 2.5, None], "float", True),
        ([], "str", True),
        ([None, None], "str", True),
        ([True, False], "bool", False),
        ([np.int64(1), 2], "int", False),
        ([{"a": 1}, {}], "json", False),
        ([Box(x=1), None], "model", True),
        ([Color.RED], "enum", False),
        ([(1, 2)], "tuple", False),
        ([(1, "a")], "json", False),
        ([Decimal(1)], "decimal", False),
        ([np.zeros(2), np.ones(2)], "vector", False),
        ([np.zeros(2), np.ones(3)], "list", False),
        ([[1.0], np.ones(3)], "list", False),
    ],
)
def test_values_have_a_kind(values: list[Any], kind: str, *, nullable: bool) -> None:
    spec = infer_spec(values)
    assert (spec["kind"], spec["nullable"]) == (kind, nullable)


def test_items_of_lists_are_merged_over_all_values() -> None:
    item = infer_spec([[], [1], [2.5, None]])["item"]
    assert item == {"kind": "float", "nullable": True}
    assert infer_spec([[]])["item"] == {"kind": "str", "nullable": True}


def test_arrays_of_a_sample_may_have_another_length_later() -> None:
    assert infer_spec([np.zeros(2)], sample=True)["kind"] == "list"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([b"a", "a"], "signal `x`: value 1 is `str`, but value 0 is `bytes`"),
        ([None, "a", Color.RED], "value 2 is `.*Color`, but value 1 is `str`"),
        ([["a", b"a"]], "value 0 is a list of mixed types"),
        ([2**63], "value 0 is `9223372036854775808`: an int has 64 bits"),
        ([object()], "value 0 has unsupported type `object`"),
        ([(1, "a"), (1, b"a")], r"is `tuple\[int, bytes\]`, but value 0 is `tuple\[int, str\]`"),
    ],
)
def test_mixed_values_name_the_one_at_fault(values: list[Any], message: str) -> None:
    with pytest.raises(ValuesToTupleError, match=message):
        infer_spec(values, "signal `x`")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, 1], "int"),
        ([[], [1.5]], "list"),
        ([{}, {"a": 1}], "model"),
        ([None, {"no identifier": 1}], "json"),
        ([1, "a"], "json"),
        ([()], None),
        ([None, None], None),
        ([[], [None]], None),
        ([{}, None], None),
        ([{"a": None}, {"a": []}], None),
        ([], None),
    ],
)
def test_first_results_tell_the_type_or_leave_it_open(values: list[Any], kind: str | None) -> None:
    spec = sampled_spec(values, struct="info")
    assert (spec and spec["kind"]) == kind


def test_results_without_a_type_are_named() -> None:
    for values, part in (([None, []], ""), ([{"a": {"b": []}}], r", key `a\.b`,")):
        message = rf"the type of output `x`{part} is not known: all of the first {len(values)} res"
        with pytest.raises(UdfSignatureError, match=message):
            raise undecided(values, "output `x`", struct="x")


def test_dicts_become_a_struct_on_demand() -> None:
    spec = infer_spec([{"w": 1, "box": {"x": 2.5}}, {"w": None}], struct="info")
    assert (spec["kind"], spec["name"]) == ("model", "info")
    made = spec["cls"](w=1, box={"x": 2})
    assert made.box.x == 2.0
    assert infer_spec([{"no identifier": 1}], struct="info")["kind"] == "json"
