"""`apply`, `clone` and `c`."""

from __future__ import annotations

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import SignalResolvingError


def test_apply_passes_the_chain_and_the_arguments(chain: dc.DataChain) -> None:
    def first(given: dc.DataChain, count: int, *, by: str) -> list[str]:
        return given.order_by(by).limit(count).to_values("name")

    assert chain.apply(first, 2, by="size") == ["cat", "fox"]


def test_a_clone_is_the_same_chain() -> None:
    saved = dc.read_values(x=[1]).save("rows")
    clone = saved.settings(batch_size=7).clone()
    assert clone is not saved
    assert (clone.name, clone.version) == ("rows", "1.0.0")
    assert clone.to_list() == saved.to_list()
    assert saved.filter(C("x") > 0).clone().name is None


def test_c_names_a_column_that_exists(chain: dc.DataChain) -> None:
    assert chain.filter(chain.c("size") > 4).to_values("name") == ["dog"]
    assert chain.filter(chain.c(C("size")) > 4).to_values("name") == ["dog"]
    with pytest.raises(SignalResolvingError, match="did you mean `size`"):
        chain.c("siz")
