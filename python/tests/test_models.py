"""`DataModel` and the registry of model names."""

# ruff: noqa: UP045  both spellings of a union are under test
from __future__ import annotations

from typing import Any, ClassVar, Optional, get_args

import pytest
from pydantic import BaseModel, Field, ValidationError

import lakebed as dc
from lakebed import C, func
from lakebed._schema import spec_of
from lakebed.exceptions import SignalResolvingError
from lakebed.expr import Expr, literal
from lakebed.models import DataModel, ModelStore


def test_data_models_register_themselves_with_their_version() -> None:
    class Registered(DataModel):
        _version: ClassVar[int] = 3
        x: int

    assert ModelStore.get("Registered", 3) is Registered
    assert ModelStore.get("Registered") is Registered
    assert ModelStore.get("Registered", 1) is None
    assert ModelStore.get_name(Registered) == "Registered@v3"


def test_the_highest_version_is_the_default() -> None:
    class Evolving(DataModel):
        x: int

    first = Evolving

    class Evolving(DataModel):  # type: ignore[no-redef]
        _version = 2
        x: int

    assert ModelStore.get("Evolving") is Evolving
    assert ModelStore.get("Evolving", 1) is first


def test_plain_models_are_registered_on_first_use_under_their_bare_name() -> None:
    class Plain(BaseModel):
        x: int

    assert ModelStore.get("Plain") is None
    assert spec_of(Plain)["name"] == "Plain"
    assert ModelStore.get("Plain", 0) is Plain


def test_registering_covers_the_models_in_fields() -> None:
    class Leaf(BaseModel):
        x: int

    class Branch(BaseModel):
        leaves: list[Optional[Leaf]]

    DataModel.register([Branch])
    assert ModelStore.get("Leaf") is Leaf


def test_a_default_of_none_makes_the_field_optional() -> None:
    class Relaxed(DataModel):
        x: int = None
        y: str = "a"

    assert Relaxed(x=None).x is None
    assert dict(spec_of(Relaxed)["fields"])["x"]["nullable"]
    assert not dict(spec_of(Relaxed)["fields"])["y"]["nullable"]
    with pytest.raises(ValidationError):
        Relaxed(x="no number")


def test_a_redefined_class_replaces_itself() -> None:
    def define() -> type[DataModel]:
        class Cell(DataModel):
            x: int

        return Cell

    define()
    newest = define()
    assert ModelStore.candidates("Cell@v1") == [newest]


def test_models_can_be_removed() -> None:
    class Removed(DataModel):
        x: int

    ModelStore.remove(Removed)
    assert ModelStore.get("Removed") is None


@pytest.mark.parametrize(
    ("fullname", "parts"), [("File@v1", ("File", 1)), ("Plain", ("Plain", 0)), ("X@", ("X", 0))]
)
def test_names_have_a_version(fullname: str, parts: tuple[str, int]) -> None:
    assert ModelStore.parse_name_version(fullname) == parts


def test_only_model_classes_are_models() -> None:
    assert ModelStore.is_pydantic(DataModel)
    for other in (int, list[int], DataModel.register, None, Optional[DataModel]):
        assert not ModelStore.is_pydantic(other)


# Models in chains


class Pet(DataModel):
    age: int
    name: str = "none"


class Under(DataModel):
    a__b: int
    b: int
    a: Pet


def pets() -> dc.DataChain:
    return dc.read_values(pet=[Pet(age=3), Pet(age=5)], kind=["cat", "dog"])


@pytest.mark.parametrize(
    ("expr", "ages"),
    [
        (lambda: C("pet"), [3, 5]),
        (lambda: func.ifelse(C("kind") == "cat", C("pet"), Pet(age=9)), [3, 9]),
        (lambda: func.ifelse(C("kind") == "cat", C("pet"), None), [3, None]),
        (lambda: func.ifelse(C("kind") == "cat", None, C("pet")), [None, 5]),
        (lambda: func.case((C("kind") == "dog", C("pet"))), [None, 5]),
        (lambda: Pet(age=1), [1, 1]),
    ],
)
def test_expressions_keep_the_model(expr: Any, ages: list[int | None]) -> None:
    for made in (pets().select(new=expr()), pets().select("kind", expr_of(expr()).label("new"))):
        wanted = [None if age is None else Pet(age=age) for age in ages]
        assert made.to_values("new") == wanted
        assert Pet in (made.schema["new"], *get_args(made.schema["new"]))


def expr_of(value: Any) -> Expr:
    return value if isinstance(value, Expr) else literal(value)


def test_aggregates_and_keys_keep_the_model() -> None:
    chain = pets().mutate(copy=func.ifelse(C("kind") == "cat", C("pet"), C("pet")))
    made = chain.group_by(low=func.min("pet"), high=func.max("copy"), partition_by="copy")
    assert set(map(type, made.order_by("copy.age").to_list()[0])) == {Pet}
    assert made.schema["low"] == Pet


def test_what_is_saved_keeps_the_model() -> None:
    pets().select(new=func.ifelse(C("kind") == "cat", C("pet"), Pet(age=9))).save("chosen")
    assert dc.read_dataset("chosen").to_values("new") == [Pet(age=3), Pet(age=9)]


def test_a_copied_model_is_read_by_its_leaves() -> None:
    pets().save("pets")
    plan = dc.read_dataset("pets").select(new=C("pet")).select("new.age").explain()
    assert "name" not in plan


@pytest.mark.parametrize("path", ["u.a__b", "u__a__b"])
def test_the_longest_name_wins(path: str) -> None:
    chain = dc.read_values(u=[Under(a__b=1, b=2, a=Pet(age=3))])
    assert chain.to_values(path) == [1]
    assert chain.mutate(z=C(path)).to_values("z") == [1]
    assert chain.filter(C(path) == 1).count() == 1
    assert list(chain.select(path).schema.flatten()) == ["u.a__b"]
    assert list(chain.select_except("u.a", path).schema.flatten()) == ["u.b"]
    assert chain.group_by(n=func.count(), partition_by=path).to_values(path) == [1]
    assert chain.order_by(path).to_records()[0]["u__a__b"] == 1


def test_a_dot_still_goes_into_the_model() -> None:
    chain = dc.read_values(u=[Under(a__b=1, b=2, a=Pet(age=3))])
    for path in ("u.a.age", "u__a__age", "u.a__age"):
        assert chain.mutate(z=C(path)).to_values("z") == chain.to_values(path) == [3]


# Rows of an older class


@pytest.fixture
def grown() -> type[DataModel]:
    """A class with more fields than its rows in the dataset `grown` have."""

    class Grown(DataModel):
        a: int

    dc.read_values(g=[Grown(a=1), None]).save("grown")

    class Grown(DataModel):  # type: ignore[no-redef]
        a: int
        b: str = "default"
        c: Pet = Pet(age=7)
        made: list[int] = Field(default_factory=list)

    return Grown


def test_old_rows_have_the_defaults(grown: type[DataModel]) -> None:
    chain = dc.read_dataset("grown")
    assert chain.to_values("g") == [grown(a=1), None]
    assert chain.to_list("g.b", "g.c.age", "g.a", "g") == [
        ("default", 7, 1, grown(a=1)),
        (None, None, None, None),
    ]
    first, _ = chain.to_values("g.made")
    assert first == []


def test_functions_get_the_defaults(grown: type[DataModel]) -> None:
    chain = dc.read_dataset("grown").filter(~C("g").is_(None))
    assert chain.map(z=lambda g: g.b).to_values("z") == ["default"]
    assert chain.map(z=lambda g__b: g__b).to_values("z") == ["default"]
    assert chain.map(lambda v: v, params=["g.c.age"], output={"z": int}).to_values("z") == [7]
    assert type(chain.limit(1).to_values("g")[0]) is grown


@pytest.mark.usefixtures("grown")
@pytest.mark.parametrize(
    "verb",
    [
        lambda chain: chain.mutate(z=C("g.b")),
        lambda chain: chain.filter(C("g__b") == "default"),
        lambda chain: chain.order_by("g.b"),
        lambda chain: chain.select("g.b"),
        lambda chain: chain.group_by(n=func.count(), partition_by="g.b"),
    ],
)
def test_expressions_say_that_old_rows_lack_a_field(verb: Any) -> None:
    with pytest.raises(SignalResolvingError) as caught:
        verb(dc.read_dataset("grown"))
    message = "unknown column `g.b`: `g` was stored as a `Grown@v1` without field `b`"
    assert message in str(caught.value)
    assert "map(new=lambda g: ...)" in str(caught.value)
