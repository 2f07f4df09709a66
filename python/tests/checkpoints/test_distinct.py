"""`distinct=True` calls once for equal arguments; `verify=n` looks at kept results again."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Iterator  # noqa: TC003  the annotations are read
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import SettingsError, UdfError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Calls


TEXTS = ["b", "a", "b", None, "a", "c", None, "b"]
EACH = ["None", "a", "b", "c"]


def texts(**settings: Any) -> dc.DataChain:
    return dc.read_values(t=TEXTS).settings(distinct=True, **settings)


@pytest.mark.parametrize(
    "settings",
    [{}, {"parallel": 2}, {"batch_rows": 1}, {"batch_size": 1}, {"batch_size": 2, "parallel": 2}],
    ids=str,
)
def test_equal_rows_are_one_call(calls: Calls, settings: dict[str, Any]) -> None:
    def drawn(t: str | None) -> float:
        calls.note(t)
        return random.SystemRandom().random()

    made = texts(**settings).map(y=drawn).to_list("t", "y")
    assert [t for t, _ in made] == TEXTS
    assert len(set(made)) == 4
    assert calls.new() == EACH
    assert texts().map(y=drawn).to_list("t", "y") == made
    more = dc.read_values(t=[*TEXTS, "d", "d"]).settings(distinct=True).map(y=drawn)
    assert more.to_list("t", "y")[:-2] == made
    assert calls.new() == ["d"]


def test_many_results(calls: Calls) -> None:
    def letters(t: str | None) -> Iterator[str]:
        calls.note(t)
        yield from (t or "") * 3

    assert texts().gen(y=letters).to_values("y") == list("bbbaaabbbaaacccbbb")
    assert calls.new() == EACH


def test_groups(calls: Calls) -> None:
    def joined(t: list[str]) -> Iterator[str]:
        calls.note("".join(t))
        yield "".join(t)

    rows = dc.read_values(k=[1, 1, 2, 3, 3], t=["a", "b", "a", "a", "b"])
    made = rows.settings(distinct=True).agg(y=joined, partition_by="k", keep="k")
    assert sorted(made.to_list("k", "y")) == [(1, "ab"), (2, "a"), (3, "ab")]
    assert calls.new() == ["a", "ab"]


def test_batches_have_no_repeats(calls: Calls) -> None:
    def marked(t: list[str | None]) -> list[str]:
        for text in t:
            calls.note(text)
        return [f"{text}!" for text in t]

    assert texts().map_batches(y=marked, output=str).to_values("y") == [f"{t}!" for t in TEXTS]
    assert calls.new() == EACH


def test_async_functions(calls: Calls) -> None:
    async def asked(t: str | None) -> str:
        await asyncio.sleep(0)
        calls.note(t)
        return f"{t}!"

    assert texts().map(y=asked).to_values("y") == [f"{t}!" for t in TEXTS]
    assert calls.new() == EACH


def test_rows_that_fail_do_so_once(calls: Calls) -> None:
    def fails(t: str | None) -> str:
        calls.note(t)
        if t == "b":
            raise ValueError("b")
        return f"{t}!"

    for mode, wanted in [
        ("null", [None if t == "b" else f"{t}!" for t in TEXTS]),
        ("skip", [f"{t}!" for t in TEXTS if t != "b"]),
    ]:
        made = texts(on_error=mode).map(y=fails).to_values("y")
        assert made == wanted
    assert calls.new() == [*EACH[:3], "b", "c"]
    with pytest.raises(ValueError, match="b"):
        texts().map(y=fails).save("none")


def test_large_results_in_any_order(calls: Calls) -> None:
    # more than a unit holds in memory
    def padded(n: int) -> bytes:
        calls.note(n)
        return bytes([n]) * (1 << 20)

    numbers = [at % 90 for at in range(180)]
    random.Random(1).shuffle(numbers)  # noqa: S311
    made = dc.read_values(n=numbers).settings(distinct=True).map(y=padded)
    for n, y in made.to_iter("n", "y"):
        assert (y[0], len(y)) == (n, 1 << 20)
    assert len(calls.new()) == 90


def test_it_needs_kept_results() -> None:
    with pytest.raises(SettingsError, match="`distinct` needs kept results"):
        texts(ephemeral=True).map(y=lambda t: t, output=str)
    with pytest.raises(SettingsError, match="`distinct` takes `True` or `False`, not `1`"):
        dc.read_values(x=[1]).settings(distinct=1)


# Kept results are looked at


@pytest.fixture
def numbers() -> dc.DataChain:
    return dc.read_values(x=list(range(100)))


def test_kept_results_that_hold(calls: Calls, numbers: dc.DataChain) -> None:
    def square(x: int) -> int:
        calls.note(x)
        return x * x

    squares = [x * x for x in range(100)]
    made = numbers.settings(verify=3).map(y=square)
    assert made.to_values("y") == squares
    assert len(calls.new()) == 100
    assert made.to_values("y") == squares
    assert len(calls.new()) == 3
    # another chance each time: all rows are looked at some day
    seen: set[str] = set()
    for _ in range(200):
        made.to_values("y")
        seen.update(calls.new())
        if len(seen) > 30:
            break
    assert len(seen) > 30


def test_kept_results_that_do_not_hold(tmp_path: Path, numbers: dc.DataChain) -> None:
    given = tmp_path / "TOKEN"
    given.write_text("1")

    def times(x: int) -> int:
        # what nobody can see it read
        return x * os.stat(given).st_size  # noqa: PTH116

    made = numbers.filter(C("x") < 5).settings(version="1", verify=2)
    made.map(y=times).save("times")
    given.write_text("22")
    changed = made.filter(C("x") > 0)
    with pytest.raises(UdfError) as refused:
        changed.map(y=times).save("times")
    assert isinstance(refused.value, ValueError)
    assert refused.value.code == "udf.kept_differs"
    wanted = (
        r"`verify`: what is kept of function `times` is not what it gives: for \((\d)\) "
        r"\{y: \1\} is kept, and now it gives \{y: (\d)\}; hint: settings\(version=\.\.\.\) .*"
    )
    told = re.fullmatch(wanted, str(refused.value))
    assert told is not None, str(refused.value)
    assert int(told[2]) == 2 * int(told[1])
    assert dc.read_dataset("times").to_values("y") == [0, 1, 2, 3, 4]
    again = changed.settings(version="2").map(y=times)
    assert again.to_values("y") == [2, 4, 6, 8]


def test_results_of_equal_rows_are_looked_at_once(calls: Calls) -> None:
    def square(x: int) -> int:
        calls.note(x)
        return x * x

    rows = dc.read_values(x=[1, 2, 3, 4] * 50).settings(distinct=True, verify=3)
    for count in (4, 3):
        rows.map(y=square).to_values("y")
        assert len(set(calls.new())) == count


def test_what_is_looked_at_tells_no_digests(tmp_path: Path) -> None:
    given = tmp_path / "files" / "a.txt"
    given.parent.mkdir()
    given.write_text("a")
    (tmp_path / "TOKEN").touch()

    def size(file: dc.File) -> int:
        return os.stat(tmp_path / "TOKEN").st_size if file else 0  # noqa: PTH116

    files = dc.read_storage(given.parent).settings(version="1", by_content=True, verify=1)
    assert files.map(y=size).to_values("y") == [0]
    (tmp_path / "TOKEN").write_text("22")
    with pytest.raises(UdfError, match=r"a\.txt[^)]*\) \{y: 0\} is kept, .* \{y: 2\};") as refused:
        files.map(y=size).to_values("y")
    assert not re.search(r"[0-9a-f]{64}", str(refused.value))


def test_looking_at_groups_and_many_results(numbers: dc.DataChain) -> None:
    def split(x: int) -> Iterator[int]:
        yield from range(x % 4)

    def total(x: list[int]) -> Iterator[int]:
        yield sum(x)

    def run() -> tuple[list[int], list[int]]:
        some = numbers.mutate(k=C("x") % 5).settings(verify=7)
        return (
            some.gen(y=split).to_values("y"),
            sorted(some.agg(y=total, partition_by="k").to_values("y")),
        )

    assert run() == run()
