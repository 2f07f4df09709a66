"""What a function returned is what is read, whatever code of its model makes objects."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PositiveInt,
    PrivateAttr,
    field_validator,
    model_validator,
)

import lakebed as dc


class Raised(BaseModel):
    v: int

    @field_validator("v")
    @classmethod
    def raised(cls, v: int) -> int:
        return v + 10


class RaisedBesideBounds(Raised):
    sizes: list[PositiveInt] = [1]
    kind: Literal["a", "b"] = "a"
    share: Annotated[float, Field(ge=0)] = 0.5


class RaisedAfter(BaseModel):
    v: int
    _seen: int = PrivateAttr(default=0)

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002
        self.v += 10
        self._seen = 1


class RaisedByNote(BaseModel):
    v: Annotated[int, AfterValidator(lambda v: v + 10)]


class RaisedAsAWhole(BaseModel):
    v: int

    @model_validator(mode="after")
    def raised(self) -> RaisedAsAWhole:
        self.v += 10
        return self


class Holder(BaseModel):
    inner: Raised
    many: list[Raised]


MODELS = [Raised, RaisedBesideBounds, RaisedAfter, RaisedByNote, RaisedAsAWhole]


@pytest.mark.parametrize("model", MODELS)
def test_code_of_the_model_does_not_run_on_its_own_results(model: type[BaseModel]) -> None:
    made = dc.read_values(i=[1, 2]).map(m=lambda i: model(v=i), output=model)
    expected = [model(v=1), model(v=2)]
    assert [one.v for one in expected] == [11, 12]
    assert made.to_values("m") == expected
    assert made.save("made").to_values("m") == expected
    assert made.map(v=lambda m: m.v, output=int).to_values("v") == [11, 12]


def test_nor_inside_of_other_models() -> None:
    def hold(i: int) -> Holder:
        return Holder(inner=Raised(v=i), many=[Raised(v=i), Raised(v=-i)])

    (held,) = dc.read_values(i=[1]).map(h=hold).save("held").to_values("h")
    assert (held.inner.v, [one.v for one in held.many]) == (11, [11, 9])


def test_private_attributes_are_set() -> None:
    made = dc.read_values(i=[1]).map(m=lambda i: RaisedAfter(v=i), output=RaisedAfter)
    assert made.to_values("m")[0]._seen == 1
