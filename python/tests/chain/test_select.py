"""Columns kept and dropped, parts of models too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import (
    DataChainColumnError,
    SignalRemoveError,
    SignalResolvingError,
    SignalResolvingTypeError,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_keeps_columns_in_the_given_order(chain: dc.DataChain) -> None:
    assert chain.select("tame", C("name")).limit(1).to_list() == [(True, "cat")]
    assert list(chain.select().schema) == ["name", "size", "tame"]


def test_named_expressions(chain: dc.DataChain) -> None:
    made = chain.select("size", copy=C("size"), double=C("size") * 2).limit(1)
    assert made.to_records() == [{"size": 3, "copy": 3, "double": 6}]
    assert chain.select((C("size") + 1).label("more")).to_values("more") == [4, 6, None, 5]


def test_a_field_stays_in_its_model(files: Path) -> None:
    chain = dc.read_storage(str(files)).select("file.path", "file.size")
    assert list(chain.schema.flatten()) == ["file.path", "file.size"]
    assert chain.order_by("file.path").to_list("file.size") == [(2,), (3,), (1,)]


def test_select_except_fields(files: Path) -> None:
    chain = dc.read_storage(str(files)).mutate(n=1).select_except("file.size", "n")
    paths = list(chain.schema.flatten())
    assert "file.path" in paths
    assert "file.size" not in paths
    assert "n" not in paths


def test_select_except_refuses(chain: dc.DataChain) -> None:
    with pytest.raises(SignalRemoveError) as caught:
        chain.select_except("nam")
    assert "did you mean `name`" in str(caught.value)
    with pytest.raises(SignalRemoveError):
        chain.select_except("name", "size", "tame")


def test_unnamed_expressions_are_refused(chain: dc.DataChain) -> None:
    with pytest.raises(SignalResolvingTypeError):
        chain.select(C("size") + 1)


def test_the_schema_as_users_of_the_peer_read_it() -> None:
    chain = dc.read_values(file=[dc.File(path="a")], n=[1])
    assert chain.signals_schema.values == chain.schema
    assert str(chain.signals_schema) == str(chain.schema)
    assert chain.signals_schema.serialize() == {"file": "File@v1", "n": "int"}
    resolved = chain.signals_schema.resolve("n", "file.path", "file")
    assert resolved.values == {"n": int, "file.path": str, "file": dc.File}
    assert chain.signals_schema.resolve("sys.id").values == {"sys.id": int}
    with pytest.raises(SignalResolvingError, match=r"unknown column `file.pat`; hint: did"):
        chain.signals_schema.resolve("file.pat")
    assert chain.mutate(more=chain.column("n") + 1).to_values("more") == [2]
    assert chain.filter(chain.column("file.path") == "a").count() == 1
    with pytest.raises(ValueError, match=r"unknown column `file.pat`; hint: did you mean"):
        chain.column("file.pat")


@pytest.mark.parametrize("verb", ["select", "mutate", "distinct"])
def test_what_is_wrong_with_a_named_expression_names_the_verb(verb: str) -> None:
    called = getattr(dc.read_values(n=[1]), verb)
    with pytest.raises(SignalResolvingError, match=rf"^{verb}\(\) error: unknown column `m`"):
        called(new=C("m"))
    with pytest.raises(DataChainColumnError, match=rf"`new`: {verb}\(\) value has type `object`"):
        called(new=object())


@pytest.mark.parametrize("path", ["sys.id", "sys__id"])
def test_a_field_of_sys_in_both_spellings(path: str) -> None:
    chain = dc.read_values(x=["a", "b"]).settings(sys=True)
    assert chain.select("x", path).to_records() == [
        {"x": "a", "sys__id": 0},
        {"x": "b", "sys__id": 1},
    ]
