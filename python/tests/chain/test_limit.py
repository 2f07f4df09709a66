"""The first rows, and the rows after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from pathlib import Path


def test_limit_and_offset(chain: dc.DataChain) -> None:
    assert chain.offset(1).limit(2).to_values("name") == ["dog", "eel"]
    assert chain.limit(0).to_list() == []
    assert chain.limit(9).count() == 4
    assert chain.limit(0).empty
    assert not chain.empty


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "1", None])
def test_only_whole_numbers(chain: dc.DataChain, wrong: object) -> None:
    for verb in (chain.limit, chain.offset):
        with pytest.raises(DataChainParamsError):
            verb(wrong)


@pytest.fixture(params=["values", "dataset", "parquet"])
def ten(request: pytest.FixtureRequest, tmp_path: Path) -> dc.DataChain:
    """The numbers 0 to 9 as `n`, and their halves as `k`, in several pieces."""
    table = pa.table({"n": list(range(10)), "k": [n // 2 for n in range(10)]})
    if request.param == "parquet":
        pq.write_table(table, tmp_path / "ten.parquet", row_group_size=3)
        return dc.read_parquet(tmp_path / "ten.parquet")
    chain = dc.read_arrow(pa.Table.from_batches(table.to_batches(max_chunksize=4)))
    return chain.save("ten") if request.param == "dataset" else chain


@pytest.mark.parametrize(
    ("cut", "numbers"),
    [
        (lambda c: c.limit(3).order_by("n", descending=True), [2, 1, 0]),
        (lambda c: c.offset(7).order_by("n", descending=True), [9, 8, 7]),
        (lambda c: c.offset(2).limit(3).order_by("n", descending=True), [4, 3, 2]),
        (lambda c: c.limit(5).offset(3).order_by("n", descending=True), [4, 3]),
        (lambda c: c.limit(3).order_by("n", descending=True).limit(2), [2, 1]),
        (lambda c: c.filter(C("n") > 1).limit(3).order_by("n", descending=True), [4, 3, 2]),
        (lambda c: c.limit(4).filter(C("n") > 1).order_by("n", descending=True), [3, 2]),
        (lambda c: c.limit(3).mutate(m=-C("n")).order_by("m"), [2, 1, 0]),
        (
            lambda c: c.order_by("n", descending=True).limit(3).order_by("n"),
            [7, 8, 9],
        ),
        (
            lambda c: c.order_by("k", "n").limit(3).order_by("k", C("n").desc()),
            [1, 0, 2],
        ),
        (lambda c: c.limit(3).order_by("n", descending=True).offset(1), [1, 0]),
        (lambda c: c.limit(3).map(m=lambda n: n, output=int).order_by(C("m").desc()), [2, 1, 0]),
    ],
)
def test_what_follows_a_limit_sees_only_its_rows(ten: dc.DataChain, cut, numbers) -> None:
    assert cut(ten).to_values("n") == numbers


def test_groups_see_only_the_rows_of_a_limit(ten: dc.DataChain) -> None:
    groups = ten.limit(3).group_by(s=func.sum("n"), partition_by="k").order_by("k")
    assert groups.to_list("k", "s") == [(0, 1), (1, 2)]


def test_no_rows_before_a_function(chain: dc.DataChain) -> None:
    none = chain.order_by("name").limit(0).map(z=lambda name: name, output=str)
    assert none.to_list() == []
