"""Python values in a column and back: equal, of the same type, or refused."""

# ruff: noqa: UP007  unions that mix classes are under test
from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal, Union
from uuid import UUID

import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainParamsError, SignalSchemaError, ValuesToTupleError

UTC = dt.UTC


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(Enum):
    TEXT = "a"
    NUMBER = 1.5


class Point(dc.DataModel):
    x: int
    color: Color = Color.RED


def saved(values: list[Any], **options: Any) -> list[Any]:
    """The values after a round through a dataset."""
    dc.read_values(v=values, **options).save("values")
    return dc.read_dataset("values").to_values("v")


# What is inferred


@pytest.mark.parametrize(
    "values",
    [
        [Color.RED, None, Color.BLUE],
        [Level.HIGH],
        [Mixed.TEXT, Mixed.NUMBER],
        [[Color.RED], []],
        [{"a": Color.RED}],
        [Point(x=1, color=Color.BLUE), None],
        [1, "a", None, 2.5],
        [True, 1],
        [[1, "a", None], []],
        [{"a": 1}, [1], "text"],
        [(1, "a"), (2, None)],
        [Point(x=1), "none"],
        [1, dt.date(2026, 1, 2)],
        [{"a": 1, "b": dt.date(2026, 1, 2)}],
        [{"a": {"b": dt.date(2026, 1, 2)}}],
        [{1: 2}],
        [{1, 2}, set()],
        [UUID(int=7)],
        [b"\x00\xff"],
        [dt.time(1, 2, 3, 4)],
        [dt.timedelta(days=-1, microseconds=1), dt.timedelta(days=106_751_991)],
        [dt.datetime.min.replace(tzinfo=UTC), dt.datetime.max.replace(tzinfo=UTC)],
        [dt.date.min, dt.date.max],
        [Decimal("1.10"), Decimal(100), Decimal("-0.000000000000000001")],
        [Decimal("12345678901234567890.123456789012345678")],
    ],
)
def test_inferred_values_come_back(values: list[Any]) -> None:
    back = saved(values)
    assert back == values
    assert [type(v) for v in back] == [type(v) for v in values]


def test_the_schema_tells_what_was_inferred() -> None:
    schema = dc.read_values(a=[Color.RED] * 2, b=[1, "a"], c=[Point(x=1), "a"]).schema
    assert schema == {"a": Color, "b": Union[int, str], "c": Union[Point, str]}
    assert str(schema).splitlines() == [
        "a: Color",
        "b: Union[int, str]",
        "c: Union[Point@v1, str]",
    ]


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ([Color.RED, "red"], "value 1 is `str`, but value 0 is `"),
        ([Level.LOW, 1], "all values of a column need one type"),
        ([b"a", "a"], "value 1 is `str`, but value 0 is `bytes`"),
        ([dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=UTC)], "need one type"),
        ([{1}, [1]], "value 1 is `list`, but value 0 is `set`"),
        ([["a", b"a"]], "all items of a list need one type"),
        ([{"a": {1: {2}}, "b": [b"x", "x"]}], "all items of a list need one type"),
    ],
)
def test_mixes_that_would_not_come_back_are_refused(values: list[Any], part: str) -> None:
    with pytest.raises(ValuesToTupleError) as caught:
        dc.read_values(v=values)
    assert part in str(caught.value)


# What is declared


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Color, Color.BLUE),
        (Color | None, None),
        (list[Color], [Color.RED]),
        (dict[str, Color], {"a": Color.RED}),
        (Level, Level.LOW),
        (Mixed, Mixed.NUMBER),
        (int | str, "1"),
        (int | str | None, None),
        (Union[Point, str], Point(x=1)),
        (Union[Point, Color], Color.RED),
        (Literal["a", 1], 1),
        (tuple[int, str], (1, "a")),
        (dict[str, int], {"a": 1}),
        (bool | int, True),
    ],
)
def test_declared_values_come_back(annotation: Any, value: Any) -> None:
    dc.read_records([{"v": value}], schema={"v": annotation}).save("declared")
    [back] = dc.read_dataset("declared").to_values("v")
    assert (type(back), back) == (type(value), value)


def test_a_value_is_as_good_as_its_member() -> None:
    given = [{"v": "red"}, {"v": Color.BLUE}]
    assert dc.read_records(given, schema={"v": Color}).to_values("v") == [Color.RED, Color.BLUE]
    given = [{"v": "00000000-0000-0000-0000-000000000007"}]
    assert dc.read_records(given, schema={"v": UUID}).to_values("v") == [UUID(int=7)]


@pytest.mark.parametrize(
    ("annotation", "value", "part"),
    [
        (Color, "green", "`v`, row 0: expected Color, got str `'green'`"),
        (UUID, "seven", "expected UUID, got str `'seven'`"),
        (dt.date, dt.datetime(2026, 1, 2, 3), "expected date, got datetime"),  # noqa: DTZ001
        (dt.timedelta, dt.timedelta.max, "up to 106751991 days"),
        (dt.timedelta, dt.timedelta.min, "`datetime.timedelta(days=-999999999)` is too long"),
        (dt.time, dt.time(1, 2, tzinfo=UTC), "`datetime.time(1, 2, tzinfo=datetime.timezone.utc)`"),
        (dt.time, dt.time(1, 2, tzinfo=UTC), "has a time zone, which a time column cannot keep"),
        (Decimal, Decimal("NaN"), "`Decimal('NaN')` is not finite"),
        (Decimal, Decimal("-Infinity"), "`Decimal('-Infinity')` is not finite"),
        (Decimal, float("nan"), "`nan` is not finite"),
        (Decimal, Decimal("1e-19"), "38 digits, 18 of them after the point"),
        (Decimal, Decimal("1e20"), "`Decimal('1E+20')` does not fit"),
        (Decimal, "abc", "expected Decimal, got str `'abc'`"),
    ],
)
def test_what_a_column_cannot_hold_is_named(annotation: Any, value: Any, part: str) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        dc.read_records([{"v": value}], schema={"v": annotation})
    assert part in str(caught.value)


# Enums and their classes


def test_enums_are_compared_by_value() -> None:
    chain = dc.read_values(v=[Color.RED, Color.BLUE])
    assert chain.filter(C("v") == Color.RED).to_values("v") == [Color.RED]
    assert chain.filter(C("v") == "blue").to_values("v") == [Color.BLUE]
    assert chain.filter(C("v").in_([Color.RED])).count() == 1


def test_enums_stay_enums_in_expressions() -> None:
    chain = dc.read_values(v=[Color.RED, Color.BLUE], n=[1, 2])
    made = chain.mutate(
        constant=Color.RED,
        chosen=func.ifelse(C("n") == 1, C("v"), Color.RED),
        text=func.ifelse(C("n") == 1, C("v"), "none"),
    )
    assert made.to_list("constant", "chosen", "text") == [
        (Color.RED, Color.RED, "red"),
        (Color.RED, Color.RED, "none"),
    ]
    assert chain.min("v") is Color.BLUE
    groups = chain.group_by(n=func.count(), partition_by="v").order_by("v")
    assert groups.to_values("v") == [Color.BLUE, Color.RED]


def test_of_two_enums_with_one_name_the_one_with_the_values_reads() -> None:
    def define() -> type[Enum]:
        class Shape(Enum):
            SQUARE = "square"

        return Shape

    class Shape(Enum):
        ROUND = "round"

    dc.read_values(v=[Shape.ROUND]).save("rounds")
    other = define()
    assert dc.read_values(v=[other.SQUARE]).to_values("v") == [other.SQUARE]
    assert dc.read_dataset("rounds").to_values("v") == [Shape.ROUND]


def test_a_member_that_the_class_lost_is_named() -> None:
    class Fruit(Enum):
        APPLE = "apple"
        PEAR = "pear"

    dc.read_values(v=[Fruit.APPLE, Fruit.PEAR]).save("fruits")

    class Fruit(Enum):  # type: ignore[no-redef]
        APPLE = "apple"

    assert dc.read_values(v=[Fruit.APPLE]).to_values("v") == [Fruit.APPLE]
    with pytest.raises(SignalSchemaError, match="`pear` is stored, but is no value of the enum"):
        dc.read_dataset("fruits").to_values("v")


def test_json_that_no_longer_fits_its_class_is_named() -> None:
    class Part(dc.DataModel):
        x: int

    dc.read_values(v=[Part(x=1), "none"]).save("parts")

    class Part(dc.DataModel):  # type: ignore[no-redef]
        x: int
        y: int

    with pytest.raises(SignalSchemaError, match=r"does not fit `Union\[Part@v1, str\]`"):
        dc.read_dataset("parts").to_values("v")
