"""Whatever a chain does and wherever its runs end early: resumed, it gives the same rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator  # noqa: TC003  annotations are looked at
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakebed as dc
from lakebed import C

EXAMPLES = int(os.environ.get("LAKEBED_TEST_EXAMPLES", "25"))


class StopError(Exception):
    """Ends a run at a call that was chosen."""


def call() -> None:
    """Counts the calls of a run outside of the functions, for whom a counter would be state."""
    with Path(os.environ["TOKEN_CALLS"]).open("ab") as log:
        log.write(b".")
        if log.tell() == int(os.environ["STOP_AT"]):
            raise StopError


class Mapped:
    def __init__(self, by: int, repair: int) -> None:
        self.by = by
        self.repair = repair

    def __call__(self, x: int) -> int:
        call()
        return x * self.by - 3


class Generated(Mapped):
    def __call__(self, x: int) -> Iterator[int]:
        call()
        for i in range(x % (self.by + 1)):
            yield x + i


class Aggregated(Mapped):
    def __call__(self, x: list[int]) -> Iterator[int]:
        call()
        yield sum(x)
        yield len(x) * self.by


def applied(chain: dc.DataChain, step: tuple[str, int], repair: int) -> dc.DataChain:
    """One more step; the columns are always `x` and `g`, so that equal keys are equal rows."""
    kind, number = step
    if kind == "filter":
        return chain.filter(C("x") % (number + 1) != 0)
    if kind == "mutate":
        return chain.mutate(x=C("x") + number)
    if kind == "limit":
        return chain.limit(3 * number)
    if kind == "offset":
        return chain.offset(number)
    if kind == "order_by":
        return chain.order_by("x", "g", descending=number % 2 == 0)
    if kind == "map":
        made = chain.map(z=Mapped(number, repair), output=int)
    elif kind == "gen":
        made = chain.gen(z=Generated(number, repair), output={"z": int}, keep=["g"])
    else:
        groups = {"partition_by": "g", "output": {"z": int}, "keep": ["g"]}
        made = chain.agg(z=Aggregated(number, repair), **groups)
    return made.mutate(x=C("z")).select("x", "g")


def chain_of(
    rows: int, steps: list[tuple[str, int]], repair: int, *, saved: bool, unit: int = 4
) -> dc.DataChain:
    chain = dc.read_values(x=list(range(rows)), g=[x % 5 for x in range(rows)])
    if saved:
        chain = chain.save("source")
    for step in steps:
        chain = applied(chain.settings(batch_size=unit), step, repair)
    return chain


KINDS = ["filter", "mutate", "limit", "offset", "order_by", "map", "gen", "agg"]
STEPS = st.lists(
    st.tuples(st.sampled_from([*KINDS, "map", "gen"]), st.integers(1, 4)), min_size=1, max_size=5
)
# A run stops at a call, or its consumer takes some rows only.
ENDS = st.lists(
    st.tuples(
        st.sampled_from(["call", "call, then repaired", "call, afresh", "rows"]), st.integers(1, 40)
    ),
    max_size=4,
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("TOKEN_CALLS", str(tmp_path / "calls"))
    return monkeypatch


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.integers(1, 60), steps=STEPS, ends=ENDS, saved=st.booleans())
def test_resumed_is_uninterrupted(environment, rows, steps, ends, saved) -> None:
    def begin(stop_at: int) -> None:
        Path(os.environ["TOKEN_CALLS"]).write_bytes(b"")
        environment.setenv("STOP_AT", str(stop_at))

    with tempfile.TemporaryDirectory() as root, dc.Session(root=root):
        repair = 0
        begin(0)
        expected = chain_of(rows, [], 0, saved=saved).settings(ephemeral=True)
        for step in steps:
            expected = applied(expected, step, repair)
        expected = expected.to_list()
        for kind, number in ends:
            chain = chain_of(rows, steps, repair, saved=saved, unit=3 + number % 3)
            environment.setenv("LAKEBED_IGNORE_CHECKPOINTS", str(int(kind == "call, afresh")))
            if kind == "rows":
                begin(0)
                assert list(islice(chain.to_iter(), number)) == expected[:number]
                continue
            begin(number)
            try:
                assert chain.to_list() == expected
            except StopError:
                repair += kind == "call, then repaired"
        environment.delenv("LAKEBED_IGNORE_CHECKPOINTS", raising=False)
        begin(0)
        assert chain_of(rows, steps, repair, saved=saved).to_list() == expected
        assert chain_of(rows, steps, repair, saved=saved).to_list() == expected
