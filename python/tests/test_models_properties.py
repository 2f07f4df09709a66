"""Models of any shape: their parts, what is hidden, and classes that changed later."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

import lakebed as dc
from lakebed.models import ModelStore

LEAVES: dict[Any, Any] = {
    int: st.integers(-5, 5),
    str: st.text("abé", max_size=3),
    float | None: st.none() | st.floats(-2, 2),
    list[int]: st.lists(st.integers(0, 3), max_size=2),
    dict[str, int]: st.dictionaries(st.sampled_from("kl"), st.integers(0, 3)),
}
NAMES = ("a", "b", "c", "d")

Shape = dict[str, Any]
"""Fields by name: types of leaves, or the shapes of models."""

shapes = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(list(LEAVES)), min_size=1),
    lambda inner: st.dictionaries(
        st.sampled_from(NAMES), inner | st.sampled_from(list(LEAVES)), min_size=1
    ),
    max_leaves=6,
)


def model_of(name: str, shape: Shape, hidden: tuple[str, ...] = ()) -> type[dc.DataModel]:
    """A class with these fields; each has a default."""
    fields: dict[str, Any] = {}
    for field, inner in shape.items():
        if isinstance(inner, dict):
            cls = model_of(f"{name}{field.upper()}", inner)
            fields[field] = (cls, cls())
        else:
            fields[field] = (inner, default_of(inner))
    cls = create_model(name, __base__=dc.DataModel, **fields)
    cls._hidden_fields = [*hidden]
    return cls


def default_of(leaf: Any) -> Any:
    return None if leaf == float | None else leaf()


def values_of(shape: Shape) -> st.SearchStrategy[dict[str, Any]]:
    made = {k: values_of(v) if isinstance(v, dict) else LEAVES[v] for k, v in shape.items()}
    return st.fixed_dictionaries(made)


def paths_of(shape: Shape, above: str = "x") -> list[str]:
    """The dotted names of the leaves, in order."""
    return [
        path
        for name, inner in shape.items()
        for path in (
            paths_of(inner, f"{above}.{name}") if isinstance(inner, dict) else [f"{above}.{name}"]
        )
    ]


def at(value: dict[str, Any], path: str) -> Any:
    for name in path.split(".")[1:]:
        value = value[name]
    return value


@st.composite
def stored(draw: st.DrawFn) -> tuple[Shape, list[dict[str, Any]]]:
    shape = draw(shapes)
    return shape, draw(st.lists(values_of(shape), min_size=1, max_size=3))


def chain_of(shape: Shape, rows: list[dict[str, Any]], hidden: tuple[str, ...] = ()) -> Any:
    cls = model_of("Part", shape, hidden)
    return dc.read_values(x=[cls.model_validate(row) for row in rows])


@settings(max_examples=40, deadline=None)
@given(stored(), st.data())
def test_a_part_of_a_model_has_just_its_fields(
    given_rows: tuple[Shape, list[dict[str, Any]]], data: st.DataObject
) -> None:
    shape, rows = given_rows
    leaves = paths_of(shape)
    kept = data.draw(st.lists(st.sampled_from(leaves), min_size=1, unique=True))
    part = chain_of(shape, rows).select(*kept)
    assert set(part.schema.flatten()) == set(kept)
    for path in kept:
        assert part.to_values(path) == [at(row, path) for row in rows]
        objects = part.to_values("x")
        assert [at(found.model_dump(), path) for found in objects] == [at(r, path) for r in rows]
    assert dc.ModelStore.is_partial(part.schema["x"]) == (set(kept) != set(leaves))


@settings(max_examples=40, deadline=None)
@given(stored(), st.data())
def test_what_is_left_without_some_fields(
    given_rows: tuple[Shape, list[dict[str, Any]]], data: st.DataObject
) -> None:
    shape, rows = given_rows
    leaves = paths_of(shape)
    gone = data.draw(st.lists(st.sampled_from(leaves), max_size=len(leaves) - 1, unique=True))
    left = chain_of(shape, rows).select_except(*gone)
    kept = [path for path in leaves if path not in gone]
    assert list(left.schema.flatten()) == kept
    assert left.to_list(*kept) == [tuple(at(row, path) for path in kept) for row in rows]


@settings(max_examples=25, deadline=None)
@given(stored(), st.data())
def test_a_class_that_changed_reads_what_was_stored(
    given_rows: tuple[Shape, list[dict[str, Any]]], data: st.DataObject
) -> None:
    shape, rows = given_rows
    before = {name: inner for name, inner in shape.items() if not isinstance(inner, dict)}
    before |= {"own": int}
    rows = [{name: row.get(name, 7) for name in before} for row in rows]
    lost = data.draw(st.sets(st.sampled_from(sorted(before))))
    after = {name: inner for name, inner in before.items() if name not in lost}
    after |= {"gained": str}
    with dc.Session(in_memory=True):
        cls = model_of("Changed", before)
        dc.read_values(x=[cls.model_validate(row) for row in rows]).save("old")
        ModelStore.remove(cls)
        changed = model_of("Changed", after)
        found = dc.read_dataset("old").to_values("x")
        ModelStore.remove(changed)
    assert {type(one) for one in found} == {changed}
    expected = [{n: v for n, v in row.items() if n not in lost} | {"gained": ""} for row in rows]
    assert [one.model_dump() for one in found] == expected


@settings(max_examples=15, deadline=None)
@given(stored(), st.data())
def test_hidden_fields_are_stored_and_not_shown(
    given_rows: tuple[Shape, list[dict[str, Any]]], data: st.DataObject
) -> None:
    shape, rows = given_rows
    hidden = data.draw(st.sets(st.sampled_from(sorted(shape)), max_size=len(shape) - 1))
    chain = chain_of(shape, rows, tuple(hidden))
    leaves = paths_of(shape)
    assert set(chain.schema.flatten()) == set(leaves)
    shown = {path for path in leaves if path.split(".")[1] not in hidden}
    assert set(chain.schema.flatten(include_hidden=False)) == shown
    assert set(chain.to_pandas(flatten=True, include_hidden=False).columns) == shown
    assert chain.to_list(*leaves) == [tuple(at(row, path) for path in leaves) for row in rows]
