"""What a function returned is what is read, whatever code of its model makes objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PositiveInt,
    PrivateAttr,
    create_model,
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


class Span(BaseModel):
    start: float
    end: float
    _width: float = 0.0


class SpanOfValidator(Span):
    @model_validator(mode="after")
    def measured(self) -> SpanOfValidator:
        self._width = self.end - self.start
        return self


class SpanOfWrap(Span):
    @model_validator(mode="wrap")
    @classmethod
    def measured(cls, data: Any, handler: Any) -> Any:
        made = handler(data)
        made._width = made.end - made.start
        return made


class SpanOfInit(Span):
    end: float = Field(alias="to")
    _width: float = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._width = self.end - self.start


class SpanOfPostInit(Span):
    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002
        self._width = self.end - self.start


class SpanUndeclared(BaseModel):
    start: float
    end: float

    @model_validator(mode="after")
    def measured(self) -> SpanUndeclared:
        self._width = self.end - self.start
        return self


class SpanOfScaled(SpanOfValidator):
    """What its validators made of a field is not made of it again."""

    @field_validator("end")
    @classmethod
    def scaled(cls, end: float) -> float:
        return end * 10


SPANS: list[Any] = [
    SpanOfValidator,
    SpanOfWrap,
    SpanOfInit,
    SpanOfPostInit,
    SpanUndeclared,
    SpanOfScaled,
]


class SpanHolder(BaseModel):
    spans: list[SpanOfValidator]


@pytest.mark.parametrize("model", SPANS)
def test_private_attributes_that_code_sets_are_set(model: Any) -> None:
    def span(i: int) -> Any:
        return model(start=1, to=i) if model is SpanOfInit else model(start=1, end=i)

    made = dc.read_values(i=[3, 5]).map(s=span, output=model)
    expected = [span(3)._width, span(5)._width]
    assert min(expected) > 1
    for chain in (made, made.save("spans")):
        assert [one._width for one in chain.to_values("s")] == expected
        assert [one.end for one in chain.to_values("s")] == [span(3).end, span(5).end]
        assert chain.map(w=lambda s: s._width, output=float).to_values("w") == expected


def test_and_inside_of_other_models() -> None:
    def hold(i: int) -> SpanHolder:
        return SpanHolder(spans=[SpanOfValidator(start=0, end=i)])

    held = dc.read_values(i=[2]).map(h=hold)
    assert held.map(w=lambda h: h.spans[0]._width, output=float).to_values("w") == [2.0]


class Listed(BaseModel):
    names: list[str]
    _count: int = 0

    @model_validator(mode="after")
    def counted(self) -> Listed:
        self.names.append("end")
        self._count = len(self.names)
        return self


def test_code_that_changes_a_list_in_its_place_does_not_change_what_was_stored() -> None:
    made = dc.read_values(i=[1]).map(m=lambda i: Listed(names=[str(i)]), output=Listed)
    assert made.to_values("m")[0].names == ["1", "end"]


class Checked(BaseModel):
    v: int

    @model_validator(mode="after")
    def checked(self) -> Checked:
        if self.v > 15:
            raise ValueError("too large")
        self.v += 10
        return self


class OwnArguments(BaseModel):
    area: int

    def __init__(self, width: int, height: int) -> None:
        super().__init__(area=width * height)


def test_what_refuses_its_own_results_is_read_without_it() -> None:
    made = dc.read_values(i=[9]).map(m=lambda i: Checked(v=i), output=Checked)
    assert made.to_values("m")[0].v == 19
    made = dc.read_values(i=[9]).map(m=lambda i: OwnArguments(i, 2), output=OwnArguments)
    assert made.to_values("m")[0].area == 18


class Crossed(BaseModel):
    a: int = Field(alias="b")
    b: int = Field(alias="a")

    @field_validator("a")
    @classmethod
    def kept(cls, a: int) -> int:
        return a


def test_aliases_that_are_names_of_other_fields() -> None:
    made = dc.read_values(i=[1]).map(m=lambda i: Crossed(b=i, a=2), output=Crossed)
    assert [(one.a, one.b) for one in made.to_values("m")] == [(1, 2)]


def test_of_classes_of_one_name_the_one_with_these_fields_reads() -> None:
    def models(**fields: Any) -> type[BaseModel]:
        inner = create_model("SharedInner", **fields)
        return create_model("SharedOuter", name=(str, ...), inner=(inner, ...))

    stored, other = models(n=(float, ...), note=(str, "")), models(score=(int, 0), label=(str, ""))
    value = {"name": "a", "inner": {"n": 1.5, "note": "x"}}
    chain = dc.read_values(o=[stored(**value)])
    other(name="", inner={})
    [read] = chain.save("shared").to_values("o")
    assert read.model_dump() == value
