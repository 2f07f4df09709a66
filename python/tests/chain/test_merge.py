"""Rows of two chains side by side."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainParamsError, DatasetMergeError, NotSupportedError


class MergeTag(dc.DataModel):
    code: int
    text: str


@pytest.fixture
def left() -> dc.DataChain:
    return dc.read_values(id=[1, 2, 2, None], name=["a", "b", "c", "d"])


@pytest.fixture
def right() -> dc.DataChain:
    return dc.read_values(id=[2, 2, None, 4], size=[20, 21, 0, 40])


PAIRS = [(2, "b", 2, 20), (2, "b", 2, 21), (2, "c", 2, 20), (2, "c", 2, 21)]
LEFT = [(1, "a", None, None), (None, "d", None, None)]
RIGHT = [(None, None, 4, 40), (None, None, None, 0)]


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, PAIRS + LEFT),
        ({"how": "left"}, PAIRS + LEFT),
        ({"inner": True}, PAIRS),
        ({"how": "inner"}, PAIRS),
        ({"full": True}, PAIRS + LEFT + RIGHT),
        ({"inner": True, "full": True}, PAIRS + LEFT + RIGHT),
        ({"how": "full"}, PAIRS + LEFT + RIGHT),
        ({"how": "right"}, PAIRS + RIGHT),
        ({"how": "semi"}, [(2, "b"), (2, "c")]),
        ({"how": "anti"}, [(1, "a"), (None, "d")]),
    ],
)
def test_kinds(left: dc.DataChain, right: dc.DataChain, options, rows) -> None:
    merged = left.merge(right, on="id", **options)
    assert sorted(merged.to_list(), key=repr) == sorted(rows, key=repr)
    assert merged.count() == len(rows)
    assert sorted(merged.save("merged").to_list(), key=repr) == sorted(rows, key=repr)


def test_equal_rows_are_all_there() -> None:
    twice = dc.read_values(id=[1, 1], x=["a", "a"])
    other = dc.read_values(id=[2, 2])
    merged = twice.merge(other, on="id", full=True)
    assert merged.to_values("id").count(1) == 2
    assert merged.to_values("right_id").count(2) == 2
    assert merged.count() == 4


@pytest.mark.parametrize(
    ("left", "right", "rname", "names"),
    [
        (["id", "x"], ["id", "y"], "right_", ["id", "x", "right_id", "y"]),
        (["id", "right_id"], ["id"], "right_", ["id", "right_id", "right_id_1"]),
        (["id", "x"], ["id", "right_id"], "right_", ["id", "x", "right_id_1", "right_id"]),
        (["id", "r"], ["id", "r"], "right_", ["id", "r", "right_id", "right_r"]),
        (["id", "t"], ["id", "t"], "other_", ["id", "t", "other_id", "other_t"]),
        (["id"], ["id"], "", ["id", "id_1"]),
    ],
)
def test_names_that_are_taken(left, right, rname, names) -> None:
    one = dc.read_values(**{name: [1] for name in left})
    two = dc.read_values(**{name: [1] for name in right})
    merged = one.merge(two, on="id", rname=rname)
    assert list(merged.schema) == names
    assert merged.to_list() == [(1,) * len(names)]


def test_a_prefix_leaves_paths_readable(left: dc.DataChain) -> None:
    with pytest.raises(DatasetMergeError, match=r"must not .* hold `\.` or `__`"):
        left.merge(left, on="id", rname="right.")


def test_with_itself(left: dc.DataChain) -> None:
    merged = left.merge(left, on="name")
    assert merged.filter(C("right_name") == "c").to_list() == [(2, "c", 2, "c")]
    assert merged.merge(left, on="name").count() == 4


def test_models_stay_models_and_are_none_without_a_match() -> None:
    tags = [MergeTag(code=1, text="x"), MergeTag(code=2, text="y")]
    left = dc.read_values(k=[1, 2], tag=tags)
    right = dc.read_values(k=[2, 3], tag=tags)
    merged = left.merge(right, on="k", full=True).order_by("k", "right_k")
    rows = [
        (1, tags[0], None, None),
        (2, tags[1], 2, tags[0]),
        (None, None, 3, tags[1]),
    ]
    assert merged.to_list() == rows
    assert merged.to_values("right_tag.text") == [None, "x", "y"]
    assert "right_tag: Optional[MergeTag@v1]" in str(merged.schema)
    assert merged.save("tags").order_by("k", "right_k").to_list() == rows
    assert merged.filter(C("right_tag.code") > 1).to_values("right_k") == [3]
    assert left.merge(right, on="k", inner=True).schema["right_tag"] is MergeTag
    with_none = merged.map(n=lambda right_tag: 0 if right_tag is None else right_tag.code)
    assert with_none.to_values("n") == [0, 1, 2]


@pytest.mark.parametrize(
    ("on", "right_on"),
    [
        ("tag.text", None),
        ("tag__text", "tag.text"),
        (["tag.text", "k"], ["tag.text", "k"]),
        ((C("tag.text"), C("k") + 1), (C("tag.text"), C("k") + 1)),
        (func.string.upper("tag.text"), func.string.upper("tag.text")),
    ],
)
def test_keys(on, right_on) -> None:
    chain = dc.read_values(k=[1, 2], tag=[MergeTag(code=1, text="x"), MergeTag(code=2, text="y")])
    merged = chain.merge(chain.filter(C("k") > 1), on=on, right_on=right_on, inner=True)
    assert merged.to_values("right_tag.code") == [2]


def test_columns_of_two_chains_in_expressions() -> None:
    images, texts = dc.read_values(p=["a.png", "b.png"]), dc.read_values(p=["b.txt"], t=["bee"])
    merged = images.merge(
        texts,
        on=func.path.file_stem(images.c("p")),
        right_on=func.path.file_stem(texts.c("p")),
    )
    assert merged.order_by("p").to_list("p", "t") == [("a.png", None), ("b.png", "bee")]


def test_numbers_of_different_types_are_compared_as_numbers() -> None:
    floats = dc.read_values(x=[1.0, -0.0, math.nan, 2.5])
    merged = dc.read_values(n=[0, 1, 2]).merge(floats, on="n", right_on="x", inner=True)
    assert sorted(merged.to_values("n")) == [0, 1]
    assert floats.merge(floats, on="x", inner=True).count() == 4


def test_lists_and_dates_are_keys() -> None:
    rows = pa.table({"l": [[1], [1, 2], None], "d": pa.array([1, 2, 3], pa.date32())})
    chain = dc.read_arrow(rows)
    for key in ("l", "d"):
        assert chain.merge(chain, on=key, inner=True).count() == len(rows) - (key == "l")


def test_functions_of_both_sides_run_once_a_row() -> None:
    calls: list[int] = []

    def seen(id: int) -> int:
        calls.append(id)
        return id * 10

    one, two = dc.read_values(id=[1, 2]).map(a=seen), dc.read_values(id=[2, 3]).map(b=seen)
    merged = one.merge(two, on="id", inner=True)
    assert merged.to_list("id", "a", "b") == [(2, 20, 20)]
    assert sorted(calls) == [1, 2, 2, 3]


@pytest.mark.parametrize(
    ("on", "right_on", "message"),
    [
        ("nam", None, "unknown column `nam` of the left chain; hint: did you mean `name`?"),
        ("id", "siz", "unknown column `siz` of the right chain; hint: did you mean `size`?"),
        ("name", None, "unknown column `name` of the right chain"),
        (["id"], ["id", "size"], "`on` and `right_on` have the same length, not 1 and 2"),
        ("name", "size", "str and int64 cannot be compared"),
        ([], None, "takes names and expressions, one or more, not `[]`"),
        (None, None, "takes names and expressions, one or more, not `None`"),
        ("", None, "takes names and expressions, one or more, not ``"),
        ([1], None, "takes names and expressions, one or more, not `[1]`"),
    ],
)
def test_refuses_keys(left: dc.DataChain, right: dc.DataChain, on, right_on, message) -> None:
    with pytest.raises(DatasetMergeError) as caught:
        left.merge(right, on=on, right_on=right_on)
    assert message in str(caught.value).replace("''", "``")


def test_refuses_models_as_keys() -> None:
    chain = dc.read_values(tag=[MergeTag(code=1, text="x")])
    with pytest.raises(DatasetMergeError, match="it is a model; hint: name one of its fields"):
        chain.merge(chain, on="tag")


def test_refuses_other_arguments(left: dc.DataChain, right: dc.DataChain) -> None:
    with pytest.raises(DataChainParamsError, match="one of left, inner, full, right, semi, anti"):
        left.merge(right, on="id", how="outer")  # type: ignore[arg-type]
    with pytest.raises(DataChainParamsError, match="asked for `inner` and for how=`right`"):
        left.merge(right, on="id", how="right", inner=True)
    with pytest.raises(TypeError, match="merge takes another chain, not `3`"):
        left.merge(3, on="id")  # type: ignore[arg-type]


def test_refuses_a_chain_of_another_session(left: dc.DataChain) -> None:
    with dc.Session(in_memory=True) as session:
        other = dc.read_values(id=[1], session=session)
        with pytest.raises(NotSupportedError, match="a chain that meets one of another session"):
            left.merge(other, on="id")


def test_many_merges_are_refused_before_they_are_too_many(left: dc.DataChain) -> None:
    def doubled(chain: dc.DataChain, times: int) -> dc.DataChain:
        for _ in range(times):
            chain = chain.merge(chain, on="id", how="semi")
        return chain

    assert doubled(left, 3).count() == 3
    with pytest.raises(NotSupportedError, match="more than"):
        doubled(left, 40)
