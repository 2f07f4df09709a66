"""`lakebed run-unit`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run-unit",
        help="call a function for some rows, on any machine that sees the root",
        description="Run units of a stage, as `chain.stages()` makes them and `Unit.to_json()` "
        "writes them, and keep their results in the root. Prints a receipt for each. The function "
        "is unpickled: run only units from roots that you trust.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a unit as JSON; - for the standard input"
    )
    parser.add_argument(
        "--parallel", type=int, metavar="N", help="worker processes; by default this one"
    )
    parser.set_defaults(run=_run_units)


def _run_units(arguments: argparse.Namespace) -> None:
    import lakebed as dc

    for file in arguments.files:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        unit = dc.Unit.from_json(text)
        receipt = dc.run_unit(unit, parallel=arguments.parallel)
        print(json.dumps(asdict(receipt)), flush=True)
