"""However a chain is edited, its rows are those of a fresh run, and no call is made twice."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator  # noqa: TC003  annotations are looked at
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakebed as dc
from lakebed import C

EXAMPLES = int(os.environ.get("LAKEBED_TEST_EXAMPLES", "25"))


class StopError(Exception):
    """Ends a run before a call that was chosen."""


class Called:
    """Notes its calls outside of itself, where a counter would be state."""

    def __init__(self, by: int) -> None:
        self.by = by

    def note(self, given: object) -> None:
        with Path(os.environ["TOKEN_CALLS"]).open("r+") as log:
            if len(log.readlines()) + 1 == int(os.environ["TOKEN_STOP_AT"]):
                raise StopError
            log.write(f"{type(self).__name__} {self.by} {given}\n")


class Mapped(Called):
    def __call__(self, x: int) -> int:
        self.note(x)
        return x * self.by - 3


class Generated(Called):
    def __call__(self, x: int) -> Iterator[int]:
        self.note(x)
        for i in range(x % (self.by + 1)):
            yield 100 * x + i


class Aggregated(Called):
    def __call__(self, x: list[int]) -> Iterator[int]:
        self.note(x)
        yield sum(x)
        yield len(x) * self.by


@dataclass(frozen=True)
class Script:
    """What the lines of a user's script say now."""

    rows: range = range(20)
    above: int = 0
    limit: int = 1000
    name: str = "z"
    upstream: bool = False
    by: int = 1
    on_error: str = "raise"

    def chain(self, steps: list[str]) -> dc.DataChain:
        chain = dc.read_values(x=list(self.rows), g=[x % 5 for x in self.rows])
        if self.upstream:
            chain = chain.mutate(more=C("x") + C("g"))
        chain = chain.filter(C("x") >= self.above).limit(self.limit)
        for step in steps:
            chain = chain.settings(batch_size=1, on_error=self.on_error)
            if step == "map":
                chain = chain.map(Mapped(self.by), params=["x"], output={self.name: int})
            elif step == "gen":
                chain = chain.gen(Generated(self.by), output={self.name: int}, keep=["g"])
            else:
                groups = {"partition_by": "g", "keep": ["g"]}
                chain = chain.agg(Aggregated(self.by), output={self.name: int}, **groups)
            chain = chain.mutate(x=C(self.name)).select("x", "g")
        return chain


def edited(script: Script, edit: tuple[str, int]) -> Script:
    what, number = edit
    changes = {
        "filter": {"above": number},
        "limit": {"limit": number + 1},
        "all": {"limit": 1000, "above": 0},
        "more": {"rows": range(script.rows.start, script.rows.stop + number)},
        "fewer": {"rows": range(script.rows.start + 1, script.rows.stop)},
        "rename": {"name": f"z{number}"},
        "upstream": {"upstream": not script.upstream},
        "code": {"by": number % 4 + 1},
        "errors": {"on_error": ["raise", "skip"][number % 2]},
    }
    return replace(script, **changes[what])


EDITS = st.lists(
    st.tuples(
        st.sampled_from(
            ["filter", "limit", "all", "more", "fewer", "rename", "upstream", "code", "errors"]
        ),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=6,
)
# How each of these runs: saved, shown, failing at a call, by units that others compute.
RUNS = st.lists(st.sampled_from(["save", "list", "fail", "units"]), min_size=6, max_size=6)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.sampled_from(["map", "gen", "agg"]), min_size=1, max_size=3),
    edits=st.tuples(EDITS, RUNS),
    at=st.integers(1, 30),
)
def test_edits_call_nothing_twice(environment, tmp_path, steps, edits, at) -> None:
    calls, aside = tmp_path / "calls", tmp_path / "aside"
    calls.write_text("")

    def noting(log: Path, stop_at: int) -> None:
        environment.setenv("TOKEN_CALLS", str(log))
        environment.setenv("TOKEN_STOP_AT", str(stop_at))

    with tempfile.TemporaryDirectory() as root, dc.Session(root=root):
        script, most = Script(), Counter[str]()
        for edit, run in zip([("all", 0), *edits[0]], ["save", *edits[1]], strict=False):
            script = edited(script, edit)
            chain = script.chain(steps)
            aside.write_text("")
            noting(aside, 0)
            expected = replace(script, on_error="raise").chain(steps)
            expected = expected.settings(ephemeral=True).to_list()
            most |= Counter(aside.read_text().splitlines())
            noting(calls, len(calls.read_text().splitlines()) + at if run == "fail" else 0)
            if script.on_error == "skip" and run == "fail":
                continue
            try:
                if run == "units":
                    for stage in chain.stages(unit_rows=3):
                        for unit in stage.units:
                            dc.run_unit(unit)
                if run == "save":
                    assert chain.save("out").to_list() == expected
                else:
                    assert chain.to_list() == expected
            except StopError:
                assert run == "fail"
        noting(calls, 0)
        assert script.chain(steps).save("out").to_list() == expected
    made = Counter(calls.read_text().splitlines())
    # rows that are equal are as many calls
    assert made - most == Counter()
