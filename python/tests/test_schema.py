"""Annotations, values and stored types as specs, and what `chain.schema` prints."""

# ruff: noqa: UP007, UP045  both spellings of a union are under test
from __future__ import annotations

import datetime as dt
import socket
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal, Optional, Union

import numpy as np
import pytest
from pydantic import BaseModel, Field, PositiveInt, field_validator

from lakebed._schema import (
    Schema,
    Vector,
    resolve_spec,
    same_type,
    spec_of,
    type_of,
    type_text,
)
from lakebed._types.type_text import parse_type
from lakebed.exceptions import (
    DataChainParamsError,
    SignalSchemaError,
)
from lakebed.file import File, ImageFile
from lakebed.models import DataModel, ModelStore

INT, STR = spec_of(int), spec_of(str)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Box(DataModel):
    x: int
    score: Optional[float] = None


class Picture(DataModel):
    _hidden_fields: ClassVar[list[str]] = ["note"]

    file: File
    box: Optional[Box] = None
    boxes: list[Box] = []  # noqa: RUF012
    color: Color = Color.RED
    note: dict[int, str] = {}  # noqa: RUF012
    emb: Vector(3) = [0.0, 0.0, 0.0]  # noqa: RUF012


def stored(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec as it comes back from storage: without anything of Python."""
    spec = dict(spec)
    if spec["kind"] == "model":
        fields = [(name, stored(field)) for name, field in spec["fields"]]
        return spec | {"cls": None, "fields": fields, "defaults": {}, "fast": False}
    if isinstance(spec.get("item"), dict):
        spec["item"] = stored(spec["item"])
    return spec | {key: None for key in ("cls", "adapter") if key in spec}


# Annotations


@pytest.mark.parametrize(
    ("annotation", "kind", "nullable"),
    [
        (int, "int", False),
        (Optional[float], "float", True),
        (str | None, "str", True),
        (bool, "bool", False),
        (bytes, "bytes", False),
        (dt.datetime, "datetime", False),
        (dt.date, "date", False),
        (dt.time, "time", False),
        (dt.timedelta, "timedelta", False),
        (PositiveInt, "int", False),
        (int | float, "float", False),
        (Literal["a", "b"], "str", False),
        (Literal[1, 2], "int", False),
        (Literal["a", 1], "json", False),
        (Color, "enum", False),
        (dict, "json", False),
        (dict[int, str], "json", False),
        (list, "json", False),
        (list[Any], "json", False),
        (list[int | None], "list", False),
        (tuple[int, ...], "tuple", False),
        (tuple[int, int], "tuple", False),
        (tuple[int, str], "json", False),
        (set[str], "set", False),
        (int | str | None, "json", True),
        (Vector(3), "vector", False),
        (Optional[Box], "model", True),
        (np.float32, "float", False),
        (np.int64, "int", False),
    ],
)
def test_annotations_have_a_kind(annotation: Any, kind: str, *, nullable: bool) -> None:
    spec = spec_of(annotation)
    assert (spec["kind"], spec["nullable"]) == (kind, nullable)


def test_decimal_takes_its_digits_from_the_field() -> None:
    assert spec_of(Decimal)["precision"] == 38
    narrow = spec_of(Annotated[Decimal, Field(max_digits=10, decimal_places=2)])
    assert (narrow["precision"], narrow["scale"]) == (10, 2)


@pytest.mark.parametrize(
    "annotation",
    [Any, None, object, complex, str | bytes, dt.datetime | str, "Unknown", np.ndarray],
)
def test_unsupported_types_are_refused(annotation: Any) -> None:
    with pytest.raises(SignalSchemaError, match=r"unsupported type .*: use int, float, str"):
        spec_of(annotation)


def test_an_unsupported_field_is_named_with_its_model_at_any_depth() -> None:
    class Info(DataModel):
        sock: socket.socket

    class Outer(DataModel):
        infos: list[Info]

    message = r"field `Info.sock` has unsupported type `socket\.socket`: use int"
    with pytest.raises(SignalSchemaError, match=message):
        spec_of(Outer)


def test_a_model_that_contains_itself_is_refused() -> None:
    class Tree(DataModel):
        children: list[Tree]

    with pytest.raises(SignalSchemaError, match=r"field `Tree.children`.*contains itself"):
        spec_of(Tree)


def test_vectors_check_length_and_type() -> None:
    assert spec_of(Vector(2, "float16")) == {
        "kind": "vector", "item": "float16", "length": 2, "nullable": False,
    }  # fmt: skip
    for length, dtype in ((0, "float32"), (True, "float32"), (2, "int8")):
        with pytest.raises(DataChainParamsError):
            Vector(length, dtype)
    picture = Picture(file=File(path="a"), emb=np.arange(3, dtype="float32"))
    assert picture.emb == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="at least 3 items"):
        Picture(file=File(path="a"), emb=[1.0])


# Models


def test_defaults_are_told_and_mutable_ones_are_not_shared() -> None:
    defaults = spec_of(Picture)["defaults"]
    assert "file" not in defaults
    assert defaults["box"] == ("value", None)
    how, make = defaults["boxes"]
    assert how == "factory"
    assert make() == []
    assert make() is not make()


def test_only_models_that_validation_does_not_change_are_fast() -> None:
    class Checked(BaseModel):
        value: int

        @field_validator("value")
        @classmethod
        def check(cls, value: int) -> int:
            return value

    class Positive(BaseModel):
        value: list[PositiveInt]

    class Aliased(BaseModel):
        value: int = Field(alias="other")

    class Extra(BaseModel, extra="allow"):
        value: int

    class Private(BaseModel):
        value: int
        _seen: int = 0

    class After(BaseModel):
        value: int

        def model_post_init(self, _: Any) -> None:
            self.value += 1

    class Stripped(BaseModel, str_strip_whitespace=True):
        value: str

    slow = (Checked, Positive, Aliased, Extra, Private, After, Stripped)
    fast = (File, ImageFile, Box, Picture)
    assert [cls for cls in (*slow, *fast) if spec_of(cls)["fast"]] == list(fast)


# Stored types and classes


def test_a_stored_model_finds_its_class() -> None:
    spec = resolve_spec(stored(spec_of(Picture)))
    fields = dict(spec["fields"])
    assert spec["cls"] is Picture
    assert spec["fast"]
    assert fields["color"]["cls"] is Color
    assert fields["note"]["adapter"].validate_json('{"1": "a"}') == {1: "a"}
    assert fields["boxes"]["item"]["cls"] is Box


def test_gained_fields_read_old_rows_and_lost_fields_are_ignored() -> None:
    full = stored(spec_of(Box))
    old = full | {"fields": full["fields"][:1]}
    assert resolve_spec(old)["cls"] is Box
    assert resolve_spec(old)["defaults"]["score"] == ("value", None)
    newer = full | {"fields": [*full["fields"], ("gone", spec_of(int))]}
    assert [name for name, _ in resolve_spec(newer)["fields"]] == ["x", "score"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([("score", spec_of(float))], "field `Box.x` is not stored and has no default"),
        ([("x", spec_of(str))], "field `Box.x` is stored as `str`, the class wants `int`"),
    ],
)
def test_other_differences_name_the_field(fields: list[Any], message: str) -> None:
    with pytest.raises(SignalSchemaError, match=message):
        resolve_spec(stored(spec_of(Box)) | {"fields": fields})


def test_stretched_fields_are_validated() -> None:
    whole = [("x", spec_of(int)), ("score", spec_of(int))]
    assert not resolve_spec(stored(spec_of(Box)) | {"fields": whole})["fast"]
    nulls = [("x", spec_of(Optional[int])), ("score", spec_of(float))]
    assert not resolve_spec(stored(spec_of(Box)) | {"fields": nulls})["fast"]


def test_without_a_class_one_is_generated_once_and_not_registered() -> None:
    spec = stored(spec_of(Box)) | {"name": "Unknown@v2", "hidden": ["score"]}
    cls = resolve_spec(spec)["cls"]
    assert resolve_spec(spec)["cls"] is cls
    assert cls(x=1).score is None
    assert (spec_of(cls)["name"], spec_of(cls)["hidden"]) == ("Unknown@v2", ["score"])
    assert ModelStore.get("Unknown") is None


def test_a_generated_class_with_the_fields_of_a_file_is_a_file() -> None:
    spec = stored(spec_of(File))
    spec |= {"name": "Scan@v1", "fields": [*spec["fields"], ("page", spec_of(int))]}
    resolved = resolve_spec(spec)
    assert issubclass(resolved["cls"], File)
    assert resolved["fast"]
    assert resolved["cls"](path="a/b.png", page=1).name == "b.png"


def test_foreign_types_have_python_types() -> None:
    foreign = {
        "kind": "model", "name": "", "nullable": True,
        "fields": [
            ("_id", {"kind": "int", "arrow": "Int32", "nullable": True}),
            ("copy", {"kind": "map", "key": STR, "value": INT, "nullable": False}),
            ("nothing", {"kind": "null", "nullable": True}),
            ("odd", {"kind": "arrow", "type": "Union", "nullable": True}),
        ],
    }  # fmt: skip
    assert str(Schema([("f", foreign)])).splitlines() == [
        "f: Optional[Struct]",
        "  _id: Optional[int]",
        "  copy: dict[str, int]",
        "  nothing: NoneType",
        "  odd: Any",
    ]


def test_of_two_classes_with_one_name_the_fitting_one_reads() -> None:
    def define() -> type[DataModel]:
        class Twice(DataModel):
            other: str

        return Twice

    class Twice(DataModel):
        value: int

    second = define()
    assert ModelStore.get("Twice") is second
    assert resolve_spec(stored(spec_of(Twice)))["cls"] is Twice


# The schema that users see


def test_the_schema_prints_as_a_tree() -> None:
    schema = Schema([("n", spec_of(Optional[int])), ("pic", spec_of(Picture))])
    assert schema.to_string(include_hidden=False) == (
        "n: Optional[int]\n"
        "pic: Picture@v1\n"
        "  file: File@v1\n"
        "    path: str\n"
        "    size: int\n"
        "  box: Optional[Box@v1]\n"
        "    x: int\n"
        "    score: Optional[float]\n"
        "  boxes: list[Box@v1]\n"
        "    * list of: Box@v1\n"
        "      x: int\n"
        "      score: Optional[float]\n"
        "  color: Color\n"
        "  emb: list[float]"
    )
    assert "  note: dict[int, str]" in str(schema).splitlines()
    assert "    location: Union[dict, list[dict], NoneType]" in str(schema).splitlines()


def test_the_schema_is_a_dict_of_types_with_leaves() -> None:
    schema = Schema([("n", spec_of(int)), ("box", spec_of(Optional[Box]))])
    assert schema == {"n": int, "box": Union[Box, None]}
    assert schema.flatten() == {"n": int, "box.x": int, "box.score": Optional[float]}


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        Optional[dict[int, str]],
        Literal["a", 1],
        tuple[int, ...],
        list[dict | None],
        dict | list[dict] | None,
    ],
)
def test_types_survive_as_text(annotation: Any) -> None:
    assert type_text(parse_type(type_text(annotation))) == type_text(annotation)


def test_names_in_text_are_looked_up() -> None:
    known = {"Color": Color, "Box@v1": Box}
    text = type_text(Union[Color, dict[str, Box]])
    assert text == "Union[Color, dict[str, Box@v1]]"
    assert parse_type(text, known.get) == Union[Color, dict[str, Box]]
    assert parse_type(text) is None


def test_text_runs_nothing() -> None:
    for text in ("__import__('os')", "Picture", "int if 1 else str", "(", "int[0]"):
        assert parse_type(text) is None


def test_types_of_specs_are_those_they_came_from() -> None:
    plain = (int, Optional[str], list[Optional[int]], dict[int, str], set[int])
    for annotation in (*plain, Box, Color):
        assert type_of(spec_of(annotation)) == annotation


@pytest.mark.parametrize(
    ("annotation", "column", "fits"),
    [
        (int, Optional[int], True),
        (Optional[int], int, True),
        (float, int, True),
        (int, float, False),
        (Any, str, True),
        (str, int, False),
        (int | str, str, True),
        (list[float], Vector(3), True),
        (list, list[int], True),
        (list[int], list[str], False),
        (File, ImageFile, True),
        (ImageFile, File, True),
        (File, Box, False),
        (dict, dict[str, int], True),
        (str, Literal["a"], True),
        (np.ndarray, list[float], False),
    ],
)
def test_columns_fit_parameters(annotation: Any, column: Any, *, fits: bool) -> None:
    assert same_type(annotation, spec_of(column)) is fits
