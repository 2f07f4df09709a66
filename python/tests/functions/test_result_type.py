"""`expr.get_result_type(schema)`: the type of an expression, without rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lakebed.lib.signal_schema import SignalSchema

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, SignalResolvingError, SignalSchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = {"a": int, "b": float, "s": str | None, "f": dc.File, "tags": list[str]}
BY_S = func.window(partition_by="s", order_by="a")


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (lambda: C("a"), int),
        (lambda: C("a") + C("b"), float),
        (lambda: C("s") == "x", bool),
        (lambda: C("f"), dc.File),
        (lambda: C("f.size") // 2, int),
        (lambda: C("tags"), list[str]),
        (lambda: func.cast("s", int).label("n"), int),
        (func.count, int),
        (lambda: func.sum("b") / func.count(), float),
        (lambda: func.collect("a"), list[int | None]),
        (lambda: func.coalesce("tags", []), list[str]),
        (lambda: func.row_number().over(BY_S), int),
    ],
)
def test_the_type_over_columns(expr: Callable[[], dc.Expr], expected: Any) -> None:
    assert expr().get_result_type(COLUMNS) == expected
    assert expr().get_result_type(SignalSchema(COLUMNS)) == expected
    chain = dc.read_records([], schema=COLUMNS)
    assert expr().get_result_type(chain.schema) == expected
    assert expr().get_result_type(chain.signals_schema) == expected


def test_what_has_no_columns_needs_no_schema() -> None:
    assert func.rand().get_result_type() is int
    assert func.literal("a").get_result_type() is str
    with pytest.raises(
        DataChainColumnError,
        match=r"column sum\(\): A dataset context is required .* get_result_type\(chain.schema\)",
    ):
        func.sum("a").get_result_type()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SignalResolvingError, match="unknown column `c`"):
        func.sum("c").get_result_type(COLUMNS)
    with pytest.raises(DataChainColumnError, match="`sum` does not take str"):
        func.sum("s").get_result_type(COLUMNS)
    with pytest.raises(SignalSchemaError, match="column `x` has unsupported type `object`"):
        SignalSchema({"x": object})
