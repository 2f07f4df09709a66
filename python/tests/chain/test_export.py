"""Rows as lists, records, pandas frames, Arrow tables and Polars frames."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import (
    DataChainParamsError,
    SignalResolvingError,
    SignalResolvingTypeError,
)


class Box(BaseModel):
    width: int
    label: str | None = None


@pytest.fixture
def boxes() -> dc.DataChain:
    return dc.read_values(
        n=[1, 2, 3], box=[Box(width=4, label="a"), None, Box(width=6)], extra=[{"k": 1}, None, {}]
    )


def test_python_values(boxes: dc.DataChain) -> None:
    assert boxes.to_values("box") == [Box(width=4, label="a"), None, Box(width=6)]
    assert boxes.to_list("box.width", "n", "n") == [(4, 1, 1), (None, 2, 2), (6, 3, 3)]
    assert [row[0] for row in boxes] == [1, 2, 3]
    assert next(boxes.to_iter(dc.C("n"))) == (1,)
    assert boxes.to_records()[1] == {
        "n": 2,
        "box__width": None,
        "box__label": None,
        "extra": None,
    }


def test_arguments(boxes: dc.DataChain) -> None:
    with pytest.raises(SignalResolvingError) as caught:
        boxes.to_list("box.widht")
    assert "did you mean `box.width`" in str(caught.value)
    with pytest.raises(SignalResolvingTypeError):
        boxes.to_list(dc.C("n") + 1)


def test_pandas(boxes: dc.DataChain) -> None:
    pytest.importorskip("pandas")
    frame = boxes.to_pandas()
    assert list(frame.columns) == [("n", ""), ("box", "width"), ("box", "label"), ("extra", "")]
    assert frame["box"]["label"].isna().tolist() == [False, True, True]
    assert frame["extra"].tolist() == [{"k": 1}, None, {}]
    flat = boxes.to_pandas(flatten=True)
    assert list(flat.columns) == ["n", "box.width", "box.label", "extra"]
    assert list(boxes.select("n").to_pandas().columns) == ["n"]
    assert boxes.limit(0).to_pandas(flatten=True).shape == (0, 4)


def test_pandas_without_hidden_fields(files) -> None:
    pytest.importorskip("pandas")
    frame = dc.read_storage(str(files)).to_pandas(flatten=True, include_hidden=False)
    assert list(frame.columns) == ["file.path", "file.size"]


def test_arrow(boxes: dc.DataChain) -> None:
    pa = pytest.importorskip("pyarrow")
    table = boxes.to_arrow()
    assert table["box"].to_pylist()[:2] == [{"width": 4, "label": "a"}, None]
    assert pa.table(boxes).equals(table)
    assert dc.read_arrow(table).to_values("n") == [1, 2, 3]


def test_polars(boxes: dc.DataChain) -> None:
    pytest.importorskip("polars")
    assert boxes.to_polars()["n"].to_list() == [1, 2, 3]


@pytest.mark.parametrize("export", ["to_list", "to_arrow", "to_pandas", "to_polars", "to_records"])
def test_raises_what_a_function_raised(export: str) -> None:
    def fail(n: int) -> int:
        raise KeyError(n)

    chain = dc.read_values(n=[7]).map(m=fail)
    with pytest.raises(KeyError, match="7") as caught:
        getattr(chain, export)()
    assert "at input row 0" in caught.value.__notes__[0]


def test_results(boxes: dc.DataChain) -> None:
    assert boxes.results()[:2] == [(1, 4, "a", {"k": 1}), (2, None, None, None)]
    named = boxes.limit(1).results(
        row_factory=lambda names, row: dict(zip(names, row, strict=True))
    )
    assert named == [{"n": 1, "box__width": 4, "box__label": "a", "extra": {"k": 1}}]
    assert named == boxes.limit(1).to_records()


def test_results_without_hidden_fields(files) -> None:
    rows = dc.read_storage(str(files)).results(include_hidden=False)
    assert all(len(row) == len(("path", "size")) for row in rows)
    assert len(rows) == dc.read_storage(str(files)).count()


def test_columns_in_chunks(boxes: dc.DataChain) -> None:
    names, chunks = boxes.to_columnar_data_with_names(chunk_size=2)
    assert names == ["n", "box.width", "box.label", "extra"]
    assert list(chunks) == [
        [[1, 2], [4, None], ["a", None], [{"k": 1}, None]],
        [[3], [6], [None], [{}]],
    ]
    assert list(boxes.limit(0).to_columnar_data_with_names()[1]) == []
    with pytest.raises(DataChainParamsError, match="chunk_size"):
        boxes.to_columnar_data_with_names(0)


def test_collect(boxes: dc.DataChain) -> None:
    assert list(boxes.collect("n")) == [1, 2, 3]
    assert list(boxes.collect("n", "box.width")) == [(1, 4), (2, None), (3, 6)]
    assert next(boxes.collect()) == (1, Box(width=4, label="a"), {"k": 1})


def test_pandas_of_objects() -> None:
    pytest.importorskip("pandas")
    noon = dt.datetime(2024, 1, 2, 12, tzinfo=dt.UTC)
    chain = dc.read_values(n=[1, None], x=[1.5, None], at=[noon, None], tags=[["a"], None])
    frame = chain.to_pandas(as_object=True)
    assert [str(kind) for kind in frame.dtypes] == ["object"] * 4
    assert frame.values.tolist() == [[1, 1.5, noon, ["a"]], [None] * 4]
    assert type(frame["n"][0]) is int
    empty = chain.limit(0).to_pandas(as_object=True)
    assert (empty.shape, list(empty.columns)) == ((0, 4), ["n", "x", "at", "tags"])


def test_print_schema(boxes: dc.DataChain) -> None:
    printed = io.StringIO()
    with pytest.warns(DeprecationWarning, match=r"hint: print\(chain.schema\)"):
        boxes.print_schema(file=printed)
    assert printed.getvalue() == f"{boxes.schema}\n"
