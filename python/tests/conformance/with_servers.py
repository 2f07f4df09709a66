"""Runs a harness beside the PostgreSQL server that some of the peer's cases need.

python with_servers.py HARNESS [ARGUMENT...]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from servers import postgres


def main() -> int:
    """Run the harness; its exit code."""
    with postgres() as database:
        # The peer's cases read this variable, and make a database of their own.
        address = database.uri.replace("postgres:", "postgresql:").rpartition("/")[0]
        environment = os.environ | {"TEST_POSTGRES_URI": address}
        command = [sys.executable, *sys.argv[1:]]
        done = subprocess.run(command, env=environment, check=False)  # noqa: S603
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
