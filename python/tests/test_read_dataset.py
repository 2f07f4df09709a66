"""Names, versions and specifiers of saved datasets."""

from __future__ import annotations

import pytest

import lakebed as dc
from lakebed.exceptions import (
    DataChainParamsError,
    DatasetNotFoundError,
    DatasetVersionNotFoundError,
    NotSupportedError,
)


@pytest.fixture
def saved(chain: dc.DataChain) -> dc.DataChain:
    for rows in (1, 2, 3):
        chain.limit(rows).save("pets", version=f"{rows}.0.0")
    return chain


@pytest.mark.parametrize(
    ("version", "rows"),
    [(None, 3), ("1.0.0", 1), (2, 2), (">=1,<3", 2), ("~=2.0", 2)],
)
@pytest.mark.usefixtures("saved")
def test_versions(version: str | int | None, rows: int) -> None:
    chain = dc.read_dataset("pets", version=version)
    assert chain.count() == rows
    assert (chain.name, chain.version) == ("pets", f"{rows}.0.0")


@pytest.mark.usefixtures("saved")
def test_qualified_names() -> None:
    assert dc.read_dataset("local.local.pets@1.0.0").count() == 1
    assert dc.read_dataset("pets", namespace="local", project="local").count() == 3
    assert dc.sql("select count(*) as n from pets").to_values("n") == [3]


@pytest.mark.usefixtures("saved")
def test_unknown_names() -> None:
    with pytest.raises(DatasetNotFoundError) as caught:
        dc.read_dataset("pests")
    assert "`pets`" in str(caught.value)
    with pytest.raises(DatasetVersionNotFoundError):
        dc.read_dataset("pets", version="9.0.0")


def test_refuses() -> None:
    with pytest.raises(DataChainParamsError):
        dc.read_dataset("pets", version=1.5)
    with pytest.raises(NotSupportedError):
        dc.read_dataset("pets", nothing_like_it=1)
