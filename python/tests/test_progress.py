"""What a run says about itself: bars on a terminal, reused results on stderr and in the log."""

from __future__ import annotations

import io
import logging
import sys

import pytest

import lakebed as dc
from lakebed._progress import progress

STAGES = [("map encode", 30, 100, 2, 10), ("gen split", 5, None, 0, 0)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, *reports: object) -> str:
    monkeypatch.setattr(sys, "stderr", stderr)
    with progress() as report:
        for stages, messages in reports:
            report(stages, messages)
    return stderr.getvalue()


def test_a_terminal_shows_a_bar_for_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal(), (STAGES, []))
    assert "map encode:  30%" in text
    assert "30.0/100" in text
    assert "errors=2, reused=10" in text
    assert "gen split: 5.00 rows" in text


def test_elsewhere_there_are_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO(), (STAGES, [])) == ""


@pytest.mark.parametrize("stderr", [io.StringIO, Terminal])
def test_messages_are_printed_once_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stderr: type[io.StringIO]
) -> None:
    caplog.set_level(logging.INFO, "lakebed")
    scratch, reused = "UDF 'a': from scratch", "UDF 'b': skipped, 5 rows from checkpoint"
    text = shown(
        monkeypatch,
        stderr(),
        ([], [scratch]),
        (STAGES, [scratch, reused]),
        (STAGES, [scratch, reused]),
    )
    assert text.count(reused) == 1
    assert scratch not in text
    assert caplog.messages == [scratch, reused]


def test_a_second_run_says_what_it_reuses(capsys: pytest.CaptureFixture[str]) -> None:
    def twice(x: int) -> int:
        return 2 * x

    chain = dc.read_values(x=[1, 2, 3]).map(y=twice)
    assert chain.to_values("y") == chain.to_values("y") == [2, 4, 6]
    assert capsys.readouterr().err == "UDF 'twice': skipped, 3 rows from checkpoint\n"


def test_ephemeral_runs_reuse_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []

    def seen(x: int) -> int:
        calls.append(x)
        return x

    chain = dc.read_values(x=[1, 2]).settings(ephemeral=True).map(y=seen)
    assert chain.to_values("y") == chain.to_values("y") == [1, 2]
    assert calls == [1, 2, 1, 2]
    assert "checkpoint" not in capsys.readouterr().err


def test_analyze_tells_rows_and_times() -> None:
    chain = dc.read_values(x=[1, 2, 3]).map(y=lambda x: x + 1, output=int)
    text = chain.explain(analyze=True)
    assert text.startswith(chain.explain().splitlines()[0])
    line = next(line for line in text.splitlines() if "map <lambda>" in line)
    assert line.split()[2] == "3"
