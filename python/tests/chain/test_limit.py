"""The first rows, and the rows after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    import lakebed as dc


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
