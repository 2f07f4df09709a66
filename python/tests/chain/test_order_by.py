"""Sorting by columns and expressions; missing values come last."""

from __future__ import annotations

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import DataChainParamsError, SignalResolvingTypeError


@pytest.mark.parametrize(
    ("keys", "descending", "names"),
    [
        (["size"], False, ["cat", "fox", "dog", "eel"]),
        (["size"], True, ["dog", "fox", "cat", "eel"]),
        ([C("size").desc()], False, ["dog", "fox", "cat", "eel"]),
        (["tame", C("size").desc()], False, ["fox", "eel", "dog", "cat"]),
        ([C("tame").asc(), "name"], True, ["fox", "eel", "dog", "cat"]),
        ([-C("size")], False, ["dog", "fox", "cat", "eel"]),
    ],
)
def test_sorts_with_missing_values_last(chain: dc.DataChain, keys, descending, names) -> None:
    assert chain.order_by(*keys, descending=descending).to_values("name") == names


def test_refuses_no_key_and_no_column(chain: dc.DataChain) -> None:
    with pytest.raises(DataChainParamsError):
        chain.order_by()
    with pytest.raises(SignalResolvingTypeError):
        chain.order_by(1)


def test_sorts_by_the_same_field_again() -> None:
    files = [dc.File(path="b", size=1), dc.File(path="a", size=2)]
    chain = dc.read_values(file=files).order_by("file.path")
    assert chain.order_by("file.path").to_values("file.path") == ["a", "b"]
    assert chain.order_by(C("file.path").desc()).to_values("file.path") == ["b", "a"]
