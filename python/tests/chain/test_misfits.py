"""What is said of results that are not what their function declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import JsonSerializationError, UdfError

if TYPE_CHECKING:
    from collections.abc import Iterator

TWO = {"ids": list[str], "n": int}


class Odd:
    """Nothing that JSON knows."""


@pytest.mark.parametrize(
    ("output", "result", "told"),
    [
        ({"ids": list[str]}, "2", "output `ids` of `f`. Expected list[str], got '2' (type: str)"),
        ({"n": int}, "2", "output `n` of `f`. Expected int, got '2' (type: str)"),
        (
            {"ids": list[str]},
            ["2", 3],
            "got ['2', 3] (type: list): an item: expected str, got int `3`",
        ),
        (TWO, "2", "outputs `ids` and `n` of `f`. Expected list[str] and int, got '2' (type: str)"),
        (TWO, "2", "UDF call returned 1 value while 2 are expected per output definition"),
        (TWO, (), "UDF call returned 0 values while 2 are expected"),
        (TWO, (1, 2, 3), "`f` returned 3 values, but 2 are declared in output: `ids`, `n`"),
    ],
)
def test_the_outputs_and_what_came_are_named(
    output: dict[str, Any], result: Any, told: str
) -> None:
    def f(_a: str) -> Any:
        return result

    with pytest.raises(UdfError) as caught:
        dc.read_values(a=["x"]).map(f, params="a", output=output).to_list()
    assert told in str(caught.value)
    assert caught.value.code == "udf.function_failed"


def test_what_json_cannot_hold_is_the_cause() -> None:
    chain = dc.read_values(a=["x"]).map(lambda _: {"k": Odd()}, params="a", output={"d": dict})
    with pytest.raises(UdfError) as caught:
        chain.to_list()
    assert "output `d` of `<lambda>`. Expected JSON-serializable dict" in str(caught.value)
    assert isinstance(caught.value.__cause__, JsonSerializationError)
    assert caught.value.__cause__.column_name == "d"
    assert isinstance(caught.value.__cause__.__cause__, TypeError)


def test_agg_that_returns_instead_of_yielding() -> None:
    def wrong(_a: list[str]) -> Iterator[Any]:
        return ("2",)  # type: ignore[return-value]

    chain = dc.read_values(a=["x"]).agg(wrong, params="a", output=TWO)
    with pytest.raises(UdfError, match="hint: functions of gen and agg usually use yield"):
        chain.to_list()


def test_rows_that_do_not_fit_are_listed_without_the_class() -> None:
    chain = dc.read_values(a=["x", "y"]).settings(on_error="record")
    made = chain.map(f=lambda a: 1 if a == "x" else "2", output=int)
    assert made.to_values("f") == [1]
    [(message,)] = made.errors().to_list("message")
    assert message.startswith("invalid value for output `f`")


class Label(BaseModel):
    """Its field may be set to anything."""

    kind: Literal["a", "b"] = "a"


def mislabelled(x: int) -> Label:
    label = Label()
    vars(label)["kind"] = "abc"[x]
    return label


@pytest.mark.parametrize(
    ("output", "result", "told"),
    [
        (Literal["a", "b"], "c", "Expected Literal['a', 'b'], got 'c' (type: str)"),
        (Literal[1, 2], 3, "Expected Literal[1, 2], got 3 (type: int)"),
        (list[Literal["a", "b"]], ["a", "c"], "expected Literal['a', 'b'], got str `'c'`"),
        (dict, 5, "Expected dict, got 5 (type: int)"),
        (dict, [1], "Expected dict, got [1] (type: list)"),
        (list, {"a": 1}, "Expected list, got {'a': 1} (type: dict)"),
    ],
)
def test_values_that_the_type_does_not_admit(output: Any, result: Any, told: str) -> None:
    chain = dc.read_values(x=[1]).settings(on_error="record", ephemeral=True)
    made = chain.map(y=lambda x: x and result, output=output)
    assert made.to_values("y") == []
    [message] = made.errors().to_values("message")
    assert told in message


def test_fields_that_the_model_does_not_admit() -> None:
    with pytest.raises(UdfError, match="expected Literal"):
        dc.read_values(x=[2]).map(y=mislabelled).to_list()
