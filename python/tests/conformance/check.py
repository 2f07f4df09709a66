"""Compares a result of the conformance harness with what passed before.

python check.py RESULT.json [--update]

Fails when a file has fewer passed cases than `passing.txt` says, or when a case of an
explained file fails and `allowed.txt` gives no reason for it. `--update` writes the counts
of a better result down.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
EXPLAINED = "explained"
AT_TIMES = "at times: "
"""How the reason of a case begins that fails in some runs and passes in others."""


@dataclass(frozen=True)
class Counts:
    """A line of `passing.txt`: how a file did, and whether its failures need a reason."""

    passed: int
    failed: int
    skipped: int
    explained: bool = False

    def line(self, name: str) -> str:
        """The line."""
        mark = f" {EXPLAINED}" if self.explained else ""
        return f"{name} {self.passed} {self.failed} {self.skipped}{mark}"


def read_passing(text: str) -> dict[str, Counts]:
    """The lines by file; a line that begins with `#` is a comment."""
    found = {}
    for line in _lines(text):
        name, passed, failed, skipped, *mark = line.split()
        found[name] = Counts(int(passed), int(failed), int(skipped), mark == [EXPLAINED])
    return found


def read_allowed(text: str) -> dict[str, str]:
    """Reasons by case, from lines as `file::case | reason`."""
    pairs = (line.rpartition(" | ") for line in _lines(text))
    return {case.strip(): reason.strip() for case, _, reason in pairs}


def problems(
    result: dict[str, Any], passing: dict[str, Counts], allowed: dict[str, str]
) -> list[str]:
    """What is worse than before or not explained, one line each."""
    files = {_short(name): counts for name, counts in result["files"].items()}
    failed = {_short(case): why for case, why in result["failed"]}
    at_times = {case for case, reason in allowed.items() if reason.startswith(AT_TIMES)}
    lucky = Counter(case.partition("::")[0] for case in at_times)
    found = []
    for name in sorted(files.keys() & passing.keys()):
        now, before = files[name]["passed"], passing[name].passed
        if now < before - lucky[name]:
            found.append(f"{name}: {now} cases passed, {before} did before")
    explained = {name for name, counts in passing.items() if counts.explained}
    found += [
        f"{case}: fails without a reason in allowed.txt: {why}"
        for case, why in sorted(failed.items())
        if case.partition("::")[0] in explained and not allowed.get(case)
    ]
    found += [
        f"{case}: does not fail any more, remove it from allowed.txt"
        for case in sorted(allowed.keys() - failed.keys() - at_times)
        if case.partition("::")[0] in files
    ]
    return found


def updated(result: dict[str, Any], text: str) -> str:
    """The text of `passing.txt` with the counts of a result that is not worse."""
    lines = [line for line in text.splitlines() if line.startswith("#")]
    passing = read_passing(text)
    for name, counts in result["files"].items():
        before = passing.get(_short(name))
        passing[_short(name)] = Counts(**counts, explained=bool(before and before.explained))
    lines += [counts.line(name) for name, counts in sorted(passing.items())]
    return "".join(f"{line}\n" for line in lines)


def main(arguments: list[str]) -> int:
    """Run the command; 1 when there is a problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--lists", type=Path, default=FOLDER)
    given = parser.parse_args(arguments)
    result = json.loads(given.result.read_text())
    passing = given.lists / "passing.txt"
    text = passing.read_text()
    allowed = read_allowed((given.lists / "allowed.txt").read_text())
    found = problems(result, read_passing(text), allowed)
    sys.stdout.write("".join(f"{line}\n" for line in found or ["as good as before"]))
    if found:
        return 1
    if given.update:
        passing.write_text(updated(result, text))
    return 0


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _short(name: str) -> str:
    return name.removeprefix("tests/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
