"""Functions of many rows: models, order, refusals; values are compared in `test_against_duckdb`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, DataChainParamsError


class Pet(BaseModel):
    name: str
    age: int


CAT, DOG, EEL = Pet(name="cat", age=3), Pet(name="dog", age=5), Pet(name="eel", age=1)


@pytest.fixture
def pets() -> dc.DataChain:
    return dc.read_values(kind=["a", "b", "a", "b"], pet=[CAT, None, DOG, EEL], x=[2, 3, 2, 1])


@pytest.mark.parametrize(
    ("aggregate", "values"),
    [
        (lambda: func.any_value("pet"), [CAT, EEL]),
        (lambda: func.first("pet"), [CAT, None]),
        (lambda: func.first("pet", ignore_nulls=True), [CAT, EEL]),
        (lambda: func.last("pet"), [DOG, EEL]),
        (lambda: func.max_by("pet", "pet.age"), [DOG, EEL]),
        (lambda: func.collect("pet"), [[CAT, DOG], [None, EEL]]),
        (lambda: func.collect("pet", order_by=C("x")), [[CAT, DOG], [EEL, None]]),
        (lambda: func.collect("pet.name", ignore_nulls=True), [["cat", "dog"], ["eel"]]),
        (lambda: func.collect("x", distinct=True), [[2], [1, 3]]),
        (lambda: func.concat("kind", "-", distinct=True), ["a", "b"]),
        (lambda: func.count("pet"), [2, 1]),
    ],
)
def test_models_stay_models(pets: dc.DataChain, aggregate: Any, values: list[Any]) -> None:
    made = pets.group_by(found=aggregate(), partition_by="kind").order_by("kind")
    assert made.to_values("found") == values
    assert made.save("found").order_by("kind").to_values("found") == values


@pytest.mark.parametrize(
    ("call", "values"),
    [
        (lambda: func.lag("pet"), [None, None, CAT, None]),
        (lambda: func.first("pet"), [CAT, None, CAT, None]),
        (lambda: func.collect("pet.name"), [["cat", "dog"], [None, "eel"]] * 2),
        (func.row_number, [1, 1, 2, 2]),
    ],
)
def test_windows_in_the_order_of_rows(pets: dc.DataChain, call: Any, values: list[Any]) -> None:
    made = pets.mutate(found=call().over(func.window(partition_by="kind")))
    assert made.to_values("found") == values
    assert made.to_values("kind") == ["a", "b", "a", "b"]
    assert made.save("found").to_values("found") == values


def test_sorted_rows_are_taken_in_their_order(pets: dc.DataChain) -> None:
    rows = pets.order_by("x", "kind", descending=True).mutate(y=C("x") + 1).filter(C("x") > 0)
    assert rows.group_by(ys=func.collect("y")).to_list() == [([4, 3, 3, 2],)]
    assert rows.group_by(y=func.last("y")).to_list() == [(2,)]
    numbers = rows.mutate(n=func.row_number().over(func.window()))
    assert numbers.to_list("y", "n") == [(4, 1), (3, 2), (3, 3), (2, 4)]
    again = numbers.order_by("y").mutate(n=func.row_number().over(func.window()))
    assert again.to_list("y", "n") == [(2, 1), (3, 2), (3, 3), (4, 4)]


def test_rows_alike_are_numbered_in_their_order() -> None:
    rows = dc.read_values(i=list(range(2000)), k=[i % 3 for i in range(2000)])
    made = rows.mutate(n=func.row_number().over(func.window(order_by="k"))).order_by("n")
    assert made.to_values("i") == sorted(range(2000), key=lambda i: i % 3)


def test_windows_are_calculated_with(pets: dc.DataChain) -> None:
    whole = func.window(partition_by="kind")
    made = pets.mutate(part=C("x") / func.sum("x").over(whole), n=func.count().over(whole) + 1)
    assert made.to_list("part", "n") == [(0.5, 3), (0.75, 3), (0.5, 3), (0.25, 3)]
    assert pets.select("kind", n=func.count().over(whole)).to_values("n") == [2, 2, 2, 2]


def test_windows_after_windows(pets: dc.DataChain) -> None:
    by_x = func.window(order_by="x")
    made = pets.mutate(n=func.row_number().over(by_x))
    made = made.mutate(m=func.lag("n").over(func.window(order_by="n")))
    assert made.filter(C("n") > 1).to_list("n", "m") == [(2, 1), (4, 3), (3, 2)]


def test_aggregates_of_nothing(pets: dc.DataChain) -> None:
    none = pets.filter(C("x") > 99)
    made = none.group_by(
        n=func.count(), xs=func.collect("x"), m=func.median("x"), s=func.concat("kind")
    )
    assert made.to_list() == [(0, None, None, None)]
    assert none.group_by(n=func.count(), partition_by="kind").to_list() == []


def test_computed_keys_and_aggregates(pets: dc.DataChain) -> None:
    made = pets.group_by(
        mean=func.sum("x") / func.count(),
        spread=func.max("x") - func.min("x"),
        partition_by=[(C("x") > 1).label("large"), "pet.name"],
    )
    rows = made.order_by("large", "pet.name").to_list("large", "pet.name", "mean", "spread")
    assert rows == [
        (False, "eel", 1.0, 0),
        (True, "cat", 2.0, 0),
        (True, "dog", 2.0, 0),
        (True, None, 3.0, 0),
    ]


def test_labels_name_aggregates(pets: dc.DataChain) -> None:
    made = pets.group_by((func.sum("x") * 2).label("double"), partition_by="kind")
    assert made.order_by("kind").to_list() == [("a", 8), ("b", 8)]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda rows: rows.mutate(n=func.count()), "hint: group_by"),
        (lambda rows: rows.mutate(n=func.count() + 1), "hint: group_by"),
        (lambda rows: rows.filter(func.count() > 1), "hint: group_by"),
        (
            lambda rows: rows.filter(func.rank().over(func.window("x")) > 1),
            "computed by `mutate()`",
        ),
        (lambda rows: rows.order_by(func.rank().over(func.window("x"))), "computed by `mutate()`"),
        (lambda rows: rows.group_by(n=func.rank()), "`rank` is of windows only"),
        (lambda rows: rows.group_by(n=func.sum("x") + C("x")), "`x` is not one value for a group"),
        (lambda rows: rows.group_by(n=C("x") + 1), "is not one value for a group"),
        (lambda rows: rows.group_by(n=func.literal(1)), "holds no aggregate"),
        (lambda rows: rows.group_by(n=func.sum(func.max("x"))), "it is of many rows"),
        (lambda rows: rows.group_by(n=func.count().over(func.window("x"))), "takes no windows"),
        (lambda rows: rows.group_by(n=func.median("kind")), "`quantile` does not take str"),
        (
            lambda rows: rows.mutate(n=func.count("x", distinct=True).over(func.window("kind"))),
            "of distinct values is not computed over windows",
        ),
        (
            lambda rows: rows.mutate(n=func.first("x", order_by="x").over(func.window("kind"))),
            "takes its order from the window",
        ),
        (lambda rows: rows.mutate(n=func.min_by("x", "x").over(func.window("kind"))), "group_by()"),
        (lambda rows: rows.mutate(n=C("x").over(func.window("kind"))), "no function of many rows"),
        (lambda rows: rows.mutate(n=func.count().over("kind")), "hint: func.window(partition_by"),
        (lambda _: func.window(rows_between=(1, -1)), "rows_between takes the first and the last"),
        (lambda _: func.window(order_by=["x", "y"], desc=[True]), "2 keys, but 1 times"),
        (lambda _: func.quantile("x", 2), "a part from 0 to 1, not `2`"),
        (lambda _: func.ntile(0), "a number of parts from 1, not `0`"),
        (lambda _: func.lag("x", "y"), "a number of rows, not `'y'`"),
        (lambda _: C("x").op("->>")("y"), "op(`->>`) is not supported"),
    ],
)
def test_refuses(pets: dc.DataChain, use: Any, message: str) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        use(pets)
    assert message in str(caught.value)


def test_nulls_where_they_are_asked_for() -> None:
    rows = dc.read_values(x=[2, None, 1])
    assert rows.order_by(C("x").nulls_first()).to_values("x") == [None, 1, 2]
    assert rows.order_by(C("x").desc().nulls_first()).to_values("x") == [None, 2, 1]
    assert rows.order_by(C("x").desc().nulls_last()).to_values("x") == [2, 1, None]
    assert repr(C("x").desc().nulls_first()) == "x DESC NULLS FIRST"


def test_conditions_of_functions() -> None:
    rows = dc.read_values(s=["ab", "b", None], x=[1, 2, 3])
    both = (C("x") < 3) & func.string.contains("s", "a")
    assert rows.filter(both).to_values("x") == [1]
    assert rows.filter(~func.string.contains("s", "a")).to_values("x") == [2]
    assert rows.filter(~func.isnone("s") & (func.abs("x") > 1)).to_values("x") == [2]


def test_results_have_declared_types() -> None:
    rows = dc.read_values(x=[1, 2], s=["a", None])
    made = rows.group_by(
        n=func.count(), m=func.median("x"), xs=func.collect("x"), s=func.concat("s")
    )
    assert str(made.schema).splitlines() == [
        "n: int",
        "m: Optional[float]",
        "xs: Optional[list[Optional[int]]]",
        "s: Optional[str]",
    ]
    numbered = rows.mutate(n=func.row_number().over(func.window(order_by="x")))
    assert str(numbered.schema).splitlines()[-1] == "n: int"


def test_what_is_never_missing_has_sums_and_texts_that_are_not() -> None:
    rows = dc.read_values(k=["a", "a", "b"], x=[1, 2, 3], some=[1, None, None])
    made = rows.group_by(s=func.sum("x"), m=func.max("some"), partition_by="k")
    texts = rows.mutate(n=func.string.length("k") + 1, k=func.string.upper("k"))
    for chain, columns in [
        (made, ["k: str", "s: int", "m: Optional[int]"]),
        (texts, ["k: str", "x: int", "some: Optional[int]", "n: int"]),
    ]:
        assert str(chain.schema).splitlines() == columns
        saved = chain.save("made")
        assert str(saved.schema).splitlines() == columns
    assert sorted(made.to_list()) == [("a", 3, 1), ("b", 3, None)]
    assert texts.to_list("k", "n") == [("A", 2), ("A", 2), ("B", 2)]
    # all rows of nothing are one group
    nothing = rows.filter(C("x") > 3)
    assert nothing.group_by(s=func.sum("x")).to_list() == [(None,)]
    assert nothing.group_by(s=func.sum("x"), partition_by=func.literal(1).label("one")).count() == 0


def test_a_random_number_is_another_each_time() -> None:
    rows = dc.read_values(x=list(range(100))).mutate(r=func.rand())
    first = rows.to_values("r")
    assert len(set(first)) == 100
    assert rows.to_values("r") != first
    assert all(isinstance(r, int) for r in first)


def test_known_hashes() -> None:
    # what the algorithm, as ClickHouse publishes it, gives
    rows = dc.read_values(x=[0, 1, -1, 123])
    assert rows.mutate(h=func.int_hash_64("x")).to_values("h") == [
        4761183170873013810,
        -7869394227045998544,
        -3846300169502297297,
        -5861417688564097521,
    ]
    with pytest.raises(DataChainColumnError):
        rows.mutate(h=func.int_hash_64(1.5))
    lists = dc.read_values(l=[[1], [2], [], None])
    hashes = lists.mutate(h=func.sip_hash_64("l")).to_values("h")
    assert len(set(hashes)) == 4
    assert hashes[2] == 4761183170873013810
    assert hashes[3] is None


def test_a_function_of_another_home_is_hinted_at() -> None:
    with pytest.raises(AttributeError, match=r"hint: `func\.string\.upper`"):
        func.upper("name")
    assert not hasattr(func, "nothing_like_it")
