"""Rows from groups: keys of every kind, kept columns, types from the first results."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003  annotations are looked at

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import (
    DataChainColumnError,
    SignalResolvingError,
    SignalResolvingTypeError,
    UdfError,
    UdfSignatureError,
)


class Place(BaseModel):
    town: str
    street: str | None


@pytest.fixture
def sales() -> dc.DataChain:
    return dc.read_values(
        kind=["b", "a", "b", None, "a"],
        size=[1, 2, 3, 4, 5],
        place=[
            Place(town="x", street=None),
            Place(town="x", street="s"),
            Place(town="x", street=None),
            Place(town="y", street="s"),
            Place(town="x", street="s"),
        ],
    )


def listed(size: list[int]) -> Iterator[str]:
    yield str(size)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (None, ["[1, 2, 3, 4, 5]"]),
        ([], ["[1, 2, 3, 4, 5]"]),
        ("kind", ["[2, 5]", "[1, 3]", "[4]"]),
        (C("kind"), ["[2, 5]", "[1, 3]", "[4]"]),
        ("place.town", ["[1, 2, 3, 5]", "[4]"]),
        (["place.town", "kind"], ["[2, 5]", "[1, 3]", "[4]"]),
        ("place", ["[2, 5]", "[1, 3]", "[4]"]),
        ((C("size") > 2).label("big"), ["[1, 2]", "[3, 4, 5]"]),
        (C("size") > 2, ["[1, 2]", "[3, 4, 5]"]),
        (("kind", C("size") > 2), ["[2]", "[5]", "[1]", "[3]", "[4]"]),
    ],
)
def test_keys(sales: dc.DataChain, keys: object, expected: list[str]) -> None:
    made = sales.agg(all=listed, partition_by=keys)
    assert sorted(made.to_values("all")) == sorted(expected)
    assert list(made.schema) == ["all"]


def test_functions_as_keys() -> None:
    chain = dc.read_values(path=["a/x", "b/y", "a/z"])
    made = chain.agg(
        n=lambda path: [len(path)], partition_by=func.path.parent("path").label("folder"), keep=True
    )
    assert made.to_list("folder", "n") == [("a", 2), ("b", 1)]


def test_groups_come_in_the_order_of_their_keys(sales: dc.DataChain) -> None:
    made = sales.filter(C("kind") != "z").agg(all=listed, partition_by="kind")
    assert made.to_values("all") == ["[2, 5]", "[1, 3]"]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("size", {(2, "[2, 5]"), (1, "[1, 3]"), (4, "[4]")}),
        (True, {("a", "[2, 5]"), ("b", "[1, 3]"), (None, "[4]")}),
        (["size", "kind"], {(2, "a", "[2, 5]"), (1, "b", "[1, 3]"), (4, None, "[4]")}),
        ("place.town", {("x", "[2, 5]"), ("x", "[1, 3]"), ("y", "[4]")}),
    ],
)
def test_keep(sales: dc.DataChain, keep: object, expected: object) -> None:
    made = sales.agg(all=listed, partition_by="kind", keep=keep)
    paths = list(made.schema.flatten())
    assert set(made.to_list(*paths)) == expected


def test_keep_of_models_and_fields(sales: dc.DataChain) -> None:
    made = sales.agg(all=listed, partition_by="place", keep=True)
    assert (Place(town="y", street="s"), "[4]") in made.to_list()
    made = sales.agg(all=listed, partition_by="place.town", keep=True)
    assert list(made.schema.flatten()) == ["place.town", "all"]


def test_keep_of_expressions(sales: dc.DataChain) -> None:
    made = sales.agg(all=listed, partition_by=(C("size") > 2).label("big"), keep=True)
    assert made.to_list("big", "all") == [(False, "[1, 2]"), (True, "[3, 4, 5]")]


def test_models_arrive_as_lists_of_objects(sales: dc.DataChain) -> None:
    def towns(place: list[Place], place__town: list[str]) -> list[str]:
        assert [p.town for p in place] == place__town
        return sorted(set(place__town))

    assert sales.agg(town=towns).to_values("town") == ["x", "y"]


def test_several_results_and_columns(sales: dc.DataChain) -> None:
    def both(kind: list[str | None], size: list[float]) -> Iterator[tuple[str | None, float]]:
        yield kind[0], sum(size)
        if len(size) > 1:
            yield "again", size[-1]

    made = sales.agg(both, partition_by="kind", output=["kind", "total"])
    assert ("a", 7.0) in made.to_list("kind", "total")
    assert made.count() == 5


def test_ints_become_floats_for_functions_that_want_them(sales: dc.DataChain) -> None:
    def kinds(size: list[float]) -> list[str]:
        return [type(size[0]).__name__]

    assert sales.agg(t=kinds).to_values("t") == ["float"]


def test_the_types_come_from_the_first_groups_which_are_used(sales: dc.DataChain) -> None:
    calls: list[list[int]] = []

    def total(size):
        calls.append(size)
        return [{"sum": sum(size)}]

    made = sales.filter(C("kind") != "z").agg(t=total, partition_by="kind")
    assert calls == [[2, 5]]
    assert made.to_values("t.sum") == [7, 4]
    assert calls == [[2, 5], [1, 3]]


def test_classes(sales: dc.DataChain) -> None:
    class Total(dc.Aggregator):
        def __init__(self, by: int) -> None:
            self.by = by

        def process(self, size: list[int]) -> Iterator[int]:
            yield self.by * sum(size)

    assert sales.agg(t=Total(2)).to_values("t") == [30]


def test_setup_values_are_no_lists(sales: dc.DataChain) -> None:
    made = sales.setup(by=lambda: 10).agg(t=lambda size, by: [by * sum(size)])
    assert made.to_values("t") == [150]


def test_no_group_from_no_row(sales: dc.DataChain) -> None:
    assert sales.limit(0).agg(all=listed, partition_by="kind").to_list() == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({}, UdfSignatureError, "no function was given"),
        ({"a": listed, "b": listed}, UdfSignatureError, "one function, not several"),
        ({"a": dc.Mapper()}, UdfError, "is no Aggregator"),
        ({"a": func.count()}, UdfSignatureError, r"is an expression.*hint: \.group_by\(\)"),
        ({"a": listed, "partition_by": "knd"}, SignalResolvingError, "did you mean `kind`"),
        (
            {"a": listed, "partition_by": "knd"},
            SignalResolvingError,
            r"unknown column `knd` .*cannot resolve signal name 'knd': is not found",
        ),
        ({"a": listed, "partition_by": 3}, SignalResolvingTypeError, "names and expressions"),
        (
            {"a": listed, "partition_by": func.sum("size")},
            SignalResolvingTypeError,
            "names and expressions",
        ),
        (
            {"kind": listed, "partition_by": "kind", "keep": True},
            DataChainColumnError,
            "`kind` is kept and made",
        ),
        ({"a": lambda siz: siz}, SignalResolvingError, "did you mean `size`"),
    ],
)
def test_wrong_calls_say_why(
    sales: dc.DataChain, call: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sales.agg(**call)


def test_models_of_many_groups() -> None:
    places = [Place(town=f"{i:03}", street=str(i)) for i in range(200)]

    def streets(place: list[Place]) -> list[str | None]:
        return [one.street for one in place]

    made = dc.read_values(place=places).agg(street=streets, partition_by="place.town")
    assert sorted(made.to_values("street"), key=int) == [str(i) for i in range(200)]


def test_values_of_a_group_follow_a_sort() -> None:
    chain = dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3]).order_by("x", descending=True)
    made = chain.agg(xs=lambda x: [str(x)], partition_by="kind", keep=True)
    assert made.to_list() == [("a", "[3, 1]"), ("b", "[2]")]
