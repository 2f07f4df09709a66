"""Calling the functions of a chain on other processes and machines.

`chain.stages()` gives the functions of a chain one after the other, each with the rows whose
results nobody has, cut into units. A unit is data: whoever sees the root can `run_unit` it, in
any order, twice if need be. When all are done, `chain.save(...)` finds every result.

    with ProcessPoolExecutor() as pool:
        for stage in chain.stages(unit_rows=1000):
            for receipt in pool.map(dc.run_unit, stage.units):
                print(stage.name, receipt)
    chain.save("pets")

Any scheduler will do that ends before the next stage is asked for, or `lakebed run-unit` in the
jobs of a cluster. A unit that nobody ran is computed by `save`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lakebed import _native
from lakebed._progress import progress
from lakebed.exceptions import DataChainParamsError, NotSupportedError, UdfError
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Receipt", "Stage", "Unit", "run_unit"]


@dataclass(frozen=True)
class Unit:
    """Rows that a function is to be called for, as data: it can be pickled, sent and stored.

    Attributes:
        root: Where the rows are read from and the results are kept.
        stage: What is called, as text.
        number: Which unit of its stage it is, from 0.
        rows: How many rows it has.
    """

    root: str
    stage: str
    number: int
    rows: int

    def to_json(self) -> str:
        """The unit as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Unit:
        """The unit that a text is.

        Raises:
            DataChainParamsError: A text that `to_json` did not write.
        """
        try:
            unit = cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            msg = f"no unit of a stage: {error}; `Unit.to_json()` makes such texts"
            raise DataChainParamsError(msg) from None
        for field, kind in (("root", str), ("stage", str), ("number", int), ("rows", int)):
            if not isinstance(getattr(unit, field), kind):
                msg = f"no unit of a stage: its {field} is `{getattr(unit, field)!r}`"
                raise DataChainParamsError(msg)
        return unit


@dataclass(frozen=True)
class Stage:
    """A function of a chain, and the rows that it still has to be called for.

    Attributes:
        name: What the function is called.
        units: These rows in units; none where all results are kept.
    """

    name: str
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Receipt:
    """What became of a unit.

    Attributes:
        number: Which unit of its stage it is.
        rows: Its rows, which all have durable results now.
        kept: Those that somebody had computed before.
        failed: Those that failed, where `on_error` lets them.
    """

    number: int
    rows: int
    kept: int
    failed: int


def run_unit(unit: Unit, *, parallel: int | None = None, session: Session | None = None) -> Receipt:
    """Call a function for the rows of a unit, and keep the results in the root.

    The function is unpickled from the root: run units only of roots that you trust. The modules
    of the project come with it; installed packages, files and variables of the environment have
    to be here.

    Args:
        unit: One of those of `chain.stages()`.
        parallel: Worker processes; by default the function is called in this one.
        session: With which the root is read; by default one over the root of the unit.

    Raises:
        CorruptDataError: What the unit was given is not in the root.
        UdfError: What the function raised, or its own exception.
    """
    session = session or _session(unit.root)
    try:
        with progress() as report:
            done = _native.run_unit(session._native, unit.stage, session._records, parallel, report)
    except Exception as error:
        if multiprocessing.parent_process() is not None and not _is_pickled(error):
            # a pool would tell of its own trouble with it
            raise UdfError(f"{type(error).__name__}: {error}", code="udf.failed") from None
        raise
    return Receipt(unit.number, *done)


def _is_pickled(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  our own
    except Exception:  # noqa: BLE001  every class refuses in its own way
        return False
    return True


def stages(native: _native.Chain, session: Session, unit_rows: int | None) -> Iterator[Stage]:
    """The stages of a chain; what the units of one were given goes when the next is asked for."""
    if unit_rows is not None and (type(unit_rows) is not int or unit_rows < 1):
        msg = f"unit_rows is a number of rows, at least 1, not `{unit_rows!r}`"
        raise DataChainParamsError(msg)
    if session.in_memory:
        msg = "units need a root that other processes see: this session is in memory"
        raise NotSupportedError(msg)
    return _stages(native, session, unit_rows)


def _stages(native: _native.Chain, session: Session, unit_rows: int | None) -> Iterator[Stage]:
    root, number = session.root, 0
    if "://" not in root:
        root = os.path.abspath(root)  # noqa: PTH100  pathlib is slow
    while True:
        with progress() as report:
            cut = _native.stage(native, number, unit_rows, report)
        if cut is None:
            return
        name, whole, units = cut
        made = (Unit(root, text, at, rows) for at, (text, rows) in enumerate(units))
        yield Stage(name, tuple(made))
        # not where the loop is left: the units may be run when this process has ended
        _native.forget_stage(session._native, whole)
        number += 1


_sessions: dict[tuple[int, str], Session] = {}


def _session(root: str) -> Session:
    """The session of this process over a root; a forked child has its own."""
    here = os.getpid(), root
    if here not in _sessions:
        _sessions[here] = Session(root=root)
    return _sessions[here]
