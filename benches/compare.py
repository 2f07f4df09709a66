"""Ratios from the records of `run.py`.

`compare.py RUN` shows each system beside lakebed; `compare.py OLD NEW` what changed between two.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OURS = "lakebed"
# Two runs on a shared machine differ by this much without a reason.
NOISE = 0.15


def main(arguments: list[str]) -> int:
    """Print the table of one file, or of two."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    runs = [load(Path(argument)) for argument in arguments]
    rows = against_peers(*runs) if len(runs) == 1 else against_earlier(*runs)
    show(rows)
    return 0


def load(path: Path) -> dict[tuple[str, str], dict]:
    """The records of a file by workload and system; of repeated ones the last counts."""
    records = (json.loads(line) for line in path.read_text().splitlines() if line.strip())
    return {(record["workload"], record["system"]): record for record in records}


def against_peers(run: dict) -> list[list[str]]:
    """Every system beside ours; above 1 means that ours is faster."""
    rows = [["workload", "system", "min", "median", "runs", f"÷ {OURS}", "cpu", f"÷ {OURS}"]]
    for (workload, system), record in run.items():
        ours = run.get((workload, OURS))
        is_peer = ours is not None and system != OURS
        ratio = f"{best(record) / best(ours):.2f}" if is_peer else ""
        times = [duration(record["seconds"][kind]) for kind in ("min", "median")]
        used = [cpu(record), cpu(ours) if is_peer else None]
        shown = "" if used[0] is None else duration(used[0])
        cpu_ratio = f"{used[0] / used[1]:.2f}" if None not in used else ""
        rows.append([workload, system, *times, str(record["runs"]), ratio, shown, cpu_ratio])
    return rows


def against_earlier(old: dict, new: dict) -> list[list[str]]:
    """Every measurement in both files.

    Seconds of two runs compare only if nothing else ran. So `adjusted` divides the change by how
    much the peers of the same workload changed as a whole.
    """
    rows = [["workload", "system", "old", "new", "new ÷ old", "adjusted", ""]]
    for key in (key for key in new if key in old):
        change = best(new[key]) / best(old[key])
        adjusted = change / drift(key[0], old, new)
        word = "faster" if adjusted < 1 - NOISE else "slower" if adjusted > 1 + NOISE else ""
        if old[key]["rows"] != new[key]["rows"]:
            word = "not the same rows"
        times = [duration(best(old[key])), duration(best(new[key]))]
        rows.append([*key, *times, f"{change:.2f}", f"{adjusted:.2f}", word])
    return rows


def drift(workload: str, old: dict, new: dict) -> float:
    """The median change of the peers in `workload`, the machine's doing; 1 without peers."""
    changes = sorted(
        best(new[key]) / best(old[key])
        for key in new
        if key in old and key[0] == workload and not key[1].startswith(OURS)
    )
    return changes[len(changes) // 2] if changes else 1.0


def best(record: dict) -> float:
    """The fastest run, as noise only ever adds; never zero."""
    return max(record["seconds"]["min"], 1e-6)


def cpu(record: dict) -> float | None:
    """What the process used of all cores in its thriftiest run, if that was measured; never zero."""
    seconds = record.get("cpu_seconds")
    return None if seconds is None else max(seconds, 1e-6)


def duration(seconds: float) -> str:
    """`41.3 ms`, or `52.5 s` from ten seconds on."""
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds * 1000:.1f} ms"


def show(rows: list[list[str]]) -> None:
    """Print an aligned table with an empty line between workloads."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    previous = None
    for row in rows:
        if row[0] != previous:
            print()
        previous = row[0]
        texts = [text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True)]
        numbers = [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
        print("  ".join(texts + numbers).rstrip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
