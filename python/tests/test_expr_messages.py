"""What a wrong expression is answered with: our words, and the value that is wrong."""

from __future__ import annotations

import datetime as dt
import functools
import operator
from enum import Enum
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Callable


class Color(Enum):
    RED = "red"


WHEN = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
WORDS_OF_OTHERS = ("Utf8", "Int64", "coerce", "planning", "Arrow", "DataFusion", "signature")


@pytest.fixture
def rows(chain: dc.DataChain) -> dc.DataChain:
    return chain.mutate(when=WHEN, tags=func.string.split("name", "a"))


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        (lambda: C("size") == "a", "int64 and str cannot be compared; hint: `cast()`"),
        (lambda: C("size") < "3", "int64 and str cannot be compared"),
        (lambda: C("name") == 3, "str and int64 cannot be compared"),
        (lambda: C("size").in_([1, "a"]), "int64 and str cannot be compared"),
        (lambda: C("size").between("a", "b"), "int64 and str cannot be compared"),
        (lambda: C("tags") == 1, "list[str] and int64 cannot be compared"),
        (lambda: C("when") > "soon", "`soon` is no datetime"),
        (lambda: C("size") + "a", "`+` does not take int64, str"),
        (lambda: C("name") * 2, "`*` does not take str, int64"),
        (lambda: C("name") - "a", "`-` does not take str, str"),
        (lambda: C("name") / 2, "division needs numbers, this is str"),
        (lambda: -C("name"), "`-` takes numbers, this is str"),
        (lambda: ~C("size"), "a condition is a bool, this is int64"),
        (lambda: C("tame") & C("size"), "invalid expression `size`: a condition is a bool"),
        (lambda: C("size") | C("tame"), "invalid expression `size`: a condition is a bool"),
        (lambda: C("size").like("a%"), "`like` takes str, this is int64"),
        (lambda: C("name").regexp("("), "`(` is no regular expression: unclosed group"),
        (lambda: C("name").regexp("a{99999999}"), "the regular expression is too large"),
        (lambda: func.string.lower("size"), "`lower` does not take int64"),
        (lambda: func.length("size"), "`array_length` does not take int64"),
        (lambda: func.ifelse(C("tame"), "a", 1), "the values share no type: str, int64"),
        (lambda: func.greatest("name", 1), "the values share no type: str, int64"),
        (lambda: C("tags").cast(bool), "list[str] cannot be cast to bool"),
        (lambda: func.cosine_distance("name", [1.0]), "needs lists of numbers, this is str"),
    ],
)
def test_types_that_do_not_fit(
    rows: dc.DataChain, expr: Callable[[], dc.Expr], reason: str
) -> None:
    with pytest.raises(DataChainColumnError) as caught:
        rows.mutate(new=expr())
    assert reason in str(caught.value)
    assert not [word for word in WORDS_OF_OTHERS if word in str(caught.value)]


def test_what_cast_takes() -> None:
    chain = dc.read_values(file=[dc.File(path="a")])
    with pytest.raises(DataChainColumnError, match=r"columns like 'file' .* 'file.source'"):
        chain.mutate(new=func.cast("file", str))
    with pytest.raises(TypeError, match=r"supports target types that can be stored: .* `object`"):
        func.cast("file", object)


@pytest.mark.parametrize(
    "kind", [dict, list, dict[str, int], list[dict], int | str, Color, dc.File]
)
def test_cast_takes_no_types_that_storage_does_not_know(kind: type) -> None:
    # their columns would hold values that are none of theirs
    with pytest.raises(TypeError, match=r"supports target types such as .*; hint: map\(\)"):
        C("x").cast(kind)


def test_a_filter_needs_a_condition(chain: dc.DataChain) -> None:
    with pytest.raises(DataChainColumnError, match="a condition is a bool, this is int64"):
        chain.filter(C("size"))


@pytest.mark.parametrize("function", [func.sum, func.avg])
def test_aggregates_of_text(chain: dc.DataChain, function: Callable[[str], func.Aggregate]) -> None:
    name = function("x").function
    for use in (
        lambda: chain.group_by(total=function("name"), partition_by="tame"),
        lambda: getattr(chain, name)("name"),
    ):
        with pytest.raises(DataChainColumnError) as caught:
            use()
        expected = f"invalid expression `{name}(name)`: `{name}` does not take str"
        assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (lambda: C("name").cast(int), "`cat` cannot be converted to int64"),
        (lambda: C("name").cast(dt.datetime), "`cat` cannot be converted to datetime"),
        (lambda: C("name").cast(bool), "`cat` cannot be converted to bool"),
        (lambda: C("v").regexp(C("broken")), "`(` is no regular expression: unclosed group"),
    ],
)
def test_values_that_do_not_fit(
    chain: dc.DataChain, expr: Callable[[], dc.Expr], message: str
) -> None:
    made = chain.mutate(v="cat", broken="(").mutate(new=expr())
    with pytest.raises(DataChainColumnError) as caught:
        made.to_list()
    assert str(caught.value) == message


def test_text_is_compared_with_dates(rows: dc.DataChain) -> None:
    assert rows.filter(C("when") > "2026-01-01").count() == 4
    assert rows.filter(C("when") == "2026-01-02T00:00:00").count() == 4
    assert rows.filter(C("when") < "2026-01-01").count() == 0


def test_values_of_one_kind_share_a_type(chain: dc.DataChain) -> None:
    made = chain.mutate(x=func.ifelse(C("tame"), 1, 1.5), y=func.greatest("size", 3.5))
    assert made.to_list("x", "y") == [(1.0, 3.5), (1.0, 5.0), (1.5, 3.5), (1.5, 4.0)]
    assert made.mutate(z=func.case((C("tame"), 1), else_=None)).to_values("z") == [1, 1, None, None]


def test_a_missing_value_fits_everywhere(chain: dc.DataChain) -> None:
    made = chain.mutate(
        less=C("size") < None,
        more=C("size") + None,
        both=C("tame") & None,
        either=C("tame") | None,
        chosen=func.ifelse(C("tame"), None, 1),
        first=func.ifelse(C("tame"), "a", None),
        largest=func.greatest("size", None),
        known=C("name").like(None),
    )
    rows = made.to_list(*list(made.schema)[3:])
    assert rows[0] == (None, None, None, True, None, "a", 3, None)
    assert rows[2] == (None, None, False, None, 1, None, None, None)
    assert chain.filter(C("size").in_([3, None])).to_values("name") == ["cat"]
    assert chain.mutate(nothing=None).schema["nothing"] == chain.mutate(x="a", y=None).schema["y"]


MANY = 5000
CONDITIONS = {
    "any": lambda: functools.reduce(operator.or_, [C("size") == i for i in range(4, MANY)]),
    "ranges": lambda: functools.reduce(
        operator.or_, [(C("size") > i) & (C("size") < i + 2) for i in range(3, MANY)]
    ),
    "all": lambda: functools.reduce(operator.and_, [C("size") != i + 6 for i in range(MANY)]),
    "none": lambda: ~functools.reduce(operator.or_, [C("size") == i + 6 for i in range(MANY)]),
    "or_": lambda: func.or_(*[C("size") == i for i in range(4, MANY)]),
    "and_": lambda: func.and_(*[C("size") != i + 6 for i in range(MANY)]),
}


@pytest.mark.parametrize("kind", CONDITIONS)
def test_thousands_of_conditions(chain: dc.DataChain, kind: str) -> None:
    expected = ["dog", "fox"] if kind in {"any", "ranges", "or_"} else ["cat", "dog", "fox"]
    condition = CONDITIONS[kind]()
    assert chain.filter(condition).to_values("name") == expected
    assert chain.mutate(z=condition).filter(C("z")).to_values("name") == expected
    assert len(repr(condition)) > MANY


def test_thousands_of_filters_at_once(chain: dc.DataChain) -> None:
    conditions = [C("size") != i + 6 for i in range(MANY)]
    assert chain.filter(*conditions).to_values("name") == ["cat", "dog", "fox"]


def test_many_conditions_treat_missing_like_few(chain: dc.DataChain) -> None:
    few = [C("size") > 3, C("tame"), C("size") != 4]
    many = few + [C("name") != str(i) for i in range(200)]
    made = chain.mutate(few=func.and_(*few), many=func.and_(*many))
    assert made.to_values("few") == made.to_values("many") == [False, True, False, False]


def repeated(step: Callable[[dc.Expr], dc.Expr], times: int) -> dc.Expr:
    expr: dc.Expr = C("size")
    for _ in range(times):
        expr = step(expr)
    return expr


@pytest.mark.parametrize(
    "step",
    [
        lambda e: e + 1,
        lambda e: -e,
        lambda e: func.least(e, 10),
        lambda e: func.ifelse(C("size") > 3, e, 0),
        lambda e: (e == 1) & (C("size") > 3),
        lambda e: e.cast(str),
        lambda e: ~e | C("tame"),
    ],
)
def test_depth_has_a_limit(step: Callable[[dc.Expr], dc.Expr]) -> None:
    with pytest.raises(DataChainColumnError) as caught:
        repeated(step, 100_000)
    message = str(caught.value)
    assert "deep, at most 400 are possible; hint: `in_()`" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    "double", [lambda e: e + e, lambda e: (e == 1) | (e == 2), lambda e: func.least(e, e)]
)
def test_size_has_a_limit(double: Callable[[dc.Expr], dc.Expr]) -> None:
    with pytest.raises(DataChainColumnError) as caught:
        repeated(double, 100)
    message = str(caught.value)
    assert "parts, at most 1000000 are possible; hint: " in message
    assert len(message) < 400


def test_long_sums_are_computed(chain: dc.DataChain) -> None:
    total = sum((C("size") for _ in range(300)), C("size") * 0)
    assert chain.mutate(total=total).to_values("total") == [900, 1500, None, 1200]


def test_numbers_of_rows(chain: dc.DataChain) -> None:
    assert chain.limit(2**63 - 1).count() == 4
    assert chain.offset(2**63 - 1).offset(2**63 - 1).limit(2**63 - 1).count() == 0
    for verb in (chain.limit, chain.offset):
        for wrong in (2**63, 2**70, -1, -(2**70)):
            with pytest.raises(DataChainParamsError) as caught:
                verb(wrong)
            assert f"not `{wrong}`" in str(caught.value)
            assert str(2**63 - 1) in str(caught.value)
