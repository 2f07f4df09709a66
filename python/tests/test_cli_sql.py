"""`lakebed sql`."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from lakebed._cli.sql import names, statements
from lakebed.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import lakebed as dc


@pytest.fixture
def pets(chain: dc.DataChain) -> None:
    chain.save("pets")


def run(capfdbinary: pytest.CaptureFixture[bytes], *words: str) -> tuple[int, bytes, str]:
    code = main(["sql", *words])
    out, err = capfdbinary.readouterr()
    return code, out, err.decode()


@pytest.mark.usefixtures("pets")
def test_rows_come_in_each_format(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    text = "SELECT name, size FROM pets WHERE size > 3 ORDER BY name"
    code, out, err = run(capfdbinary, text)
    assert (code, err) == (0, "")
    assert [line.split() for line in out.decode().splitlines()[:3]] == [
        ["name", "size"],
        ["0", "dog", "5"],
        ["1", "fox", "4"],
    ]
    assert run(capfdbinary, text, "--format", "csv")[1].splitlines() == [
        b"name,size",
        b"dog,5",
        b"fox,4",
    ]
    expected = [{"name": "dog", "size": 5}, {"name": "fox", "size": 4}]
    assert json.loads(run(capfdbinary, text, "--format", "json")[1]) == expected
    lines = run(capfdbinary, text, "--format", "jsonl")[1].splitlines()
    assert [json.loads(line) for line in lines] == expected
    file = tmp_path / "rows.parquet"
    file.write_bytes(run(capfdbinary, text, "--format", "parquet")[1])
    assert pq.read_table(file).to_pylist() == expected


@pytest.mark.usefixtures("pets")
def test_parameters_are_values(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    text = "SELECT name FROM pets WHERE size > $1 AND name = $who"
    words = ("-p", "1=3", "-p", "who=fox", "--format", "csv")
    assert run(capfdbinary, text, *words)[1] == b"name\r\nfox\r\n"
    code, _, err = run(capfdbinary, text, "-p", "oops")
    assert (code, err) == (1, "error: a parameter is given as name=value, not `oops`\n")
    code, _, err = run(capfdbinary, text, "-p", "2=3")
    assert code == 1
    assert "the parameter `1` has no value" in err


@pytest.mark.usefixtures("pets")
def test_a_file_has_several_statements(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    file = tmp_path / "all.sql"
    file.write_text(
        "-- first; of all\nCREATE TABLE big AS SELECT * FROM pets WHERE size > $least;\n"
        "INSERT INTO big SELECT ';', 9, true;\n/* ; */ SELECT name FROM big WHERE size = 9;\n"
    )
    code, out, _ = run(capfdbinary, "-f", str(file), "-p", "least=3", "--format", "jsonl")
    assert code == 0
    assert out.decode().splitlines() == ["big@1.0.0: 2 rows", "big@1.0.1: 3 rows", '{"name":";"}']


@pytest.mark.usefixtures("pets")
def test_statements_come_from_the_input(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1 AS a; SELECT 2 AS b"))
    assert run(capfdbinary, "--format", "csv")[1] == b"a\r\n1\r\nb\r\n2\r\n"


@pytest.mark.usefixtures("pets")
def test_what_is_wrong_is_one_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, err = run(capfdbinary, "SELECT nope FROM pets")
    assert (code, out) == (1, b"")
    assert err.startswith("error: invalid query: unknown column `nope`")
    assert run(capfdbinary, "SELECT 1", "-f", "x.sql")[0] == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ; ;-- a\n", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT ';' ; SELECT \"a;b\";", ["SELECT ';'", 'SELECT "a;b"']),
        ("SELECT 'it''s;' -- x;y\n, 2; b", ["SELECT 'it''s;' -- x;y\n, 2", "b"]),
    ],
)
def test_texts_are_cut_where_statements_end(text: str, expected: list[str]) -> None:
    assert list(statements(text)) == expected


@pytest.mark.usefixtures("pets")
def test_names_complete() -> None:
    assert {"pets", "name", "tame", "lakebed.versions"} <= set(names())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("pets")
def test_a_prompt_answers_until_it_ends(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = iter(["SELECT nope;", "SELECT size", "FROM pets WHERE name = 'cat';", "\\q"])
    asked: list[str] = []

    class Asking:
        def __init__(self, history: Any) -> None:
            assert str(tmp_path) in history

        def prompt(self, text: str, completer: list[str]) -> str:
            assert "pets" in completer
            asked.append(text.strip())
            return next(lines)

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", Terminal())
    modules = {
        "prompt_toolkit": SimpleNamespace(PromptSession=Asking),
        "prompt_toolkit.history": SimpleNamespace(FileHistory=str),
        "prompt_toolkit.completion": SimpleNamespace(WordCompleter=lambda words, **_: list(words)),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    code, out, err = run(capfdbinary, "--format", "csv")
    assert code == 0
    assert out.decode().splitlines()[1:] == ["size", "3"]
    assert "error: invalid query: unknown column `nope`" in err
    assert asked == ["lakebed>", "lakebed>", "...>", "lakebed>"]


def test_a_prompt_says_what_it_needs(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    code, _, err = run(capfdbinary)
    assert (code, err) == (
        1,
        "error: this needs prompt_toolkit\nhint: pip install 'lakebed[sql]'\n",
    )
