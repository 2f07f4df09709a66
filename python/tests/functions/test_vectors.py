"""Vectors: what they take, how they are stored and read, and what is computed of them."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
import pyarrow as pa
import pydantic
import pytest

import lakebed as dc
from lakebed.exceptions import DataChainError, DataChainParamsError, SignalSchemaError

DTYPES = ["float16", "float32", "float64"]

Embedding = dc.Vector[3, "float16"]


class Seen(pydantic.BaseModel):
    emb: Embedding
    more: dc.Vector[2] | None = None
    name: str = ""


class Group(pydantic.BaseModel):
    members: list[Seen]


def stored(chain: dc.DataChain, column: str = "v") -> pa.DataType:
    return chain.to_arrow().schema.field(column).type


def test_is_spelled_as_a_type_or_a_call() -> None:
    assert dc.Vector[3] == dc.Vector(3) == dc.Vector[3, "float32"]
    assert dc.Vector[3, "float16"] == dc.Vector(3, "float16") != dc.Vector[3]
    assert repr(dc.Vector[3].__metadata__[0]) == "Vector[3]"
    assert repr(dc.Vector[3, "float16"].__metadata__[0]) == "Vector[3, 'float16']"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (0, "invalid vector length `0`"),
        ("float32", "invalid vector length `float32`"),
        ((3, "int8"), "invalid vector type `int8`: use float16, float32, float64"),
        ((3, "float32", 1), r"use Vector\[512\] or Vector\[512, \"float16\"\]"),
    ],
)
def test_refuses_other_shapes(shape: Any, message: str) -> None:
    with pytest.raises(DataChainParamsError, match=message):
        dc.Vector[shape]


@pytest.mark.parametrize("dtype", DTYPES)
def test_takes_lists_and_arrays(dtype: str) -> None:
    values = [
        [1, 2.5, -3],
        (1, 2.5, -3),
        array("f", [1, 2.5, -3]),
        memoryview(np.array([1, 2.5, -3])),
        *(np.array([1, 2.5, -3], kind) for kind in (*DTYPES, "longdouble")),
        np.array([1, 0, 2.5, 0, -3, 0], "float32")[::2],
        np.array([[1, 2.5, -3]]),
    ]
    chain = dc.read_values(v=values, output={"v": dc.Vector(3, dtype)})
    assert chain.to_values("v") == [[1.0, 2.5, -3.0]] * len(values)
    item = pa.from_numpy_dtype(dtype)
    for kept in (chain, chain.save("kept"), dc.read_dataset("kept")):
        assert stored(kept) == pa.list_(item, 3)
        assert kept.to_values("v")[0] == [1.0, 2.5, -3.0]
        assert kept.to_pandas()["v"][0].tolist() == [1.0, 2.5, -3.0]


def test_takes_whole_numbers() -> None:
    chain = dc.read_values(v=[np.array([1, 2]), np.array([True, False])], output=dc.Vector[2])
    assert chain.to_values("v") == [[1.0, 2.0], [1.0, 0.0]]


class OnAnotherDevice:
    """What a tensor is that numpy cannot read as it is."""

    def __init__(self, *steps: str) -> None:
        self._steps = steps

    def __getattr__(self, step: str) -> Any:
        if step not in ("detach", "cpu", "double", "numpy"):
            raise AttributeError(step)
        if step != "numpy":
            return lambda: OnAnotherDevice(*self._steps, step)
        assert self._steps == ("detach", "cpu", "double")
        return lambda: np.array([1, 2.5, -3])


def test_takes_what_becomes_an_array() -> None:
    class Tensor(OnAnotherDevice):
        def numpy(self) -> Any:
            raise TypeError("can't convert device type tensor to numpy")

    chain = dc.read_values(v=[Tensor(), Tensor()], output={"v": Embedding})
    assert chain.to_values("v") == [[1.0, 2.5, -3.0]] * 2


def test_takes_tensors() -> None:
    torch = pytest.importorskip("torch")
    plain = torch.tensor([1, 2.5, -3])
    values = [plain, plain.double(), plain.half(), plain.bfloat16(), plain.clone().requires_grad_()]
    chain = dc.read_values(v=values, output={"v": Embedding})
    assert chain.to_values("v") == [[1.0, 2.5, -3.0]] * len(values)
    assert stored(dc.read_values(v=values)) == pa.list_(pa.float32(), 3)
    assert Seen(emb=plain.requires_grad_()).emb == [1.0, 2.5, -3.0]


def test_values_are_rounded_to_the_element_type() -> None:
    third = 1 / 3
    for dtype in DTYPES:
        rounded = float(np.dtype(dtype).type(third))
        chain = dc.read_values(v=[[third], np.array([third])], output={"v": dc.Vector(1, dtype)})
        assert chain.to_values("v") == [[rounded], [rounded]]


def test_keeps_what_is_no_number() -> None:
    values = [[math.nan, math.inf], np.array([-math.inf, math.nan])]
    for dtype in DTYPES:
        chain = dc.read_values(v=values, output={"v": dc.Vector(2, dtype)}).save(f"odd_{dtype}")
        (first, second) = chain.to_values("v")
        assert math.isnan(first[0])
        assert math.isnan(second[1])
        assert (first[1], second[0]) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "`v`, row 1: expected a vector of 3 numbers, got 2"),
        (np.ones(4), "`v`, row 1: expected a vector of 3 numbers, got 4"),
        (np.ones((2, 3)), "`v`, row 1: expected a vector of 3 numbers, got 6"),
        ([], "`v`, row 1: expected a vector of 3 numbers, got 0"),
        ("abc", r"`v`, row 1: expected Vector\[3, \"float16\"\], got str `'abc'`"),
        ([1, 2, "x"], r"`v`, row 1: expected Vector\[3, \"float16\"\], got list"),
        (None, r"`v`, row 1: got None where .*; declare it optional"),
        ([1, 2, 65_520], r"`65520` is too large for float16; hint: `Vector\[3, \"float64\"\]`"),
        (np.array([1, 2, -1e9]), "`-1000000000` is too large for float16"),
    ],
)
def test_refuses_values(value: Any, message: str) -> None:
    with pytest.raises(DataChainParamsError, match=message):
        dc.read_values(v=[[1, 2, 3], value], output={"v": Embedding})


def test_largest_numbers() -> None:
    chain = dc.read_values(v=[[65_519.9]], output={"v": dc.Vector[1, "float16"]})
    assert chain.to_values("v") == [[65_504.0]]
    largest = float(np.finfo("float32").max)
    assert dc.read_values(v=[[largest]], output={"v": dc.Vector[1]}).to_values("v") == [[largest]]
    with pytest.raises(DataChainParamsError, match="is too large for float32"):
        dc.read_values(v=[[1e39]], output={"v": dc.Vector[1]})


@pytest.mark.parametrize("dtype", DTYPES)
def test_missing_vectors(dtype: str) -> None:
    kind = dc.Vector(2, dtype) | None
    chain = dc.read_values(v=[None, [1, 2], None], output={"v": kind}).save("missing")
    assert chain.to_values("v") == [None, [1.0, 2.0], None]
    assert chain.filter(dc.C("v").is_(None)).count() == 2
    near = chain.mutate(d=dc.func.cosine_distance("v", [1, 2])).to_values("d")
    assert near == [None, pytest.approx(0, abs=1e-6), None]
    assert chain.similarity_search("v", [1, 2]).to_values("v") == [[1.0, 2.0], None, None]


def test_in_models_and_lists_of_models() -> None:
    seen = [Seen(emb=np.ones(3), more=[1, 2], name="a"), Seen(emb=(1, 2, 3))]
    chain = dc.read_values(seen=seen).save("models")
    for read in (chain, dc.read_dataset("models")):
        assert read.to_values("seen") == seen
        assert read.to_values("seen.emb") == [[1.0] * 3, [1.0, 2.0, 3.0]]
        assert read.to_values("seen.more") == [[1.0, 2.0], None]
        fields = {field.name: field.type for field in stored(read, "seen")}
        assert fields["emb"] == pa.list_(pa.float16(), 3)
        near = read.order_by(dc.func.l2_distance("seen.emb", [1, 2, 3])).limit(1)
        assert near.to_values("seen") == seen[1:]
    groups = [Group(members=seen), Group(members=[])]
    assert dc.read_values(g=groups).save("groups").to_values("g") == groups
    with pytest.raises(pydantic.ValidationError, match="at least 3 items"):
        Seen(emb=[1, 2])


def test_is_read_without_the_class() -> None:
    made = pydantic.create_model("Gone", emb=(Embedding, ...))
    dc.read_values(gone=[made(emb=[1, 2, 3])]).save("gone")
    del made
    read = dc.read_dataset("gone")
    assert read.to_values("gone.emb") == [[1.0, 2.0, 3.0]]
    assert read.schema["gone"].model_fields["emb"].annotation is not None


def test_records_and_arrow() -> None:
    records = dc.read_records([{"v": [1, 2, 3]}], schema={"v": Embedding})
    assert stored(records) == pa.list_(pa.float16(), 3)
    table = pa.table({"v": pa.array([[1, 2], None], pa.list_(pa.float64(), 2))})
    read = dc.read_arrow(table)
    assert read.schema["v"] == dc.Vector(2, "float64") | None
    assert read.save("arrow").to_arrow().schema.field("v").type == pa.list_(pa.float64(), 2)
    assert read.to_values("v") == [[1.0, 2.0], None]


def doubled(v: list[float]) -> Any:
    return np.asarray(v) * 2


@pytest.mark.parametrize("parallel", [None, 2])
@pytest.mark.parametrize("dtype", DTYPES)
def test_through_functions(parallel: int | None, dtype: str) -> None:
    chain = dc.read_values(v=[[1, 2], [3, 4]], output={"v": dc.Vector(2, dtype)}).save("v")
    chain = chain.settings(parallel=parallel) if parallel else chain
    mapped = chain.map(m=doubled, output={"m": dc.Vector(2, dtype)})
    assert stored(mapped, "m") == pa.list_(pa.from_numpy_dtype(dtype), 2)
    assert mapped.to_values("m") == [[2.0, 4.0], [6.0, 8.0]]


def test_a_function_that_gives_another_length_is_told_so() -> None:
    chain = dc.read_values(x=[1, 2])
    with pytest.raises(DataChainError, match="expected a vector of 3 numbers, got 2"):
        chain.map(m=lambda x: [x, x], output={"m": dc.Vector[3]}).to_values("m")


NUMBERS = np.array([[1, -2, 0.5], [0.25, 4, 3], [-1, 2, -0.5]])
QUERY = np.array([3, 0.5, -1])


def textbook(metric: str, x: Any, y: Any) -> float:
    if metric == "cosine_distance":
        return 1 - x @ y / (np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.linalg.norm(x - y)) if metric != "dot_product" else x @ y


def call(metric: str, *sides: Any) -> dc.Expr:
    named = {"dot_product": dc.func.array.dot_product}
    return named.get(metric, getattr(dc.func, metric, None))(*sides)


@pytest.mark.parametrize("other", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "metric", ["cosine_distance", "euclidean_distance", "l2_distance", "dot_product"]
)
def test_distances(metric: str, dtype: str, other: str) -> None:
    output = {"v": dc.Vector(3, dtype), "w": dc.Vector(3, other)}
    values = {"v": list(NUMBERS), "w": list(NUMBERS[::-1])}
    chain = dc.read_values(**values, output=output).save("numbers")
    to_query = [textbook(metric, row, QUERY) for row in NUMBERS]
    for query in (QUERY, list(QUERY), QUERY.astype(other)):
        found = chain.mutate(d=call(metric, "v", query), e=call(metric, query, dc.C("v")))
        assert found.to_values("d") == pytest.approx(to_query, rel=1e-5, abs=1e-5)
        assert found.to_values("e") == pytest.approx(to_query, rel=1e-5, abs=1e-5)
    between = [textbook(metric, *pair) for pair in zip(NUMBERS, NUMBERS[::-1], strict=True)]
    found = chain.mutate(d=call(metric, "v", dc.C("w"))).to_values("d")
    assert found == pytest.approx(between, rel=1e-5, abs=1e-5)
    query = f"SELECT {metric}(v, [3, 0.5, -1]) AS d FROM numbers LIMIT 1"  # noqa: S608
    (first,) = dc.sql(query).to_values("d")
    assert first == pytest.approx(to_query[0], rel=1e-5)


def test_short_floats_are_added_up_as_longer_ones() -> None:
    # The sum of the squares is larger than any float16.
    chain = dc.read_values(v=[[300.0] * 512], output={"v": dc.Vector[512, "float16"]})
    found = chain.mutate(n=dc.func.array.norm("v"), d=dc.func.l2_distance("v", [0.0] * 512))
    assert found.to_values("n") == pytest.approx([300 * 512**0.5])
    assert found.to_values("d") == pytest.approx([300 * 512**0.5])


def test_vectors_of_two_lengths_have_no_distance() -> None:
    chain = dc.read_values(v=[[1, 2, 3]], w=[[1, 2]], output={"v": Embedding, "w": dc.Vector[2]})
    with pytest.raises(DataChainError, match="cosine_distance of vectors of 3 and 2 numbers"):
        chain.mutate(d=dc.func.cosine_distance("v", dc.C("w"))).to_values("d")
    with pytest.raises(DataChainError, match=r"cosine_distance of vectors of . and . numbers"):
        chain.mutate(d=dc.func.cosine_distance("v", [1, 2])).to_values("d")


def test_the_nearest_are_found_by_their_vectors_alone() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2000, 64)).astype("float32")
    names = [rng.bytes(2000).hex() for _ in vectors]
    chain = dc.read_values(name=names, v=list(vectors)).save("near")
    query = vectors[7]
    found = chain.similarity_search("v", query, k=5, score_column="score")
    plan = found.explain()
    assert "VectorTopK" in plan
    assert "columns=[v, sys.id]" in plan
    scores = 1 - vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    nearest = np.argsort(scores)[:5]
    assert found.to_values("name") == [names[at] for at in nearest]
    assert found.to_values("score") == pytest.approx(scores[nearest], abs=1e-5)


def test_a_type_that_is_no_vector_is_refused_in_a_model() -> None:
    with pytest.raises((SignalSchemaError, DataChainParamsError)):
        dc.read_values(v=[1], output={"v": dc.Vector[-1]})


def test_a_vector_with_a_null_has_no_distance() -> None:
    query = "SELECT l2_distance(v, [1.0, 1.0]) AS d FROM (VALUES ([1.0, 0.0]), ([1.0, null])) t(v)"
    assert dc.sql(query).to_values("d") == [1.0, None]


@pytest.mark.parametrize("kind", DTYPES)
def test_searches_again_and_again_find_the_same(kind: str) -> None:
    """The vectors of a version stay in memory from the second search on."""
    vectors = np.random.default_rng(3).standard_normal((3000, 16)).astype(kind)
    output = {"v": dc.Vector(16, kind), "label": str}
    for bump in (0.0, 1.0):
        vectors = (vectors + vectors.dtype.type(bump))[::-1].copy()
        labels = [f"label {row % 3}" for row in range(len(vectors))]
        dc.read_values(v=list(vectors), label=labels, output=output).save("searched")
        gaps = vectors.astype("float64") - vectors[17].astype("float64")
        distances = np.sqrt((gaps**2).sum(1))
        for label in (None, "label 1"):
            wanted = sorted(distances[[label in (None, it) for it in labels]])[:5]
            for _ in range(4):
                chain = dc.read_dataset("searched")
                if label:
                    chain = chain.filter(dc.C("label") == label)
                near = chain.mutate(d=dc.func.l2_distance("v", vectors[17])).order_by("d").limit(5)
                assert near.to_values("d") == pytest.approx(wanted, rel=1e-3)
