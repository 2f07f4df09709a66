"""`gen_datamodel_code`: models for what is in files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from lakebed.lib.meta_formats import gen_datamodel_code

import lakebed as dc
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = [
    {"id": 1, "class": "cat", "boxes": [{"x": 1.5, "of": None}], "by": {"name": "Ann"}, "_n": 1},
    {"id": 2.5, "boxes": [], "by": {"name": "Bob"}, "_n": "x"},
]

CODE = """\
from lakebed import DataModel
from pydantic import Field


class Box(DataModel):
    x: float
    of: str | None = None


class By(DataModel):
    name: str


class Picture(DataModel):
    id: float
    class_: str | None = Field(default=None, alias="class")
    boxes: list[Box]
    by: By
    field_n: int | str = Field(alias="_n")


spec = Picture
"""


def made(code: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(code, "made", "exec", dont_inherit=True), names)  # noqa: S102  it is code
    return names["spec"]


def test_the_code_is_a_spec_of_the_values(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"pictures": PICTURES}))
    code = gen_datamodel_code(dc.File.at(path), jmespath="pictures", model_name="Picture")
    assert code == CODE
    chain = dc.read_json(path, jmespath="pictures", spec=made(code))
    assert chain.to_list("pictures.id", "pictures.class_", "pictures.field_n") == [
        (1.0, "cat", 1),
        (2.5, None, "x"),
    ]


def test_lines_and_tables(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text('{"a": 1}\n{"a": 2, "b": true}\n')
    code = gen_datamodel_code(tmp_path / "l.jsonl", "jsonl", model_name="Line")
    assert list(dc.read_json(tmp_path / "l.jsonl", format="jsonl", spec=made(code)).schema) == [
        "jsonl"
    ]
    assert "    b: bool | None = None\n" in code
    (tmp_path / "t.csv").write_text("id,day\n1,2024-01-02\n")
    code = gen_datamodel_code(str(tmp_path / "t.csv"), "csv", model_name="Row")
    assert code.startswith("from datetime import date\n")
    chain = dc.read_csv(tmp_path / "t.csv", output=made(code), source=False)
    assert chain.to_values("id") == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jmespath": "[].id"}, "a model is made of objects: `1` is none"),
        ({"jmespath": "nothing"}, "a model is made of objects: there are no values"),
        ({"format": "xml"}, "unknown format `xml`: use json, jsonl, csv"),
        ({"model_name": "class"}, "model_name= is the name of a class, not `class`"),
    ],
)
def test_what_has_no_code(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(PICTURES))
    with pytest.raises(DataChainParamsError, match=message.replace("[", r"\[")):
        gen_datamodel_code(path, **options)
