"""What a workload hands to the runner: `Task`, made from a `Case`.

A system's function prepares everything untimed and returns a `Task`; only `Task.run` is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """Where a system finds the data and may keep its own files."""

    data: Path
    """The generated files, see `datagen.py`; read only."""

    home: Path
    """This system's folder, shared by all workloads of a run; a peer's is kept for later runs."""

    scratch: Path
    """An empty folder of this one measurement."""

    @property
    def files(self) -> str:
        """Parquet: one row a file, with nested `file` and `info`."""
        return str(self.data / "files.parquet")

    @property
    def csv(self) -> str:
        """CSV: the same rows, with a column for each field."""
        return str(self.data / "files.csv")

    @property
    def jsonl(self) -> str:
        """JSON lines: the same rows, nested."""
        return str(self.data / "files.jsonl")

    @property
    def rows(self) -> str:
        """Parquet: fewer rows, with one nested `file` that has two numbers to multiply."""
        return str(self.data / "rows.parquet")

    @property
    def vectors(self) -> str:
        """Parquet: `id` and a fixed-size list `emb` of float32."""
        return str(self.data / "vectors.parquet")

    @property
    def points(self) -> str:
        """Parquet: `name` and a shorter `emb`, of more rows."""
        return str(self.data / "points.parquet")

    def once(self, name: str, make: Callable[[], object]) -> None:
        """Run `make` unless it has already completed in this home."""
        done = self.home / f"{name}.done"
        if not done.exists():
            make()
            done.touch()


@dataclass(frozen=True)
class Task:
    """One thing to time."""

    run: Callable[[], Any]
    """The timed call."""

    check: Callable[[Any], Any] = lambda result: result
    """From the result of `run` to a value in JSON that must be equal for all systems; not timed."""


def systems(*functions: Callable[[Case], Task]) -> dict[str, Callable[[Case], Task]]:
    """The systems that do a workload, by their names."""
    return {function.__name__: function for function in functions}


@dataclass(frozen=True)
class Measured:
    """The result of a `run` that times itself, because the runner's clock would see too much."""

    seconds: float
    detail: Any = None
    """Goes into the record; not compared."""
