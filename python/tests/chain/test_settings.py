"""Which settings are taken and which are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakebed.exceptions import NotSupportedError, SettingsError

if TYPE_CHECKING:
    import lakebed as dc


@pytest.mark.parametrize(
    "off",
    [
        {"cache": False},
        {"prefetch": 0},
        {"prefetch": False},
        {"parallel": False},
        {"cache": None, "prefetch": None, "parallel": None},
        {"batch_size": 7},
    ],
)
def test_accepts(chain: dc.DataChain, off: dict[str, object]) -> None:
    assert chain.settings(**off).count() == 4


@pytest.mark.parametrize(
    "later",
    [{"cache": True}, {"prefetch": 2}, {"parallel": 2}, {"parallel": True}, {"workers": 2}],
)
def test_says_what_is_not_supported_yet(chain: dc.DataChain, later: dict[str, object]) -> None:
    with pytest.raises(NotSupportedError) as caught:
        chain.settings(**later)
    assert f"`{next(iter(later))}` is not supported yet" in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cache": 1},
        {"prefetch": -1},
        {"prefetch": "2"},
        {"parallel": 0},
        {"parallel": -1},
        {"batch_size": 0},
        {"batch_size": True},
        {"namespace": 1},
        {"sys": 1},
        {"batchsize": 1},
    ],
)
def test_refuses(chain: dc.DataChain, wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        chain.settings(**wrong)


def test_sys(chain: dc.DataChain) -> None:
    shown = chain.settings(sys=True)
    assert "sys" in shown.schema
    assert "sys" not in chain.schema
    assert "sys" not in shown.reset_settings().schema
    assert len({row.id for row in shown.to_values("sys")}) == 4
