"""What `show` prints."""

from __future__ import annotations

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError


def test_prints_rows_and_the_limit(chain: dc.DataChain, capsys) -> None:
    chain.select("name", "tame").show(2)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["name", "tame"],
        ["0", "cat", "True"],
        ["1", "dog", "True"],
        [],
        ["[Limited", "by", "2", "rows]"],
    ]


def test_zero_shows_all(chain: dc.DataChain, capsys) -> None:
    chain.show(0)
    out = capsys.readouterr().out
    assert "fox" in out
    assert "Limited" not in out


def test_empty(chain: dc.DataChain, capsys) -> None:
    chain.limit(0).show()
    assert capsys.readouterr().out.startswith("Empty result")


def test_hidden_fields(files, capsys) -> None:
    chain = dc.read_storage(str(files))
    chain.show(flatten=True)
    assert "file.etag" not in capsys.readouterr().out
    chain.show(include_hidden=True, transpose=True)
    assert "etag" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [-1, "3", 1.0])
def test_limit_is_checked(chain: dc.DataChain, wrong: object) -> None:
    with pytest.raises(DataChainParamsError):
        chain.show(wrong)


def test_a_chain_and_its_schema_print_the_columns(chain: dc.DataChain) -> None:
    assert str(chain.schema).splitlines()[0] == "name: str"
    assert repr(chain) == str(chain.schema)
