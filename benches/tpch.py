"""TPC-H: lakebed's datasets beside DuckDB's own tables, DuckDB and `datafusion` on Parquet.

    python benches/tpch.py --scale 1 > tpch.jsonl

Makes the tables with `tpchgen-cli`, once, and saves them in each system's own form, untimed; `sql_contest.py` measures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from sql_contest import CACHE, Contest, compete, data_folder, parser, pythons, say
from tpch_queries import QUERIES, TABLES

TINY = 0.01


def main() -> int:
    """Measure; 1 if a system failed or two found other rows, 2 if there is nothing to measure with."""
    options = parse()
    interpreters = pythons(tiny=options.tiny)
    data = data_folder(f"tpch-{options.scale:g}")
    if not generated(data, options.scale, [Path(python.path).parent for python in interpreters]):
        say(f"no data in `{data}`; hint: pip install tpchgen-cli into `{CACHE / 'peers'}`")
        return 2
    fraction = f"{0.0001 / options.scale:.12f}".rstrip("0")
    queries = {number: query.format(fraction=fraction) for number, query in QUERIES.items()}
    contest = Contest("tpch", data, TABLES, queries, {"scale": options.scale})
    return 1 if compete(contest, interpreters, options) else 0


def parse() -> argparse.Namespace:
    """The command line."""
    made = parser(__doc__, QUERIES)
    made.add_argument("--scale", type=float, default=1.0, help="the scale factor (default 1)")
    options = made.parse_args()
    if options.tiny:
        options.scale, options.runs = TINY, 1
    return options


def generated(data: Path, scale: float, folders: list[Path]) -> bool:
    """Whether there are Parquet files of all tables, made now if one of `folders` has the generator."""
    done = data / "DONE"
    generator = next((g for folder in folders if (g := folder / "tpchgen-cli").exists()), None)
    if not done.exists() and generator:
        say(f"generating TPC-H {scale:g} into `{data}`, once")
        data.mkdir(parents=True, exist_ok=True)
        command = [str(generator), "parquet", "-s", f"{scale:g}", "--quiet", "--overwrite"]
        subprocess.run(command, cwd=data, check=True)
        done.touch()
    return done.exists()


if __name__ == "__main__":
    sys.exit(main())
