"""Chains and expressions of thousands of steps: computed, or refused in words."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import DataChainColumnError, LakebedError

if TYPE_CHECKING:
    from collections.abc import Callable

    Verb = Callable[[dc.DataChain, int], dc.DataChain]

STEPS = 400

FILTERS = """
import lakebed as dc

chain = dc.read_values(x=list(range(4000)))
for n in range(3000):
    chain = chain.filter(dc.C("x") != n)
print(chain.count(), chain.order_by("x").limit(1).to_values("x"), "all" in chain.explain())
"""

FUNCTIONS = """
import lakebed as dc

chain = dc.read_values(x=list(range(5)))
for n in range(198):
    chain = chain.map(lambda x: x + 1, params="x", output={f"y{n}": int}).filter(dc.C(f"y{n}") > 1)
print(chain.to_values("x"))
"""

VERBS: dict[str, Verb] = {
    "filter": lambda chain, n: (
        chain.mutate(size=C("size")) if n % 2 else chain.filter(C("name") != "")
    ),
    "limit": lambda chain, n: chain.limit(STEPS + 4 - n),
    "offset": lambda chain, _: chain.offset(0),
    "mutate": lambda chain, _: chain.mutate(size=C("size") + 1),
    "add": lambda chain, n: chain.mutate(**{f"c{n % 20}": C("size") + n}),
    "select": lambda chain, n: chain.select(
        *(["name", "size", "tame"] if n % 2 else ["size", "name", "tame"])
    ),
    "order_by": lambda chain, n: chain.order_by("name" if n % 2 else "size"),
    "group_by": lambda chain, _: chain.group_by(size=func.max("size"), partition_by="name"),
}


def test_thousands_of_filters_are_one() -> None:
    began = time.monotonic()
    child = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FILTERS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (child.returncode, child.stdout) == (0, "1000 [3000] True\n"), child.stderr
    assert time.monotonic() - began < 30


def test_functions_and_filters_may_take_turns_for_long() -> None:
    child = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FUNCTIONS], capture_output=True, text=True, timeout=120, check=False
    )
    assert (child.returncode, child.stdout) == (0, "[1, 2, 3, 4]\n"), child.stderr


def test_filters_in_a_row_are_like_one() -> None:
    chain = dc.read_values(x=[1, 2, None, 3, 300])
    for n in range(250):
        chain = chain.filter(C("x") != 100 + n, C("x") < 500)
    assert chain.to_values("x") == [1, 2, 3]
    assert chain.explain().count("FilterExec") == 1


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_steps_have_a_limit(chain: dc.DataChain, verb: Verb) -> None:
    message = ""
    try:
        for n in range(STEPS + 1):
            chain = verb(chain, n)
    except LakebedError as error:
        message = str(error)
    assert message == (
        "a chain of more than 400 steps is not supported; `persist()` computes what there is "
        "and starts a new one"
    )
    assert chain.count() == 4
    assert len(chain.to_list()) == 4


NESTED: dict[str, Callable[[dc.Expr], dc.Expr]] = {
    "negated": lambda e: -e,
    "on the right": lambda e: 1 - e,
    "mixed": lambda e: -(2 * e + 1),
    "of floats": lambda e: 1.5 - e,
    "divided": lambda e: e / 3,
    "cast": lambda e: e.cast(str).cast(int),
    "chosen": lambda e: func.ifelse(C("tame"), e, 0),
    "called": lambda e: func.least(e, 9),
}


@pytest.mark.parametrize("step", NESTED.values(), ids=NESTED)
def test_expressions_as_deep_as_they_may_be_are_planned_soon(
    chain: dc.DataChain, step: Callable[[dc.Expr], dc.Expr]
) -> None:
    expr: dc.Expr = C("size")
    with suppress(DataChainColumnError):
        for _ in range(1000):
            expr = step(expr)
    chain = chain.mutate(size=expr).limit(0)
    began = time.monotonic()
    assert chain.to_list() == []
    assert time.monotonic() - began < 10


def test_nested_minus_signs(chain: dc.DataChain) -> None:
    expr: dc.Expr = C("size")
    for _ in range(390):
        expr = -expr
    assert chain.mutate(size=expr).to_values("size") == [3, 5, None, 4]
    assert chain.mutate(size=1 - (2 - (C("size") - 7) * 2)).to_values("size") == [-9, -5, None, -7]
