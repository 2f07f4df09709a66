"""Files below folders and patterns as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, NotSupportedError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("", ["a.txt", "b.md", "c.txt"]),
        ("/**/*.txt", ["a.txt", "c.txt"]),
        ("/*.txt", ["a.txt"]),
        ("/*.{txt,md}", ["a.txt", "b.md"]),
        ("/sub", ["c.txt"]),
        ("/a.txt", ["a.txt"]),
    ],
)
def test_what_is_listed(files: Path, uri: str, names: list[str]) -> None:
    for start in (str(files), f"file://{files}"):
        chain = dc.read_storage(f"{start}{uri}", update=True)
        assert sorted(file.name for file in chain.to_values("file")) == names


def test_options(files: Path) -> None:
    chain = dc.read_storage(files, recursive=False, column="doc", type="text")
    docs = sorted(chain.to_values("doc"), key=lambda doc: doc.path)
    assert [doc.read() for doc in docs] == ["aa", "bbb"]
    assert isinstance(docs[0], dc.TextFile)
    assert dc.read_storage([files / "sub", files / "b.md"]).count() == 2


def test_listing_happens_when_the_chain_runs(files: Path) -> None:
    chain = dc.read_storage(files)
    (files / "d.txt").write_text("d")
    assert chain.count() == 4


def test_refuses(files: Path) -> None:
    with pytest.raises(ValueError):
        dc.read_storage([])
    with pytest.raises(DataChainParamsError) as caught:
        dc.read_storage(files, type="imag")
    assert "did you mean `image`" in str(caught.value)
    for options in ({"anon": True}, {"client_config": {"a": 1}}, {"delta": True}):
        with pytest.raises(NotSupportedError):
            dc.read_storage(files, **options)
