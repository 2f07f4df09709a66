"""What `show()` prints; the tables are those that pandas prints for the same frames."""

from __future__ import annotations

import datetime as dt
from textwrap import dedent
from typing import Any

import pytest
from pydantic import Field

from lakebed._schema import spec_of
from lakebed._show import render
from lakebed.file import File
from lakebed.models import DataModel

WIDTH = 80


class Size(DataModel):
    w: int
    h: int | None = None


class Info(DataModel):
    name: str
    size: Size | None = None
    sizes: list[Size] = Field(default_factory=list)


COLUMNS = [("n", spec_of(int)), ("f", spec_of(File)), ("info", spec_of(Info))]
ROWS = [
    (1, File(path="a/b0.txt", size=5), Info(name="x", size=Size(w=1), sizes=[Size(w=2)])),
    (20, File(path="a/b1.txt"), Info(name="y" * 60)),
    (3, None, None),
]


def check(shown: str, expected: str) -> None:
    lines = dedent(expected).strip("\n").splitlines()
    assert [line.rstrip() for line in shown.splitlines()] == lines


def test_models_have_nested_headers_and_wide_tables_go_on_below() -> None:
    check(
        render(COLUMNS, ROWS, width=WIDTH),
        r"""
            n         f     f                                               info  \
                   path  size                                               name

        0   1  a/b0.txt     5                                                  x
        1  20  a/b1.txt     0  yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...
        2   3      None  None                                               None

           info  info                   info
           size  size                  sizes
              w     h
        0     1  None  [{'w': 2, 'h': None}]
        1  None  None                     []
        2  None  None                   None
        """,
    )


def test_flat_headers_and_a_note_about_the_limit() -> None:
    check(
        render(COLUMNS[:2], ROWS[:2], flatten=True, limit_note=2, width=WIDTH),
        """
            n    f.path f.size
        0   1  a/b0.txt      5
        1  20  a/b1.txt      0

        [Limited by 2 rows]
        """,
    )
    assert "Limited" not in render(COLUMNS, ROWS, limit_note=20, width=WIDTH)


def test_transposed() -> None:
    check(
        render(COLUMNS[:2], ROWS[:2], transpose=True, width=WIDTH),
        """
                       0         1
        n              1        20
        f path  a/b0.txt  a/b1.txt
        f size         5         0
        """,
    )


def test_hidden_fields_on_demand() -> None:
    shown = render(COLUMNS[1:2], ROWS[:1], include_hidden=True, width=300)
    assert shown.splitlines()[1].split() == [
        "source", "path", "size", "version", "etag", "is_latest", "last_modified", "location",
    ]  # fmt: skip


def test_long_cells_in_full_on_demand() -> None:
    assert "y" * 60 in render(COLUMNS, ROWS, truncate=False, width=WIDTH)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5, "1.5"),
        (1e10, "10000000000.0"),
        (1e-9, "0.0"),
        (float("nan"), "NaN"),
        (None, "None"),
        (True, "True"),
        ("a\nb\t", r"a\nb\t"),
        (b"ab", "b'ab'"),
        ([1.0, 1.123456789, "a"], "[1.0, 1.123457, a]"),
        ({"a": "b", "c": [1]}, "{'a': 'b', 'c': [1]}"),
        ((1,), "(1,)"),
        (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "2020-01-01 00:00:00+00:00"),
        ({"a": Size(w=1)}, "{'a': {'w': 1, 'h': None}}"),
        ([1] * 150, f"[{'1, ' * 15}..."),
    ],
)
def test_cells(value: Any, shown: str) -> None:
    line = render([("c", spec_of(str))], [(value,)], width=WIDTH).splitlines()[1]
    assert line.removeprefix("0").strip() == shown


def test_wide_characters_are_aligned() -> None:
    lines = render([("c", spec_of(str))], [("日本",), ("abcd",)], width=WIDTH).splitlines()
    assert lines[1:] == ["0  日本", "1  abcd"]


def test_many_rows_show_their_ends() -> None:
    columns, rows = [("c", spec_of(int))], [(i,) for i in range(100)]
    lines = render(columns, rows, width=WIDTH).splitlines()
    assert lines[5:8] == ["4    4", "..  ..", "95  95"]
    assert lines[-1] == "[100 rows x 1 columns]"
    full = render(columns, rows, truncate=False, width=WIDTH)
    assert len(full.splitlines()) == 101


def test_no_rows_name_the_columns() -> None:
    assert render(COLUMNS[:2], []) == (
        "Empty result\nColumns: [('n', ''), ('f', 'path'), ('f', 'size')]"
    )
    assert render(COLUMNS[:1], []) == "Empty result\nColumns: ['n']"
