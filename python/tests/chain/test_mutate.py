"""Columns added, replaced and renamed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, DataChainParamsError

if TYPE_CHECKING:
    from pathlib import Path

WHEN = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize("value", [None, 1, 1.5, "a", True, b"x", WHEN, dt.date(2026, 1, 2)])
def test_adds_constants(chain: dc.DataChain, value: object) -> None:
    assert chain.mutate(new=value).to_values("new") == [value] * 4


def test_adds_expressions(chain: dc.DataChain) -> None:
    made = chain.mutate(double=C("size") * 2)
    assert made.to_values("double") == [6, 10, None, 8]
    assert list(made.schema) == ["name", "size", "tame", "double"]
    assert list(chain.schema) == ["name", "size", "tame"]


def test_replaces(chain: dc.DataChain) -> None:
    assert chain.mutate(size=C("size") + 1).to_values("size") == [4, 6, None, 5]


def test_renames_a_plain_column(chain: dc.DataChain) -> None:
    made = chain.mutate(grams=C("size"))
    assert list(made.schema) == ["name", "grams", "tame"]
    assert made.to_values("grams") == [3, 5, None, 4]


@pytest.mark.parametrize(
    ("expr", "values"),
    [
        (lambda: func.string.length("name"), [3, 3, 3, 3]),
        (lambda: func.string.upper("name"), ["CAT", "DOG", "EEL", "FOX"]),
        (lambda: func.string.replace("name", "o", "0"), ["cat", "d0g", "eel", "f0x"]),
        (lambda: func.string.split("name", "o"), [["cat"], ["d", "g"], ["eel"], ["f", "x"]]),
        (lambda: func.ifelse(C("size") > 3, "big", "small"), ["small", "big", "small", "big"]),
        (
            lambda: func.case((C("size") > 4, "big"), (C("size") > 3, "mid")),
            [None, "big", None, "mid"],
        ),
        (lambda: func.greatest("size", 4), [4, 5, 4, 4]),
        (lambda: func.least("size", 4), [3, 4, 4, 4]),
    ],
)
def test_functions(chain: dc.DataChain, expr, values) -> None:
    assert chain.mutate(new=expr()).to_values("new") == values


def test_path_functions() -> None:
    chain = dc.read_values(p=["a/b/c.tar.gz"])
    made = chain.mutate(
        parent=func.path.parent("p"),
        name=func.path.name("p"),
        stem=func.path.file_stem("p"),
        ext=func.path.file_ext("p"),
    )
    assert made.to_list() == [("a/b/c.tar.gz", "a/b", "c.tar.gz", "c.tar", "gz")]


def test_cosine_distance() -> None:
    chain = dc.read_values(v=[[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0], None])
    made = chain.mutate(d=func.cosine_distance("v", (1, 0))).to_values("d")
    assert made == [pytest.approx(0), pytest.approx(1), pytest.approx(2), None]


def test_a_missing_vector_has_no_distance() -> None:
    vectors = pa.array([[1.0, 0.0], None, [0.0, 1.0]], pa.list_(pa.float32(), 2))
    for column in (vectors, vectors.cast(pa.list_(pa.float64()))):
        chain = dc.read_arrow(pa.table({"v": column}))
        for rows in (chain, chain.save("vectors")):
            made = rows.mutate(d=func.cosine_distance("v", [1.0, 0.0]))
            assert made.to_values("d") == [0.0, None, 1.0]


@pytest.mark.parametrize("wrong", [3, [], ["a"], {"a": 1}, None, [[1.0]]])
def test_cosine_distance_refuses_what_is_no_vector(wrong: object) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        func.cosine_distance("v", wrong)
    assert "takes columns and vectors of numbers" in str(caught.value)


def test_refuses_aggregates_and_unnamed_columns(chain: dc.DataChain) -> None:
    with pytest.raises(DataChainColumnError) as caught:
        chain.mutate(n=func.count())
    assert "hint: group_by" in str(caught.value)
    with pytest.raises(DataChainParamsError):
        chain.mutate(C("size"))


class Inner(dc.DataModel):
    n: float
    note: str | None = None


class Outer(dc.DataModel):
    name: str
    inner: Inner


@pytest.fixture
def models() -> dc.DataChain:
    rows = [Outer(name="a", inner=Inner(n=1)), Outer(name="b", inner=Inner(n=2, note="x"))]
    return dc.read_values(o=[*rows, None], k=[1, 2, 3])


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"o__name": "z"}, [("z", 1.0, None), ("z", 2.0, "x")]),
        ({"o.name": "z"}, [("z", 1.0, None), ("z", 2.0, "x")]),
        ({"o__inner__n": C("k") * 10}, [("a", 10.0, None), ("b", 20.0, "x")]),
        ({"o.inner.note": C("o.name")}, [("a", 1.0, "a"), ("b", 2.0, "b")]),
        ({"o.inner.note": None, "o.name": "z"}, [("z", 1.0, None), ("z", 2.0, None)]),
        ({"o.inner.note": func.ifelse(C("k") > 1, "y", None)}, [("a", 1.0, None), ("b", 2.0, "y")]),
        ({"o.inner.n": 7, "k": 0}, [("a", 7.0, None), ("b", 7.0, "x")]),
        ({"o.name": "y", "o__name": "z"}, [("z", 1.0, None), ("z", 2.0, "x")]),
        ({"o.name": "z", "k": C("o.name")}, [("z", 1.0, None), ("z", 2.0, "x")]),
    ],
)
def test_fields_of_models_get_other_values(models: dc.DataChain, changes, rows) -> None:
    made = models.mutate(**changes)
    expected = [Outer(name=a, inner=Inner(n=n, note=note)) for a, n, note in rows]
    assert made.to_values("o") == [*expected, None]
    assert made.save("changed").to_values("o") == [*expected, None]
    assert list(made.schema) == ["o", "k"]
    assert made.schema["o"] == models.schema["o"]


def test_a_file_has_another_path(files: Path) -> None:
    chain = dc.read_storage(str(files)).mutate(file__path=func.path.name("file.path"))
    assert sorted(f.path for f in chain.to_values("file")) == ["a.txt", "b.md", "c.txt"]
    assert chain.schema["file"] is dc.File


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"o__name": 3}, "a field keeps its type, str; this is int64"),
        ({"o__name": None}, "its field `o__name` is never missing"),
        ({"o__nme": "a"}, "did you mean `o.name`"),
        ({"o.inner.x": 1}, "unknown column `o.inner.x`"),
        ({"o__inner": 1}, "a field keeps its type"),
        ({"x__y": 1}, "must not be empty, `sys`, or hold `.` or `__`"),
        ({"o": 1, "o__name": "a"}, "column `o` already exists"),
    ],
)
def test_refuses_other_fields_and_types(models: dc.DataChain, changes, message) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        models.mutate(**changes)
    assert message in str(caught.value)
