"""The questions of ClickBench about generated rows: lakebed's dataset beside DuckDB and `datafusion`.

    python benches/clickbench.py --rows 2000000 > clickbench.jsonl

Makes one wide table, once, and saves it in each system's own form, untimed; `sql_contest.py` measures. The real rows are not
ours to give: these have their columns and something like their distributions, so that only ratios mean something.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from clickbench_data import FORMAT
from clickbench_queries import UNORDERED, queries
from sql_contest import Contest, compete, data_folder, parser, pythons, say

TINY = 5_000


def main() -> int:
    """Measure; 1 if a system failed or two found other rows, 2 if there is nothing to measure with."""
    options = parse()
    interpreters = pythons(tiny=options.tiny)
    data = data_folder(f"clickbench-v{FORMAT}-{options.rows}")
    python = next((each for each in interpreters if each.has(("numpy", "pyarrow"))), None)
    if python is None:
        say("no python with numpy and pyarrow to generate the data")
        return 2
    generate(data, options.rows, python.path)
    asked = queries(options.rows)
    contest = Contest(
        "clickbench", data, ("hits",), asked, {"rows_of_hits": options.rows}, UNORDERED
    )
    return 1 if compete(contest, interpreters, options) else 0


def parse() -> argparse.Namespace:
    """The command line."""
    made = parser(__doc__, queries(TINY))
    made.add_argument("--rows", type=int, default=2_000_000, help="(default 2,000,000)")
    options = made.parse_args()
    if options.tiny:
        options.rows, options.runs = TINY, 1
    return options


def generate(data: Path, rows: int, python: str) -> None:
    """Write the rows unless they are there."""
    if (data / "DONE").exists():
        return
    say(f"generating {rows} rows into `{data}`, once")
    data.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name("clickbench_data.py")
    subprocess.run([python, str(script), str(data / "hits.parquet"), str(rows)], check=True)
    (data / "DONE").touch()


if __name__ == "__main__":
    sys.exit(main())
