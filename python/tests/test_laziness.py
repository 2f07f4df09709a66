"""How often functions are called: only for the rows and columns that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import C

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("afresh")

NAMES = ["cat", "dog", "eel", "fox"]


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def mapped(chain: dc.DataChain, calls: list[str]) -> dc.DataChain:
    """The animals with `letters`, and a record of the calls that this took."""

    def letters(name: str) -> int:
        calls.append(name)
        return len(name) + len(calls)

    return chain.map(letters=letters)


def test_verbs_call_nothing(mapped: dc.DataChain, calls: list[str]) -> None:
    made = mapped.filter(C("letters") > 1).order_by("letters").mutate(more=C("letters") + 1)
    assert made.limit(2).schema["more"] is not None
    assert made.explain()
    assert calls == []


def test_all_rows_once(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.to_values("letters") == [4, 5, 6, 7]
    assert calls == NAMES


@pytest.mark.parametrize("rows", [0, 1, 2, 9])
def test_limit(mapped: dc.DataChain, calls: list[str], rows: int) -> None:
    assert mapped.limit(rows).to_values("name") == NAMES[:rows]
    assert calls == []
    assert mapped.limit(rows).to_values("letters") == [4, 5, 6, 7][:rows]
    assert calls == NAMES[:rows]


def test_offset(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.offset(2).limit(1).to_list("name") == [("eel",)]
    assert calls == []
    mapped.offset(2).limit(1).to_list("letters")
    assert calls == ["eel"]


def test_filter_on_a_column_that_was_there(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.filter(C("size") > 3).to_values("letters") == [4, 5]
    assert calls == ["dog", "fox"]


def test_filter_and_limit(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.filter(C("size") > 3).limit(1).to_values("letters") == [4]
    assert calls == ["dog"]


def test_filter_on_a_result_needs_all(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.filter(C("letters") > 5).to_values("name") == ["eel", "fox"]
    assert calls == NAMES


def test_filters_on_both(mapped: dc.DataChain, calls: list[str]) -> None:
    both = mapped.filter((C("size") > 3) & (C("letters") > 4))
    assert both.to_values("name") == ["fox"]
    assert calls == ["dog", "fox"]


def test_a_limit_before_a_filter_stays_before(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.limit(2).filter(C("size") > 3).to_list("name", "letters") == [("dog", 4)]
    assert calls == ["dog"]


@pytest.mark.parametrize("filtered", [False, True])
def test_count(mapped: dc.DataChain, calls: list[str], *, filtered: bool) -> None:
    chain = mapped.filter(C("size") > 3) if filtered else mapped
    assert chain.count() == (2 if filtered else 4)
    assert calls == []
    assert mapped.filter(C("letters") > 5).count() == 2
    assert calls == NAMES


def test_columns_that_are_no_results(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.select("name").to_values("name") == NAMES
    assert mapped.to_values("size") == [3, 5, None, 4]
    assert mapped.sum("size") == 12
    assert mapped.select_except("letters").order_by("size").limit(1).to_list() == [("cat", 3, True)]
    assert calls == []


def test_what_types_need_is_called_for_them(chain: dc.DataChain, calls: list[str]) -> None:
    class Loud(dc.Mapper):
        def setup(self) -> None:
            calls.append("set up")

        def process(self, name: str) -> str:
            return name.upper()

    made = chain.map(loud=Loud(), low=lambda name: name[:1])
    assert calls == []
    assert made.limit(1).to_list("loud", "low") == [("CAT", "c")]
    assert calls == ["set up"]


def test_only_the_functions_that_are_read(mapped: dc.DataChain, calls: list[str]) -> None:
    other: list[int] = []

    def twice(letters: int) -> int:
        other.append(letters)
        return letters * 2

    both = mapped.map(twice=twice)
    assert both.to_values("letters") == [4, 5, 6, 7]
    assert (calls, other) == (NAMES, [])
    calls.clear()
    assert both.limit(1).to_values("twice") == [8]
    assert (calls, other) == (["cat"], [4])


def test_a_sort_by_a_result_needs_all(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.order_by("letters", descending=True).limit(1).to_values("name") == ["fox"]
    assert calls == NAMES


def test_a_sort_then_a_limit(mapped: dc.DataChain, calls: list[str]) -> None:
    assert mapped.order_by("size", descending=True).limit(1).to_values("letters") == [4]
    assert calls == ["dog"]


@pytest.mark.parametrize(
    "between",
    [
        lambda chain: chain,
        lambda chain: chain.select_except("tame"),
        lambda chain: chain.mutate(weight=C("size")).mutate(size=C("weight")),
        lambda chain: chain.mutate(more=C("letters") + 1),
        lambda chain: chain.map(twice=lambda letters: letters * 2, output={"twice": int}),
    ],
)
def test_a_sort_then_a_limit_behind_other_columns(
    mapped: dc.DataChain, calls: list[str], between: Callable[[dc.DataChain], dc.DataChain]
) -> None:
    top = between(mapped).order_by("size").limit(2)
    assert top.to_list("name", "letters") == [("cat", 4), ("fox", 5)]
    assert calls == ["cat", "fox"]
    calls.clear()
    assert between(mapped).limit(2).to_values("letters") == [4, 5]
    assert calls == ["cat", "dog"]


def test_a_sort_by_what_a_result_was_made_of(mapped: dc.DataChain, calls: list[str]) -> None:
    made = mapped.mutate(size=C("letters") * 2)
    assert made.order_by("size", descending=True).limit(1).to_values("name") == ["fox"]
    assert calls == NAMES


def test_saved_results_are_not_computed_again(mapped: dc.DataChain, calls: list[str]) -> None:
    saved = mapped.save("pets")
    assert (
        saved.to_values("letters") == dc.read_dataset("pets").to_values("letters") == [4, 5, 6, 7]
    )
    assert calls == NAMES


def test_explain_shows_it(mapped: dc.DataChain) -> None:
    lines = mapped.filter(C("size") > 3).limit(1).explain().partition("operators:")[0].splitlines()

    def last(node: str) -> int:
        return max(at for at, line in enumerate(lines) if line.strip().startswith(node))

    assert last("UdfMap: letters") < last("Limit: skip=0, fetch=1") < last("Filter: ")
