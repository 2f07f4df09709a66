"""What `import` of the package costs: process wall time less that of a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

from task import Case, Measured, Task

DATA = None

# Packages that nobody should pay for who does not use them.
HEAVY = (
    "pandas", "pyarrow", "numpy", "boto3", "botocore", "aiobotocore", "gcsfs", "google", "azure",
    "sqlalchemy", "fsspec", "PIL", "pydantic", "torch",
)  # fmt: skip


def importing(package: str):
    """The workload's function for `import package`."""

    def system(case: Case) -> Task:
        return Task(lambda: _measure(package))

    return system


def _measure(package: str) -> Measured:
    bare = min(_wall("pass") for _ in range(3))
    seconds = min(_wall(f"import {package}") for _ in range(2)) - bare
    return Measured(max(seconds, 0.0), detail={"loads": _loaded(package)})


def _wall(code: str) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return perf_counter() - begin


def _loaded(package: str) -> list[str]:
    code = f"import sys, {package}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return shown.stdout.split()


SYSTEMS = {
    name: importing(name)
    for name in ("lakebed", "datachain", "duckdb", "polars", "daft", "lance", "pandas")
}
