"""Which Python runs which system, and what is installed there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OURS = "lakebed"

# What a run installs when there is no venv of peers yet.
REQUIREMENTS = (
    "datachain==0.62.0", "duckdb", "polars", "numpy", "daft", "pyarrow", "pandas", "pylance",
    "datafusion==54.*", "tpchgen-cli",
)  # fmt: skip

# The modules a system needs, by its name or by the part before the first `_`.
NEEDS = {
    "lakebed": ("lakebed",),
    "datachain": ("datachain",),
    "duckdb": ("duckdb", "pyarrow"),
    "polars": ("polars", "pyarrow"),
    "daft": ("daft", "pyarrow"),
    "datafusion": ("datafusion", "pyarrow"),
    "lance": ("lance", "pyarrow"),
    "numpy": ("numpy", "pyarrow"),
    "pandas": ("pandas",),
    "pyarrow": ("pyarrow",),
    "pyarrow_lance": ("pyarrow", "lance"),
    "python": ("pyarrow",),
    "torch": ("torch", "PIL", "numpy"),
}
DISTRIBUTIONS = {"lance": "pylance", "PIL": "pillow"}  # where the module is not named after it

PROBE = """
import importlib.metadata, importlib.util, json, platform, sys
found = {"python": platform.python_version()}
for module, distribution in json.loads(sys.argv[1]).items():
    if importlib.util.find_spec(module):
        found[module] = importlib.metadata.version(distribution)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Python:
    """An interpreter and the versions of what it can import."""

    path: str
    versions: dict[str, str]

    def has(self, modules: tuple[str, ...]) -> bool:
        """Whether all of `modules` can be imported."""
        return all(module in self.versions for module in modules)


def base(system: str) -> str:
    """`duckdb` of `duckdb_table`."""
    return system.partition("_")[0]


def needs(system: str) -> tuple[str, ...]:
    """The modules that `system` imports."""
    return NEEDS.get(system) or NEEDS[base(system)]


@cache
def probe(path: str) -> Python:
    """Ask an interpreter what it has."""
    modules = sorted({module for modules in NEEDS.values() for module in modules})
    names = {module: DISTRIBUTIONS.get(module, module) for module in modules}
    command = [path, "-c", PROBE, json.dumps(names)]
    # Not from here, as the folders beside this file must not pass for packages.
    shown = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
    return Python(path, json.loads(shown.stdout))


def ours() -> Python:
    """The interpreter with lakebed: `$LAKEBED_PYTHON`, or the one that runs this."""
    return probe(os.environ.get("LAKEBED_PYTHON") or sys.executable)


def theirs(folder: Path) -> Python:
    """The interpreter of the peers' venv in `folder`, which is made if it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"installing the peers into `{folder}`, once", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS]
        subprocess.run(install, check=True)
    return probe(str(python))


def choose(system: str, extra: tuple[str, ...], pythons: list[Python]) -> Python | None:
    """The first of `pythons` that has what `system` and its workload need; the last is ours."""
    modules = needs(system) + extra
    candidates = pythons[-1:] if base(system) == OURS else pythons
    return next((python for python in candidates if python.has(modules)), None)
