"""What tells of files that packages read: there while functions run, like what it stands for."""

from __future__ import annotations

import gc
import inspect
import os
import pickle
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv, memory_map

import lakebed as dc
from lakebed._fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

READERS = {
    "class": lambda: pa.OSFile,
    "compiled function": lambda: csv.read_csv,
    "function": lambda: pq.read_table,
}


def observed(ask: Callable[[], Any], *ignored: str) -> Any:
    """What this gives in a function whose reads count."""
    told: list[Any] = []

    def asked(x: int) -> int:
        told.append((ask(), type(pa.OSFile) is not type))
        return x

    dc.read_values(x=[1]).settings(ignore=["told", *ignored]).map(y=asked).to_values("y")
    [(given, is_observed)] = told
    assert is_observed
    return given


@pytest.mark.parametrize("reader", READERS)
def test_it_is_like_what_it_stands_for(reader: str) -> None:
    get = READERS[reader]

    def told() -> tuple[Any, ...]:
        found = get()
        try:
            signature = str(inspect.signature(found))
        except ValueError as error:
            signature = str(error)
        names = (found.__module__, found.__qualname__, found.__doc__, repr(found))
        return signature, names, pickle.dumps(found) is not None

    assert observed(told) == told()


@pytest.mark.parametrize("reader", READERS)
def test_it_is_pickled_by_name(reader: str) -> None:
    get = READERS[reader]
    assert pickle.loads(observed(lambda: pickle.dumps(get()))) is get()  # noqa: S301


def test_files_that_were_open_before_are_of_its_class(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    with pa.OSFile(path, "wb") as before:

        def told() -> list[bool]:
            with pa.OSFile(path) as now:
                kinds = [isinstance(file, pa.OSFile) for file in (before, now, path)]
                return [*kinds, issubclass(type(before), pa.OSFile), type(now) == pa.OSFile]  # noqa: E721

        assert observed(told, "before") == [True, True, False, True, True]


def test_it_can_be_a_base() -> None:
    def told() -> bool:
        class Mine(pa.OSFile):
            pass

        return issubclass(Mine, pa.NativeFile)

    assert observed(told)


def test_nothing_is_left_where_no_function_runs() -> None:
    def now() -> list[Any]:
        code = pq.read_table.__code__
        kind = os._Environ
        return [
            *(pa.OSFile, memory_map, code, vars(pq.read_table).get("__wrapped__")),
            *(kind.__getitem__, vars(kind)["__iter__"], threading.Thread.start),
        ]

    before = now()
    during = observed(now)
    assert [a is b for a, b in zip(before, now(), strict=True)] == [True] * len(before)
    assert during[0] is not before[0]
    assert during[2] is not before[2]
    assert during[4] is not before[4]


def test_nor_in_modules_that_a_function_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reading_it.py").write_text("from pyarrow import memory_map as mapped\n")
    monkeypatch.syspath_prepend(tmp_path)

    monkeypatch.setattr(dc, "_started", time.time())

    def told() -> bool:
        import reading_it

        return reading_it.mapped is pa.memory_map

    assert observed(told)
    import reading_it

    assert reading_it.mapped is pa.memory_map is memory_map


def test_functions_are_what_they_are_while_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reads_much.py").write_text(READING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(dc, "_started", time.time())
    import reads_much

    functions = [
        *(reads_much.by_name, reads_much.by_module, reads_much.lazily, reads_much.opened),
        *(reads_much.environment, reads_much.begun),
    ]
    kept = [fingerprint(function) for function in functions]
    assert observed(lambda: [fingerprint(f) for f in functions], "functions") == kept


READING = """
import os, sqlite3, threading
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import memory_map
from sqlite3 import connect

def by_name(x):
    return memory_map(x), connect(x)

def by_module(x):
    return pa.OSFile(x), sqlite3.connect(x)

def lazily(x):
    import reads_much
    return reads_much.memory_map(x), reads_much.connect(x)

def opened(x):
    return pq.read_table(x), pq.ParquetFile(x)

def environment(x):
    return os.environ[x], {**os.environ}

def begun(x):
    threading.Thread(target=x).start()
"""


def test_nor_after_a_failure() -> None:
    def fails(x: int) -> int:
        raise ValueError(x)

    before = pa.OSFile, os._Environ.__getitem__
    with pytest.raises(ValueError, match="1"):
        dc.read_values(x=[1, 2]).map(y=fails).to_values("y")
    # who listened is gone, and the next one that looks finds that out
    Path(os.devnull).read_bytes()
    assert (pa.OSFile, os._Environ.__getitem__) == before
    assert type(pa.OSFile) is type


def test_nor_when_rows_are_left() -> None:
    before = os._Environ.__getitem__
    rows = dc.read_values(x=list(range(100))).map(y=lambda x: x, output=int).to_iter("y")
    next(rows)
    rows.close()
    dc.read_values(x=[1]).map(y=lambda x: x, output=int).to_values("y")
    until = time.monotonic() + 50
    while os._Environ.__getitem__ is not before and time.monotonic() < until:
        # what was let go goes with the garbage, and is noticed when something is opened
        gc.collect()
        Path(os.devnull).read_bytes()
    assert os._Environ.__getitem__ is before
