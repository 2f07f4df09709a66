"""Sorting by columns and expressions; missing values come last."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=6),
    st.sampled_from(["map", "gen", "agg"]),
    st.permutations(["a", "b", "made"]),
    st.booleans(),
)
def test_sorts_by_what_functions_make(
    rows: list[tuple[int, int]],
    verb: str,
    order: list[str],
    descending: bool,  # noqa: FBT001
) -> None:
    """The columns of a function are at other places than those of its input."""
    chain = dc.read_values(a=[a for a, _ in rows], b=[b for _, b in rows])
    if verb == "map":
        chain = chain.map(made=lambda a: -a, output={"made": int})
        expected = [{"a": a, "b": b, "made": -a} for a, b in rows]
    elif verb == "gen":
        chain = chain.gen(made=lambda a: [-a], output={"made": int}, keep=["b"])
        expected = [{"b": b, "made": -a} for a, b in rows]
    else:
        chain = chain.agg(made=lambda a: [-sum(a)], output={"made": int}, partition_by="b")
        keys = {b for _, b in rows}
        expected = [{"made": -sum(a for a, b in rows if b == key)} for key in keys]
    keys = [name for name in order if name in expected[0]]
    found = chain.order_by(*keys, descending=descending).select(keys[0])
    wanted = sorted((tuple(row[name] for name in keys) for row in expected), reverse=descending)
    assert found.to_values(keys[0]) == [values[0] for values in wanted]
