"""Keys, aggregates and missing values of `group_by`."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, DataChainParamsError


class Stored(BaseModel):
    path: str
    size: int


def test_aggregates_of_groups(chain: dc.DataChain) -> None:
    made = chain.group_by(
        rows=func.count(),
        sizes=func.count("size"),
        total=func.sum("size"),
        mean=func.avg(C("size")),
        low=func.min("size"),
        high=func.max("name"),
        partition_by="tame",
    )
    assert made.order_by("tame").to_list() == [
        (False, 2, 1, 4, 4.0, 4, "fox"),
        (True, 2, 2, 8, 4.0, 3, "dog"),
    ]


def test_expressions_as_keys(chain: dc.DataChain) -> None:
    long, short = C("size") > 3, (C("size") * 0).label("zero")
    made = chain.group_by(n=func.count(), partition_by=[long, short, "tame"])
    assert list(made.schema) == ["gr_0", "zero", "tame", "n"]


def test_labels_of_columns() -> None:
    rows = [{"f": {"path": p, "size": s}, "x": s} for p, s in [("a", 1), ("b", 2), ("a", 1)]]
    chain = dc.read_records(rows, schema={"f": Stored, "x": int})
    made = chain.group_by(n=func.count(), partition_by=[C("f.path").label("z"), "x"])
    assert made.order_by("z").to_list("z", "x", "n") == [("a", 1, 2), ("b", 2, 1)]
    whole = chain.group_by(n=func.count(), partition_by=C("f").label("g")).order_by("g.path")
    assert whole.to_values("g") == [Stored(path="a", size=1), Stored(path="b", size=2)]
    assert list(whole.schema) == ["g", "n"]
    both = chain.group_by(n=func.count(), partition_by=["x", C("x").label("y")]).order_by("x")
    assert both.to_list("x", "y", "n") == [(1, 1, 2), (2, 2, 1)]


def test_the_same_key_twice(chain: dc.DataChain) -> None:
    more = (C("size") + 1).label("more")
    made = chain.group_by(n=func.count(), partition_by=["tame", more, C("tame"), more])
    assert list(made.schema) == ["tame", "more", "n"]
    with pytest.raises(DataChainParamsError) as caught:
        chain.group_by(n=func.count(), partition_by=["tame", C("size").label("tame")])
    assert "invalid partition_by `tame`: two different keys" in str(caught.value)
    with pytest.raises(DataChainParamsError):
        chain.group_by(n=func.count(), partition_by=C("size").label("a.b"))


def test_one_group_without_keys(chain: dc.DataChain) -> None:
    assert chain.group_by(n=func.count()).to_list() == [(4,)]


def test_totals(chain: dc.DataChain) -> None:
    assert (chain.sum("size"), chain.avg("size")) == (12, 4.0)
    assert (chain.min("size"), chain.max(C("size"))) == (3, 5)
    assert chain.limit(0).sum("size") is None
    assert chain.count() == 4


def test_refuses(chain: dc.DataChain) -> None:
    with pytest.raises(DataChainParamsError):
        chain.group_by(partition_by="tame")
    with pytest.raises(DataChainColumnError):
        chain.group_by(n=C("size"), partition_by="tame")
    with pytest.raises(DataChainColumnError):
        chain.group_by(tame=func.count(), partition_by="tame")
    with pytest.raises(DataChainParamsError):
        chain.group_by("tame", n=func.count())


def test_unnamed_keys_do_not_take_names_of_columns(chain: dc.DataChain) -> None:
    once = chain.group_by(n=dc.func.count(), partition_by=dc.C("size") + 1)
    again = once.group_by(m=dc.func.sum("n"), partition_by=[dc.C("gr_0") * 2, dc.C("n") * 2])
    assert list(again.schema) == ["gr_1", "gr_2", "m"]


def test_an_aggregate_and_a_key_of_one_name(chain: dc.DataChain) -> None:
    with pytest.raises(DataChainColumnError, match="key `tame` of group_by conflicts with"):
        chain.group_by(tame=dc.func.count(), partition_by="tame")
    with pytest.raises(DataChainParamsError, match=r"cannot infer a name for `sum\(size\)`"):
        chain.group_by(dc.func.sum("size"))


def test_a_missing_model_is_not_a_model_of_missing_fields() -> None:
    rows = [{"a": 1}, {"a": None}, None, None]
    chain = dc.read_arrow(pa.table({"s": rows}))
    groups = chain.group_by(n=func.count(), partition_by="s")
    found = {str(row["s"]): row["n"] for row in groups.to_arrow().to_pylist()}
    assert found == {"{'a': 1}": 1, "{'a': None}": 1, "None": 2}
    labelled = chain.group_by(n=func.count(), partition_by=C("s").label("t"))
    assert sorted(labelled.to_values("n")) == [1, 1, 2]


def test_a_missing_model_inside_of_a_model_is_a_group_of_its_own() -> None:
    rows = [{"m": {"a": None}}, {"m": None}, None, {"m": {"a": None}}]
    groups = dc.read_arrow(pa.table({"s": rows})).group_by(n=func.count(), partition_by="s")
    found = {str(row["s"]): row["n"] for row in groups.to_arrow().to_pylist()}
    assert found == {"{'m': {'a': None}}": 2, "{'m': None}": 1, "None": 1}


def test_sums_of_decimals_fit_or_fail() -> None:
    big = Decimal(9 * 10**37)
    kind = pa.decimal128(38, 0)
    rows = dc.read_arrow(pa.table({"g": [1, 1, 2], "d": pa.array([big, big, big], kind)}))
    with pytest.raises(dc.LakebedError, match=r"`sum\(d\)` overflows Decimal"):
        rows.sum("d")
    with pytest.raises(dc.LakebedError, match=r"`sum\(d\)` overflows Decimal"):
        rows.group_by(s=func.sum("d"), partition_by="g").to_list()
    back = dc.read_arrow(pa.table({"d": pa.array([big, big, -big], kind)}))
    assert back.sum("d") == big
