"""`import lakebed` loads nothing heavy, and common names only what they need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "pandas", "PIL", "polars", "pyarrow", "pydantic", "tqdm")


def loaded_after(code: str) -> set[str]:
    text = f"import sys\n{code}\nprint(*{{n.partition('.')[0] for n in sys.modules}})"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", text], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import lakebed",
        "from lakebed import C, func, DataChain, read_storage; C('a') > 1",
        "import lakebed; lakebed.read_values(x=[1]).count()",
    ],
)
def test_loads_nothing_heavy(code: str) -> None:
    modules = loaded_after(code)
    assert "lakebed" in modules
    assert not modules.intersection(HEAVY)


def test_the_check_can_fail() -> None:
    assert "pydantic" in loaded_after("import lakebed; lakebed.File")
