"""Functions over rows: calling forms, types, set-up, failures."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import DataChainColumnError, SetupError, UdfError, UdfSignatureError


class Info(BaseModel):
    letters: int
    first: str | None


def test_named_function(chain: dc.DataChain) -> None:
    def twice(name: str) -> str:
        return name * 2

    made = chain.map(twice=twice)
    assert made.to_list("twice")[0] == ("catcat",)
    assert list(made.schema) == ["name", "size", "tame", "twice"]


def test_models_in_and_out(chain: dc.DataChain) -> None:
    def info(name: str) -> Info:
        return Info(letters=len(name), first=name[0])

    def more(info: Info) -> int:
        return info.letters + 1

    made = chain.map(info=info).map(more=more)
    assert made.to_list("info.first", "more")[0] == ("c", 4)
    assert made.to_values("info")[1] == Info(letters=3, first="d")


def test_several_functions_use_each_other(chain: dc.DataChain) -> None:
    made = chain.map(b=lambda a: a + 1, a=lambda name: len(name) * 10)
    assert made.to_list("a", "b")[0] == (30, 31)


def test_params_and_output(chain: dc.DataChain) -> None:
    made = chain.map(lambda a, b: (a, b), params=["name", "tame"], output={"x": str, "y": bool})
    assert made.to_list("x", "y")[0] == ("cat", True)


def test_a_row_of_one_value_is_that_value(chain: dc.DataChain) -> None:
    made = chain.map(lambda name: (len(name),), params="name", output={"length": int})
    assert made.select("length").limit(1).to_list() == [(3,)]
    parted = chain.limit(1).map(parts=lambda name: (name,), output=list[str])
    assert parted.to_values("parts") == [["cat"]]
    with pytest.raises(UdfError, match=r"Expected int, got \('cat', 1\) \(type: tuple\)"):
        chain.map(pair=lambda name: (name, 1), output=int).to_list()


def test_the_first_result_tells_the_type_and_is_used() -> None:
    calls: list[int] = []

    def unknown(x):
        calls.append(x)
        return {"half": x / 2, "text": str(x)}

    made = dc.read_values(x=[1, 2]).map(y=unknown)
    assert calls == [1]
    assert made.to_list("y.half", "y.text") == [(0.5, "1"), (1.0, "2")]
    assert calls == [1, 2]


def test_no_row_gives_text(chain: dc.DataChain) -> None:
    assert chain.limit(0).map(y=lambda name: len(name) * 10).schema["y"] == str | None


def test_limit_calls_only_what_is_needed(chain: dc.DataChain) -> None:
    calls: list[str] = []

    def seen(name: str) -> int:
        calls.append(name)
        return 1

    assert chain.map(y=seen).limit(1).to_values("y") == [1]
    assert calls == ["cat"]


def test_setup_runs_once(chain: dc.DataChain) -> None:
    made: list[int] = []

    def by() -> int:
        made.append(1)
        return 10

    base = chain.select("name")
    ready = base.setup(by=by)
    done = ready.map(a=lambda name, by: by + len(name)).map(b=lambda by: by + 1)
    assert done.to_list("a", "b")[0] == (13, 11)
    assert made == [1]
    with pytest.raises(dc.DataChainError):
        base.map(a=lambda by: by)


def test_setup_takes_callables(chain: dc.DataChain) -> None:
    with pytest.raises(SetupError):
        chain.setup(model=3)


def test_mapper_is_set_up_and_torn_down(chain: dc.DataChain) -> None:
    events: list[Any] = []

    class Count(dc.Mapper):
        def setup(self) -> None:
            events.append("setup")

        def process(self, name: str) -> int:
            return len(name)

        def teardown(self) -> None:
            events.append("teardown")

    assert chain.map(n=Count()).to_values("n") == [3, 3, 3, 3]
    assert events == ["setup", "teardown"]


def test_a_taken_name_is_refused_before_the_function_is_called(chain: dc.DataChain) -> None:
    calls: list[str] = []
    with pytest.raises(DataChainColumnError, match="column `size` already exists"):
        chain.map(size=lambda name: calls.append(name) or 1)
    with pytest.raises(
        DataChainColumnError,
        match="column size: signal already exists with a different type: choose another name",
    ):
        chain.map(size=lambda name: calls.append(name) or "", output=str)
    assert calls == []


def test_more_results_are_looked_at_while_the_type_is_open() -> None:
    calls: list[int] = []

    def later(x):
        calls.append(x)
        return [None, [], [2.5], [1]][x]

    made = dc.read_values(x=[0, 1, 2, 3]).map(y=later)
    assert calls == [0, 1, 2]
    assert made.to_values("y") == [None, [], [2.5], [1.0]]
    assert calls == [0, 1, 2, 3]


def test_an_open_type_is_refused(chain: dc.DataChain) -> None:
    with pytest.raises(UdfSignatureError, match="all of the first 4 results are None or empty"):
        chain.map(y=lambda name: [])  # noqa: ARG005


def test_a_function_may_return_nothing() -> None:
    seen: list[int] = []
    chain = dc.read_values(x=list(range(50)))
    assert chain.map(y=seen.append, params="x").to_values("y") == [None] * 50
    assert seen == list(range(50))
    later = chain.map(y=lambda x: str(x) if x == 40 else None)
    assert later.filter(dc.C("y") == "40").to_values("x") == [40]
    with pytest.raises(UdfError, match=r"Expected Optional\[str\], got 40"):
        chain.map(y=lambda x: x if x == 40 else None).exec()


def test_only_ten_rows_are_looked_at() -> None:
    calls: list[int] = []
    with pytest.raises(UdfSignatureError, match="all of the first 10 results"):
        dc.read_values(x=list(range(50))).map(y=lambda x: calls.append(x) or [])
    assert calls == list(range(10))


def test_ints_become_floats_for_functions_that_want_them() -> None:
    def kind(x: float, y: float | None) -> str:
        return f"{type(x).__name__} {type(y).__name__}"

    made = dc.read_values(x=[1, 2], y=[3, None]).map(kind=kind)
    assert made.to_values("kind") == ["float float", "float NoneType"]


def test_results_of_a_model_fill_several_columns(chain: dc.DataChain) -> None:
    def info(name: str):
        return Info(letters=len(name), first=name[0])

    made = chain.map(info, output={"letters": int, "first": str})
    assert made.to_list("letters", "first")[0] == (3, "c")
    assert chain.map(info, output=["n", "f"]).to_list("n", "f")[1] == (3, "d")


class Shelf(BaseModel):
    label: str
    items: list[Info]


def test_lists_of_models_arrive_in_every_batch() -> None:
    shelf = [Shelf(label=str(i), items=[Info(letters=i, first=None)] * (i % 3)) for i in range(100)]

    def total(shelf: Shelf) -> int:
        return sum(item.letters for item in shelf.items)

    made = dc.read_values(shelf=shelf).map(total=total)
    assert made.to_values("total") == [i * (i % 3) for i in range(100)]
