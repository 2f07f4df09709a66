"""The nearest vectors."""

from __future__ import annotations

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, SignalResolvingError


@pytest.fixture
def vectors() -> dc.DataChain:
    return dc.read_values(
        name=["right", "up", "none", "both", "far"],
        v=[[1.0, 0.0], [0.0, 1.0], None, [1.0, 1.0], [9.0, 0.1]],
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["right", "far", "both", "up", "none"]),
        ({"k": 2}, ["right", "far"]),
        ({"k": None, "metric": "l2"}, ["right", "both", "up", "far", "none"]),
        ({"k": 1, "metric": "euclidean"}, ["right"]),
        ({"k": 0}, []),
    ],
)
def test_nearest_first(vectors: dc.DataChain, options, names) -> None:
    for chain in (vectors, vectors.save("vectors")):
        found = chain.similarity_search("v", [2.0, 0.0], **options)
        assert found.to_values("name") == names
        assert list(found.schema) == ["name", "v"]


def test_the_score_is_a_column_if_it_is_named(vectors: dc.DataChain) -> None:
    found = vectors.similarity_search(dc.C("v"), (1, 0), k=3, score_column="score")
    assert found.to_list("name", "score")[0] == ("right", pytest.approx(0))
    assert found.to_values("score")[2] == pytest.approx(1 - 0.5**0.5)


def test_refuses(vectors: dc.DataChain) -> None:
    with pytest.raises(DataChainParamsError, match="cosine, euclidean, l2, not `dot`"):
        vectors.similarity_search("v", [1.0, 0.0], metric="dot")  # type: ignore[arg-type]
    with pytest.raises(SignalResolvingError, match="unknown column `w`"):
        vectors.similarity_search("w", [1.0, 0.0])
    with pytest.raises(DataChainParamsError, match="k is a number of rows"):
        vectors.similarity_search("v", [1.0, 0.0], k=-1)
    with pytest.raises(DataChainParamsError):
        vectors.similarity_search("v", "text")
