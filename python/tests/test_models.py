"""`DataModel` and the registry of model names."""

# ruff: noqa: UP045  both spellings of a union are under test
from __future__ import annotations

from typing import ClassVar, Optional

import pytest
from pydantic import BaseModel, ValidationError

from lakebed._schema import spec_of
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
