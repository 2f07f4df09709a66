"""What is inside of lists, models and dicts: by place, slice, field and key."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, SignalResolvingError


class Box(BaseModel):
    label: str
    size: int


class Scene(BaseModel):
    name: str
    boxes: list[Box]
    best: Box | None


CAT, DOG = Box(label="cat", size=3), Box(label="dog", size=5)
SCENES = [
    Scene(name="a", boxes=[CAT, DOG], best=DOG),
    Scene(name="b", boxes=[], best=None),
    Scene(name="c", boxes=[DOG], best=CAT),
]


@pytest.fixture(params=["made", "saved"])
def scenes(request: pytest.FixtureRequest) -> dc.DataChain:
    chain = dc.read_values(scene=SCENES)
    return chain.save("scenes") if request.param == "saved" else chain


@pytest.mark.parametrize(
    ("expr", "values"),
    [
        (lambda: C("scene.boxes.label"), [["cat", "dog"], [], ["dog"]]),
        (lambda: C.scene.boxes.size, [[3, 5], [], [5]]),
        (lambda: C("scene.boxes")[0], [CAT, None, DOG]),
        (lambda: C("scene.boxes")[-1]["label"], ["dog", None, "dog"]),
        (lambda: C("scene")["boxes"][0]["size"], [3, None, 5]),
        (lambda: C("scene.boxes.label")[1], ["dog", None, None]),
        (lambda: C("scene.boxes")[1:], [[DOG], [], []]),
        (lambda: C("scene.best")["label"], ["dog", None, "cat"]),
        (lambda: C("scene")["best"], [DOG, None, CAT]),
        (lambda: func.array.sum("scene.boxes.size"), [8, None, 5]),
        (lambda: C("scene.name")[0], ["a", "b", "c"]),
    ],
)
def test_lists_of_models(scenes: dc.DataChain, expr: Any, values: list[Any]) -> None:
    found = scenes.mutate(found=expr()).to_values("found")
    assert found == values
    assert [type(value).__name__ for value in found] == [type(v).__name__ for v in values]


def test_rows_are_filtered_by_what_is_inside(scenes: dc.DataChain) -> None:
    assert scenes.filter(C("scene.boxes")[0]["size"] > 3).to_values("scene.name") == ["c"]
    cats = scenes.filter(func.array.contains("scene.boxes.label", "cat"))
    assert cats.to_values("scene.name") == ["a"]


META = [{"k": 1, "n": {"deep": "x"}, "l": [1, "b"]}, {"k": "one", "l": []}, {}, None]


@pytest.mark.parametrize(
    ("expr", "values"),
    [
        (lambda: C("meta")["k"], [1, "one", None, None]),
        (lambda: C("meta.k"), [1, "one", None, None]),
        (lambda: C("meta")["n"], [{"deep": "x"}, None, None, None]),
        (lambda: C("meta.n.deep"), ["x", None, None, None]),
        (lambda: C("meta")["l"][-1], ["b", None, None, None]),
        (lambda: C("meta")["n"]["deep"].cast(str), ["x", None, None, None]),
        (lambda: C("meta")["k"].cast(str), ["1", "one", None, None]),
        (lambda: C("meta")["k"] == 1, [True, None, None, None]),
        (lambda: C("meta")["k"] == "one", [False, True, None, None]),
        (lambda: C("meta")["n"]["deep"].is_(None), [False, True, True, True]),
    ],
)
def test_dicts(expr: Any, values: list[Any]) -> None:
    made = dc.read_values(meta=META).mutate(found=expr())
    assert made.to_values("found") == values
    assert made.save("found").to_values("found") == values


class Facts(dc.DataModel):
    counts: dict[str, int] = Field(default={})
    deep: dict[str, list[dict[str, float]]] = Field(default={})
    anything: dict[str, Any] = Field(default={})
    perhaps: dict[str, int | None] | None = None
    several: list[dict[str, bool]] = Field(default=[])


FACTS = Facts(
    counts={"k": 1},
    deep={"a": [{"x": 1.5}]},
    anything={"q": {"r": [1, "b"]}},
    perhaps={"y": 2, "z": None},
    several=[{"k": True}],
)


@pytest.mark.parametrize(
    ("expr", "value", "annotation"),
    [
        (lambda: C("facts.counts")["k"], 1, int),
        (lambda: C("facts.counts.k"), 1, int),
        (lambda: C("facts.deep.a"), [{"x": 1.5}], list[dict[str, float]]),
        (lambda: C("facts.deep.a")[0]["x"], 1.5, float),
        (lambda: C("facts.anything.q.r")[1], "b", Any),
        (lambda: C("facts.perhaps.y"), 2, int),
        (lambda: C("facts.perhaps.z"), None, int),
        (lambda: C("facts.several")[0], {"k": True}, dict[str, bool]),
        (lambda: C("facts.several")[0]["k"], True, bool),
    ],
)
def test_what_is_inside_of_typed_dicts_has_its_type(expr: Any, value: Any, annotation: Any) -> None:
    made = dc.read_values(facts=[FACTS, Facts()]).mutate(found=expr())
    assert made.schema["found"] in {annotation, annotation | None}
    assert made.to_values("found") == [value, None]
    assert made.save("found").to_values("found") == [value, None]


def test_rows_are_read_and_grouped_by_what_is_inside(scenes: dc.DataChain) -> None:
    assert scenes.to_list("scene.boxes.label") == [(["cat", "dog"],), ([],), (["dog"],)]
    facts = dc.read_values(id=[1, 2, 3], facts=[FACTS, Facts(), FACTS])
    assert facts.to_list("id", "facts.counts.k") == [(1, 1), (2, None), (3, 1)]
    groups = facts.group_by(n=func.count(), partition_by=C("facts.counts.k").label("k"))
    assert groups.order_by("k").to_list() == [(1, 2), (None, 1)]
    with pytest.raises(SignalResolvingError, match=r"facts\.none\.k"):
        facts.to_list("facts.none.k")


@pytest.mark.parametrize(
    ("expr", "error", "message"),
    [
        (lambda: C("scene.boxes.none"), DataChainColumnError, "have no field `none`"),
        (lambda: C("scene")["none"], DataChainColumnError, "model has no field `none`"),
        (lambda: C("scene.name")["x"], DataChainColumnError, "str has no field `x`"),
        (lambda: C("scene.none.x"), SignalResolvingError, "scene.none.x"),
        (lambda: C("scene.best")[0], DataChainColumnError, "needs a list or str"),
        (lambda: C("scene.boxes")[::2], DataChainColumnError, "a slice without a step"),
        (lambda: C("scene.boxes")[True], DataChainColumnError, "takes a whole number"),
        (lambda: C("scene.boxes")[1.5], DataChainColumnError, "takes a whole number"),
    ],
)
def test_what_is_not_there_is_refused(expr: Any, error: type[Exception], message: str) -> None:
    chain = dc.read_values(scene=SCENES)
    with pytest.raises(error) as caught:
        chain.mutate(found=expr())
    assert message in str(caught.value)


def test_an_expression_is_no_sequence() -> None:
    with pytest.raises(TypeError):
        iter(C("xs"))


def test_many_functions_of_one_vector() -> None:
    rows = dc.read_values(v=[[3.0, 4.0]]).save("vectors")
    made = rows.mutate(
        norm=func.array.norm("v"),
        dot=func.array.dot_product("v", [1.0, 1.0]),
        last=C("v")[-1],
        part=C("v")[:1],
        mean=func.array.mean("v"),
        largest=func.array.max("v"),
        sorted=func.array.sort("v", desc=True),
    )
    assert made.to_list() == [([3.0, 4.0], 5.0, 7.0, 4.0, [3.0], 3.5, 4.0, [4.0, 3.0])]
