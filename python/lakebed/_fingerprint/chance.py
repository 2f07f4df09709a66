"""The state of generators of random numbers that the program seeds and functions draw from.

Without a seed it is another one in each run, and results are what they happen to be.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import releases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed._fingerprint.state import State

_SEEDS = re.compile(rb"(?m)^(?!\s*(?:async )?def )[^#\n]*\b\w*seed\w*\s*\(\s*[^)\s]")

_DRAWS = frozenset({"permutation", "rvs", "sample", "shuffle", "train_test_split"})
"""What packages draw with NumPy."""


def states(state: State) -> Iterator[tuple[str, str]]:
    """The generators that code may draw from, and their states, where any was seeded."""
    drawn = set(_drawn(state))
    if drawn and _is_seeded():
        for name in sorted(drawn):
            data = repr(_STATES[name](sys.modules[name]))
            yield name, blake2b(data.encode(), digest_size=16).hexdigest()


def _drawn(state: State) -> Iterator[str]:
    roots = {module.partition(".")[0] for module in state.modules}
    if "random" in roots and "random" in sys.modules:
        yield "random"
    in_numpy = "numpy" in roots and ("random" in state.names or "numpy.random" in state.modules)
    by_others = not _DRAWS.isdisjoint(state.names)
    if (in_numpy or by_others) and "numpy.random" in sys.modules:
        yield "numpy.random"
    if "torch" in roots and "torch" in sys.modules:
        yield "torch"


def _is_seeded() -> bool:
    """Whether a module of the project seeds anything."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and releases.is_projects(name):
            try:
                changed = os.stat(file).st_mtime_ns  # noqa: PTH116  pathlib is slow
            except OSError:
                continue
            if _seeds(file, changed):
                return True
    return False


@lru_cache(maxsize=4096)
def _seeds(file: str, _modified_ns: int) -> bool:
    return _SEEDS.search(Path(file).read_bytes()) is not None


def _of_python(module: Any) -> Any:
    return module.getstate()


def _of_torch(module: Any) -> Any:
    return module.get_rng_state().tolist()


def _of_numpy(module: Any) -> Any:
    kind, keys, *rest = module.get_state()
    return kind, keys.tolist(), rest


_STATES = {
    "random": _of_python,
    "numpy.random": _of_numpy,
    "torch": _of_torch,
}
