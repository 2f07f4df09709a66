"""Rows as lists, records, pandas frames, Arrow tables and Polars frames."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import SignalResolvingError, SignalResolvingTypeError


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
