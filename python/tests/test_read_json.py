"""JSON documents and lines as rows, with the types that they have."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

import lakebed as dc
from lakebed.exceptions import (
    CorruptDataError,
    DataChainColumnError,
    DataChainParamsError,
    FileChangedError,
    MissingPathError,
    NotSupportedError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from servers import Store
    from servers.double_server import S3Double

PETS = [{"name": "cat", "size": 3, "of": {"id": 1}}, {"name": "dog", "size": None}]


def lines(path: Path, values: list[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def document(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, indent=1))
    return path


def plain(value: Any) -> Any:
    """Models as dicts, without what is None, as JSON without it."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    return [plain(v) for v in value] if isinstance(value, list) else value


def test_keys_that_are_words_of_python_are_attributes(tmp_path: Path) -> None:
    path = document(tmp_path / "a.json", [{"class": "cat", "in": {"from": 1, "class_": 2}}])
    chain = dc.read_json(path, column="pet")
    [pet] = chain.to_values("pet")
    assert (pet.class_, pet.in_.from_, pet.in_.class_) == ("cat", 1, 2)
    assert chain.filter(dc.C("pet.class_") == "cat").count() == 1


def test_a_document_gives_one_column(tmp_path: Path) -> None:
    path = document(tmp_path / "pets.json", PETS)
    chain = dc.read_json(path)
    assert list(chain.schema) == ["json"]
    assert chain.to_list("json.name", "json.size", "json.of.id") == [
        ("cat", 3, 1),
        ("dog", None, None),
    ]
    assert dc.read_json(path, column="pet").filter(dc.C("pet.size") > 2).count() == 1
    assert dc.read_json(path, format="json", model_name="Kitten").to_values("json")[0].size == 3


def test_lines_give_one_column(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", PETS)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"name": "eel", "size": 2.5}\n'))
    (tmp_path / "notes.txt").write_text("no JSON")
    chain = dc.read_json(tmp_path, format="jsonl")
    assert list(chain.schema) == ["jsonl"]
    assert chain.to_list("jsonl.name", "jsonl.size") == [("cat", 3.0), ("dog", None), ("eel", 2.5)]
    assert dc.read_json(str(tmp_path / "*.gz"), format="jsonl").to_values("jsonl.name") == ["eel"]
    below = tmp_path / "below"
    below.mkdir()
    lines(below / "c.jsonl", [{"name": "fox"}])
    assert dc.read_json(tmp_path, format="jsonl").count() == 4
    assert dc.read_json(tmp_path, format="jsonl", recursive=False).count() == 3
    both = [tmp_path / "b.jsonl.gz", tmp_path / "a.jsonl"]
    assert dc.read_json(both, format="jsonl", nrows=1).to_values("jsonl.name") == ["eel", "cat"]


def test_an_expression_chooses_and_names(tmp_path: Path) -> None:
    path = document(tmp_path / "a.json", {"by": "me", "pets": {"all": PETS}})
    chain = dc.read_json(path, jmespath="pets.all")
    assert chain.to_values("pets.name") == ["cat", "dog"]
    assert dc.read_json(path, jmespath="pets.all[].size").to_list() == [(3,)]
    assert dc.read_json(path, jmespath="pets.all[?size == `3`].name | [0]").to_list() == [("cat",)]
    assert dc.read_json(path, jmespath="by", column="who").to_list("who") == [("me",)]
    path = lines(tmp_path / "b.jsonl", [{"v": {"x": 1}}, {"w": 1}, {"v": {"x": 2}}])
    assert dc.read_json(path, format="jsonl", jmespath="v").to_values("v.x") == [1, 2]
    with pytest.raises(DataChainParamsError, match="JMESPath"):
        dc.read_json(path, jmespath="a[")


def test_types(tmp_path: Path) -> None:
    values = [
        {
            "i": 1,
            "f": 1,
            "mixed": 1,
            "list": [],
            "ids": {"1": "a"},
            "items": [{"a": 1}],
            "no": None,
        },
        {"i": -(2**63), "f": 0.5, "mixed": "x", "list": [[1]], "ids": {"7": "b"}, "items": []},
    ]
    chain = dc.read_json(lines(tmp_path / "a.jsonl", values), format="jsonl", column="v")
    fields = {name: field.annotation for name, field in chain.schema["v"].model_fields.items()}
    items = fields.pop("items")
    assert fields == {
        "i": int | None,
        "f": float | None,
        "mixed": int | str | None,
        "list": list[list[int | None] | None] | None,
        "ids": dict | None,
        "no": str | None,
    }
    assert "list" in str(items)
    assert chain.to_list("v.mixed", "v.ids", "v.list") == [
        (1, {"1": "a"}, []),
        ("x", {"7": "b"}, [[1]]),
    ]
    assert [item.a for item in chain.to_values("v.items")[0]] == [1]
    saved = chain.save("values")
    assert plain(saved.to_values("v")) == plain(values)


def test_a_number_beyond_64_bits_stays_exact(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"n": 2**70}, {"n": 1}])
    assert dc.read_json(path, format="jsonl").to_values("jsonl.n") == [2**70, 1]


def test_nan_as_python_writes_it(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [float("nan"), float("-inf"), 1])
    first, *rest = dc.read_json(path, format="jsonl").to_values("jsonl")
    assert first != first  # noqa: PLR0124
    assert rest == [float("-inf"), 1.0]


class Of(BaseModel):
    id: int


class Pet(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    title: str = Field(alias="name")
    size: float | None = None
    legs: int = 4
    tags: list[str] = Field(default_factory=list)
    of: Of | None = None
    born: dt.datetime | None = None
    more: dict = {}


def test_a_model_says_what_is_read(tmp_path: Path) -> None:
    given = [
        {"name": "cat", "other": [1], "of": {"id": "7"}, "born": "2024-01-31T12:00:00+01:00"},
        {"title": "dog", "size": "2.5", "legs": 3, "tags": ["a"], "more": {"a": [1]}},
    ]
    for form, path in (
        ("jsonl", lines(tmp_path / "a.jsonl", given)),
        ("json", document(tmp_path / "a.json", given)),
    ):
        chain = dc.read_json(path, spec=Pet, format=form, column="pet")
        assert chain.schema == {"pet": Pet}
        pets = chain.to_values("pet")
        assert pets == [Pet.model_validate(value) for value in given]


class Checked(BaseModel):
    name: str = Field(min_length=2)
    size: int

    @field_validator("size")
    @classmethod
    def doubled(cls, value: int) -> int:
        return 2 * value


def test_validators_of_a_model_run(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"name": "cat", "size": 3}])
    chain = dc.read_json(path, spec=Checked, format="jsonl")
    assert chain.to_list("jsonl.name", "jsonl.size") == [("cat", 6)]
    bad = lines(tmp_path / "b.jsonl", [{"name": "x", "size": 3}])
    with pytest.raises(ValidationError, match="name"):
        dc.read_json(bad, spec=Checked, format="jsonl").to_list()


def test_types_of_a_sample_elsewhere(tmp_path: Path) -> None:
    sample = lines(tmp_path / "sample.jsonl", [{"x": 1.5, "y": "z"}])
    path = lines(tmp_path / "a.jsonl", [{"x": 1}])
    chain = dc.read_json(path, schema_from=str(sample), format="jsonl")
    assert chain.to_list("jsonl.x", "jsonl.y") == [(1.0, None)]


@pytest.mark.parametrize(
    ("spec", "value", "part"),
    [
        (Of, {"id": "x"}, r"a\.jsonl`, line 2, key `id`: `\"x\"` is no whole number"),
        (Of, {}, r"line 2, key `id`: the key is missing"),
        (Of, {"id": 2**63}, "no whole number of 64 bits"),
        (Of, [1], r"line 2: `\[1\]` is no object"),
        (Pet, {"name": "cat", "tags": ["a", 1]}, r"line 2, key `tags\[1\]`: `1` is no text"),
        (Pet, {"name": "cat", "more": [1]}, r"line 2, key `more`: `\[1\]` is no object"),
        (int, None, "line 2: `null` is no whole number"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, spec: Any, value: Any, part: str) -> None:
    good = {Of: {"id": 1}, Pet: {"name": "a"}, int: 1}[spec]
    path = lines(tmp_path / "a.jsonl", [good, value])
    with pytest.raises(DataChainColumnError, match=part):
        dc.read_json(path, spec=spec, format="jsonl").to_list()


def test_what_is_no_json_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1}\n{"x": }\n')
    with pytest.raises(CorruptDataError, match=r"line 2, byte 7: found `}` where a value belongs"):
        dc.read_json(path, format="jsonl")
    with pytest.raises(CorruptDataError, match="jsonl"):
        dc.read_json(path)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"format": "csv"}, NotSupportedError),
        ({"format": "xml"}, DataChainParamsError),
        ({"nrows": -1}, DataChainParamsError),
        ({"schema_from": None}, DataChainParamsError),
        ({"model_name": "a b"}, DataChainParamsError),
        ({"type": "pdf"}, DataChainParamsError),
        ({"delta": True}, NotSupportedError),
    ],
)
def test_refuses(tmp_path: Path, options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        dc.read_json(document(tmp_path / "a.json", [1]), **options)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingPathError):
        dc.read_json(tmp_path / "none.json")
    with pytest.raises(DataChainParamsError, match="ndjson"):
        dc.read_json(tmp_path)


def test_a_file_that_changed_is_not_read(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"x": 1}])
    chain = dc.read_json(path, format="jsonl")
    lines(path, [{"x": 1}, {"x": 2}])
    with pytest.raises(FileChangedError, match=r"a\.jsonl"):
        chain.to_list()


def test_saved_again_it_is_the_same_version(tmp_path: Path) -> None:
    path = document(tmp_path / "a.json", {"a": [1], "b": [2]})
    first = dc.read_json(path, jmespath="a", column="v").save("values")
    again = dc.read_json(path, jmespath="a", column="v").save("values")
    other = dc.read_json(path, jmespath="b", column="v").save("values")
    assert first.version == again.version
    assert other.version != first.version
    assert other.to_values("v") == [2]


def test_buckets(store: Store) -> None:
    store.put("j/a.jsonl", b'{"x": 1}\n{"x": 2}')
    store.put("j/b.jsonl.gz", gzip.compress(b'{"x": 3}'))
    store.put("j/notes.txt", b"no JSON")
    config = store.client_config
    chain = dc.read_json(f"{store.uri}/j", format="jsonl", client_config=config)
    assert chain.order_by("jsonl.x").to_values("jsonl.x") == [1, 2, 3]
    store.put("d.json", json.dumps({"pets": PETS}).encode())
    chain = dc.read_json(f"{store.uri}/d.json", jmespath="pets", client_config=config)
    assert chain.to_values("pets.name") == ["cat", "dog"]


def test_parts_of_an_object_are_read_side_by_side(s3: S3Double) -> None:
    rows = [{"n": n, "t": "é" * (n % 40)} for n in range(60_000)]
    s3.put("a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())
    config = s3.client_config
    chain = dc.read_json(f"{s3.uri}/a.jsonl", format="jsonl", client_config=config)
    assert chain.to_values("jsonl.n") == list(range(60_000))
    s3.put("a.jsonl", b"1\n" * 100)
    with pytest.raises(FileChangedError, match=r"a\.jsonl"):
        chain.count()


def test_many_small_objects_are_rows_in_order(s3: S3Double) -> None:
    for number in range(150):
        s3.put(f"d/{number:03}.json", json.dumps({"n": number, "t": "x" * number}).encode())
    chain = dc.read_json(f"{s3.uri}/d", client_config=s3.client_config)
    assert chain.to_values("json.n") == list(range(150))
    assert chain.limit(3).to_values("json.n") == [0, 1, 2]
    s3.put("d/070.json", b"{")
    with pytest.raises(FileChangedError, match=r"070\.json"):
        chain.count()


def value_of(kind: int, chance: random.Random) -> Any:
    """A value of one of some kinds, at whose bounds readers differ."""
    text = "".join(chance.choices('aé😀"\\/\n\t\u2028\x7f{}[],:', k=chance.randrange(9)))
    return [
        chance.choice([0, -1, 2**63 - 1, -(2**63), chance.randrange(10**6)]),
        chance.choice([0.1, -0.0, 5e-324, 1.7976931348623157e308, chance.random()]),
        text,
        chance.random() < 0.5,
        [chance.randrange(9) for _ in range(chance.randrange(4))],
        {"a": text, "b": [text]},
    ][kind]


@pytest.mark.parametrize("seed", range(25))
def test_the_same_as_pythons_reader(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  not for secrets
    kinds = [chance.randrange(6) for _ in range(6)]
    rows = [
        {f"k{k}": value_of(kind, chance) for k, kind in enumerate(kinds) if chance.random() < 0.9}
        for _ in range(chance.randrange(1, 60))
    ]
    rows.append({f"k{k}": value_of(kind, chance) for k, kind in enumerate(kinds)})
    as_lines = "\n".join(json.dumps(row, ensure_ascii=chance.random() < 0.5) for row in rows)
    (tmp_path / "a.jsonl").write_text(as_lines)
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=chance.choice([None, 3])))
    expected = plain([json.loads(line) for line in as_lines.split("\n")])
    for path, form in (("a.jsonl", "jsonl"), ("a.json", "json")):
        chain = dc.read_json(tmp_path / path, format=form, column="v")
        assert plain(chain.to_values("v")) == expected
