"""The script beside this file, on results that were made up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PASSING = "# total 645 54 120\nfunc/a.py 2 1 0 explained\nunit/b.py 3 4 5\n"
ALLOWED = "# why\nfunc/a.py::test_x[1 | 2] | an internal of the peer\n"
GOOD: dict[str, Any] = {
    "files": {
        "tests/func/a.py": {"passed": 2, "failed": 1, "skipped": 0},
        "tests/unit/b.py": {"passed": 4, "failed": 3, "skipped": 5},
    },
    "failed": [["tests/func/a.py::test_x[1 | 2]", "E"], ["tests/unit/b.py::test_y", "E"]],
}


def check(
    folder: Path, result: dict[str, Any], *options: str, allowed: str = ALLOWED
) -> tuple[int, str]:
    (folder / "passing.txt").write_text(PASSING)
    (folder / "allowed.txt").write_text(allowed)
    (folder / "result.json").write_text(json.dumps(result))
    command = [sys.executable, HERE / "check.py", folder / "result.json", "--lists", folder]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)  # noqa: S603
    assert not done.stderr
    return done.returncode, done.stdout.strip()


def test_what_is_no_worse_is_fine(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD) == (0, "as good as before")
    assert (tmp_path / "passing.txt").read_text() == PASSING


def test_better_counts_are_written_down(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD, "--update")[0] == 0
    assert (tmp_path / "passing.txt").read_text() == PASSING.replace("3 4 5", "4 3 5")


@pytest.mark.parametrize(
    ("files", "failed", "told"),
    [
        (
            {"tests/unit/b.py": {"passed": 2, "failed": 5, "skipped": 5}},
            [],
            "unit/b.py: 2 cases passed, 3 did before",
        ),
        (
            {"tests/func/a.py": {"passed": 2, "failed": 2, "skipped": 0}},
            [*GOOD["failed"], ["tests/func/a.py::test_z", "E   no"]],
            "func/a.py::test_z: fails without a reason in allowed.txt: E   no",
        ),
        (
            {"tests/func/a.py": {"passed": 3, "failed": 0, "skipped": 0}},
            [],
            "func/a.py::test_x[1 | 2]: does not fail any more, remove it from allowed.txt",
        ),
    ],
)
def test_what_is_worse_or_unexplained_fails(
    tmp_path: Path, files: dict[str, Any], failed: list[Any], told: str
) -> None:
    assert check(tmp_path, {"files": files, "failed": failed}, "--update") == (1, told)
    assert (tmp_path / "passing.txt").read_text() == PASSING


@pytest.mark.parametrize("passes", [True, False])
def test_a_case_that_fails_at_times_may_do_either(tmp_path: Path, *, passes: bool) -> None:
    reason = "func/a.py::test_z | at times: the first of two threads decides\n"
    counts = {"passed": 1 + passes, "failed": 2 - passes, "skipped": 0}
    failed = [GOOD["failed"][0], *([] if passes else [["tests/func/a.py::test_z", "E"]])]
    result = {"files": {"tests/func/a.py": counts}, "failed": failed}
    assert check(tmp_path, result, allowed=ALLOWED + reason) == (0, "as good as before")


def test_our_own_lists_are_well_formed() -> None:
    passing = [line.split() for line in (HERE / "passing.txt").read_text().splitlines()]
    files = {words[0] for words in passing if words[0] != "#"}
    assert len(files) > 20
    lines = (HERE / "allowed.txt").read_text().splitlines()
    allowed = [line for line in lines if line and not line.startswith("#")]
    assert allowed
    for line in allowed:
        case, _, reason = line.rpartition(" | ")
        assert reason
        assert case.partition("::")[0] in files
