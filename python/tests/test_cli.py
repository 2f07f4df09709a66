"""The `lakebed` command, over a public API that answers from memory."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

import lakebed
from lakebed.cli import main
from lakebed.exceptions import DatasetNotFoundError

MADE = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
ROWS = [
    ("local", "local", "pets", "1.10.0", 1_000_000, 1_234_567, MADE, "print(1)"),
    ("local", "local", "pets", "1.2.0", 3, None, MADE, ""),
    ("ns", "p", "cars", "1.0.0", 1, 0, None, None),
]


class Chain:
    schema = "size: int"

    def to_list(self, *_: str) -> list[tuple[Any, ...]]:
        return ROWS

    def show(self, limit: int) -> None:
        print(f"rows: {limit}")  # noqa: T201


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []

    def read_dataset(name: str) -> Chain:
        if not name.startswith("pets"):
            msg = f"dataset `{name}` not found; hint: did you mean `pets`?"
            raise DatasetNotFoundError(msg)
        return Chain()

    def delete_dataset(name: str, *, version: str | None, force: bool) -> None:
        calls.append((name, version, force))

    monkeypatch.setattr(lakebed, "datasets", Chain, raising=False)
    monkeypatch.setattr(lakebed, "read_dataset", read_dataset, raising=False)
    monkeypatch.setattr(lakebed, "delete_dataset", delete_dataset, raising=False)
    return calls


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    try:
        code = main(line.split())
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.usefixtures("deleted")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("show pets --limit 3", "rows: 3"),
        ("show pets --schema", "size: int"),
        ("show pets@1.10.0 --script", "print(1)"),
        ("show pets@1.2.0 --script", "# no script is known of `pets@1.2.0`"),
    ],
)
def test_show(capsys: pytest.CaptureFixture[str], line: str, expected: str) -> None:
    assert run(capsys, line) == (0, f"{expected}\n", "")


@pytest.mark.usefixtures("deleted")
def test_list_shows_the_latest_or_all_versions(capsys: pytest.CaptureFixture[str]) -> None:
    latest = [line.split()[:2] for line in run(capsys, "dataset ls")[1].splitlines()]
    assert latest == [["NAME", "VERSION"], ["pets", "1.10.0"], ["ns.p.cars", "1.0.0"]]
    _, pets, _ = run(capsys, "ds ls pets")
    assert pets.splitlines() == [
        "NAME  VERSION       ROWS    SIZE  CREATED",
        "pets  1.2.0            3          2026-01-02 03:04",
        "pets  1.10.0   1,000,000  1.2 MB  2026-01-02 03:04",
    ]


def test_remove(capsys: pytest.CaptureFixture[str], deleted: list[Any]) -> None:
    for line in ("pets", "pets@1.2.0", "pets --version 1.2.0", "pets --force"):
        assert run(capsys, f"dataset rm {line}")[0] == 0
    expected = [("pets", None, False), *[("pets", "1.2.0", False)] * 2, ("pets", None, True)]
    assert deleted == expected


@pytest.mark.usefixtures("deleted")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show pet", "error: dataset `pet` not found\nhint: did you mean `pets`?\n"),
        ("ds ls pet", "error: dataset `pet` not found\nhint: did you mean `pets`?\n"),
        ("show pets@9 --script", "error: dataset `pets` has no version `9`\nhint: there are"),
        ("ds rm pets@1.2.0 --force", "error: --force removes all versions, but version `1.2.0`"),
        ("ds rm pets@1.2.0 --version 2", "error: two versions were given"),
        ("show", "error: the following arguments are required"),
    ],
)
def test_errors_are_short(capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    code, out, err = run(capsys, line)
    assert (code, out) == (1, "")
    assert err.startswith(message)


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "lakebed dataset rm pets --version 1.0.0" in out


def test_gc_reports_what_was_removed_and_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def gc(*, ttl: float | None, dry_run: bool) -> lakebed.GcReport:
        calls.append((ttl, dry_run))
        removed = [lakebed.Garbage("pets", "no version needs it", 3, 1_234_567)]
        kept = [lakebed.Garbage(name, "its versions need it", 2, 500) for name in ("a", "b")]
        kept.append(lakebed.Garbage("cars", "a save or a session uses it", 1, 10))
        return lakebed.GcReport(removed, kept, dry_run)

    monkeypatch.setattr(lakebed, "gc", gc, raising=False)
    code, out, _ = run(capsys, "gc")
    assert code == 0
    assert out.splitlines() == [
        "         WHAT        FILES    SIZE  BECAUSE",
        "removed  pets            3  1.2 MB  no version needs it",
        "kept     2 datasets      4  1.0 KB  its versions need it",
        "kept     cars            1    10 B  a save or a session uses it",
        "freed: 1.2 MB",
    ]
    _, out, _ = run(capsys, "gc --ttl 60 --dry-run")
    assert out.startswith("              WHAT")
    assert "would remove  pets" in out
    assert out.endswith("to free: 1.2 MB\n")
    assert calls == [(None, False), (60, True)]


def test_gc_of_an_empty_root(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "gc") == (0, "freed: 0 B\n", "")
    code, _, err = run(capsys, "gc --ttl=-1")
    assert (code, err) == (1, "error: ttl is a number of seconds, 0 or more, not `-1.0`\n")
