"""What is said of results that are not what their function declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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
