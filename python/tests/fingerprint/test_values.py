"""Values: different ones differ, equal ones do not, and what is derived does not count."""

from __future__ import annotations

import collections
import copyreg
import datetime as dt
import decimal
import random
import re
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import lakebed as dc
from lakebed._fingerprint import NoFingerprint, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES: list[Any] = [
    *(None, ..., True, False, 0, 1, -1, 10**5000, 0.0, -0.0, 1.0, float("nan"), float("inf"), 1j),
    *("", "1", "\ud800", b"", b"1", bytearray(b"1"), range(1), range(2), slice(1), slice(1.0)),
    *((), (1,), ((1,),), [], [1], [[1]], {}, {1: 2}, {"1": 2}, {1, 2}, {"1", "2"}, frozenset({1})),
    *(("a", "bc"), ("ab", "c"), [1, [2]], [1, 2], [[1], 2]),
    *(
        dt.date(2020, 1, 1),
        dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    ),
    *(dt.timedelta(1), dt.time(1), decimal.Decimal(1), decimal.Decimal("1.0"), uuid.UUID(int=1)),
    *(Path("a"), Path("b"), re.compile("a"), re.compile(b"a"), re.compile("a", re.IGNORECASE)),
    *(
        collections.OrderedDict(a=1, b=2),
        collections.OrderedDict(b=2, a=1),
        collections.Counter("a"),
    ),
    *(collections.deque([1]), collections.deque([1], 2), collections.defaultdict(list)),
    *(np.int32(1), np.int64(1), np.float32(1), np.array([1]), np.array([1.0]), np.array([[1]])),
    *(np.array(["a"]), np.array(["a"], object), np.array(["b"], object), np.dtype("f4")),
    *(pd.Series([1]), pd.Series([2]), pd.DataFrame({"a": [1]}), pd.Timestamp(0)),
    *(
        int,
        str,
        list[int],
        list[str],
        int | None,
        len,
        abs,
        str.upper,
        "a".upper,
        "b".upper,
        np.sin,
    ),
    random.random,
    random.randint,
    np.random.rand,
    *(dc.File, dc.File(path="a"), dc.File(path="b"), re, sys),
]


def test_different_values_differ() -> None:
    found = [fingerprint(value) for value in VALUES]
    for index, one in enumerate(found):
        assert one not in found[:index], VALUES[index]


def test_equal_values_are_equal() -> None:
    assert fingerprint(np.arange(6)) == fingerprint(np.arange(12)[::2] // 2)
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"a": 1, "b": [1 + 1]})
    assert fingerprint([(1, 2), (1, 2)]) == fingerprint([(pair := (1, 2)), pair])


def test_values_that_hold_themselves(made: Callable[..., Any]) -> None:
    knot: list[Any] = [1]
    knot.append(knot)
    other: list[Any] = [2]
    other.append(other)
    assert fingerprint(knot) != fingerprint(other)
    tied = made("class A: pass\nf = A()\nf.me = f\nA.first = f")
    assert fingerprint(tied) == fingerprint(tied)


class Plugged(dc.AbstractUDF):
    """A model that is made late, from what was given early."""

    def __init__(self, name: str) -> None:
        self.name = name

    def setup(self) -> None:
        self.model = threading.Lock()
        self.label = self.name * 2

    def process(self, x: int) -> str:
        return f"{self.label}{x}"


class Stepwise(dc.AbstractUDF):
    """What `setup` replaces is used before."""

    def __init__(self, name: str) -> None:
        self.name = name

    def setup(self) -> None:
        self.label = self.twice()
        self.name = ""

    def twice(self) -> str:
        return self.name * 2


class Short:
    """Pickling leaves out what matters."""

    def __init__(self, kept: int, lost: int) -> None:
        self.kept, self.lost = kept, lost
        self.lock = threading.Lock()


class Reduced(Short):
    def __reduce__(self) -> Any:
        return Reduced, (self.kept, 0)


class Called:
    def __init__(self, kept: int, lost: int) -> None:
        self.kept, self.lost = kept, lost

    def __reduce_ex__(self, protocol: Any) -> Any:
        return "Called"


class Stated(Short):
    def __getstate__(self) -> Any:
        return {"kept": self.kept}


class Changed(Short):
    def __getstate__(self) -> Any:
        return vars(self) | {"lost": None, "lock": None}


class Slotted:
    __slots__ = ("kept", "lock", "lost")

    def __init__(self, kept: int, lost: int) -> None:
        self.kept, self.lost = kept, lost
        self.lock = threading.Lock()

    def __getstate__(self) -> Any:
        return {"kept": self.kept}


class Registered(Short):
    pass


class Image(np.ndarray):
    """What a package pickles without the attributes of its subclasses."""

    lost: int


def image(kept: int, lost: int) -> Image:
    made = np.full(2, kept).view(Image)
    made.lost = lost
    return made


@pytest.mark.parametrize("make", [Reduced, Called, Stated, Changed, Slotted, Registered, image])
def test_what_pickling_leaves_out_counts(
    make: Callable[[int, int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(copyreg.dispatch_table, Registered, lambda v: (Registered, (v.kept, 0)))
    assert fingerprint(make(1, 2)) == fingerprint(make(1, 2))
    assert fingerprint(make(1, 2)) != fingerprint(make(1, 3))
    assert fingerprint(make(1, 2)) != fingerprint(make(2, 2))


def test_what_pickling_leaves_out_may_lead_back() -> None:
    class Node(Stated):
        def __init__(self, kept: int, lost: int, parent: Any = None) -> None:
            super().__init__(kept, lost)
            self.parent = parent or self
            self.children = [] if parent else [Node(kept, lost + 1, self)]

    assert fingerprint(Node(1, 2)) == fingerprint(Node(1, 2))
    assert fingerprint(Node(1, 2)) != fingerprint(Node(1, 3))


def test_what_pickling_hides_is_not_known() -> None:
    class Hidden(dict[str, int]):
        def __reduce__(self) -> Any:
            return Hidden, ()

    with pytest.raises(NoFingerprint, match="Hidden`, which cannot be compared between runs"):
        fingerprint(Hidden(a=1))


def test_setup_that_ran_is_no_change() -> None:
    udf = Plugged("a")
    before = fingerprint(udf.process)
    udf.setup()
    assert fingerprint(udf.process) == before
    assert fingerprint(Plugged("b").process) != before


def test_what_setup_reads_counts() -> None:
    assert fingerprint(Stepwise("a")) != fingerprint(Stepwise("b"))


def test_a_cached_property_that_was_read_is_no_change(made: Callable[..., Any]) -> None:
    source = (
        "import functools\nclass A:\n  @functools.cached_property\n  def k(self): return 1\nf = A()"
    )
    read, unread = made(source), made(source)
    assert read.k == 1
    assert fingerprint(read) == fingerprint(unread)


def test_function_of_a_module_is_not_its_state() -> None:
    before = fingerprint(random.random)
    random.seed()
    assert fingerprint(random.random) == before
