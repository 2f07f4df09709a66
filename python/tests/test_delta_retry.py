"""`delta_retry`: what failed is computed again, and nothing else."""

from __future__ import annotations

import os
from typing import Any

import pytest

import lakebed as dc


def saved(name: str, **columns: list[Any]) -> dc.DataChain:
    return dc.read_values(**columns).save(name)


def test_what_failed_is_computed_again_though_nothing_else_changed():
    saved("src", id=[1, 2, 3])
    broken, calls = {2, 3}, []

    def check(id: int) -> str | None:
        calls.append(id)
        return "no answer" if id in broken else None

    def update() -> dc.DataChain:
        calls.clear()
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_retry="error")
        return chain.map(error=check).save("checked")

    assert update().version == "1.0.0"
    broken.remove(2)
    made = update()
    assert dict(made.to_list("id", "error")) == {1: None, 2: None, 3: "no answer"}
    assert (made.version, sorted(calls)) == ("1.0.1", [2, 3])
    broken.clear()
    update()
    assert calls == [3]
    # nothing failed: nothing to do
    assert (update().version, calls) == ("1.0.2", [])


def test_a_retry_that_did_not_end_goes_on(monkeypatch):
    saved("src", id=list(range(10)))
    calls = []
    monkeypatch.setenv("TOKEN_BROKEN", "0")

    def check(id: int) -> str | None:
        if str(id) == os.environ.get("TOKEN_END"):
            raise RuntimeError(id)
        calls.append(id)
        return "no answer" if str(id) == os.environ["TOKEN_BROKEN"] else None

    def update() -> dict[int, str | None]:
        calls.clear()
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_retry="error")
        made = chain.settings(batch_size=1, batch_rows=1).map(error=check).save("checked")
        return dict(made.to_list("id", "error"))

    saved("src", id=[0, 1])
    assert update() == {0: "no answer", 1: None}
    monkeypatch.setenv("TOKEN_BROKEN", "")
    monkeypatch.setenv("TOKEN_END", "8")
    saved("src", id=list(range(10)))
    with pytest.raises(RuntimeError):
        update()
    assert calls == [0, *range(2, 8)]
    monkeypatch.delenv("TOKEN_END")
    assert update() == dict.fromkeys(range(10))
    assert calls == [8, 9]


def test_rows_that_failed_again_are_tried_once_more(monkeypatch, tmp_path):
    (tmp_path / "files").mkdir()
    for name in "123":
        (tmp_path / "files" / name).write_text(name)
    calls: list[str] = []

    def check(file: dc.File) -> str:
        calls.append(file.path)
        if file.path in os.environ["TOKEN_BROKEN"]:
            raise ValueError(file.path)
        return f"{file.path}!"

    def update() -> list[str]:
        calls.clear()
        chain = dc.read_storage(tmp_path / "files", update=True, delta=True, delta_retry=True)
        made = chain.settings(on_error="skip").map(made=check).save("made")
        return sorted(made.to_values("made"))

    monkeypatch.setenv("TOKEN_BROKEN", "2")
    assert update() == ["1!", "3!"]
    # no new version, and the next time it is the same one that is updated
    assert (update(), calls) == (["1!", "3!"], ["2"])
    monkeypatch.setenv("TOKEN_BROKEN", "")
    assert (update(), calls) == (["1!", "2!", "3!"], ["2"])
    assert (update(), calls) == (["1!", "2!", "3!"], [])


def test_only_what_failed_is_computed_again_where_all_rows_are(monkeypatch):
    saved("src", id=[1, 2, 3, 4])
    calls = []

    def check(id: int) -> str | None:
        calls.append(id)
        return "no answer" if str(id) in os.environ["TOKEN_BROKEN"] else None

    def update(tags: str, retry: str | None = "error") -> dict[int, str | None]:
        calls.clear()
        chain = dc.read_dataset("src", delta=True, delta_on="id", delta_retry=retry)
        other = dc.read_values(id=[1, 2, 3, 4], tag=list(tags))
        made = chain.map(error=check).merge(other, on="id").save("checked")
        assert "".join(made.order_by("id").to_values("tag")) == tags
        return dict(made.to_list("id", "error"))

    monkeypatch.setenv("TOKEN_BROKEN", "2 3")
    failed = {1: None, 2: "no answer", 3: "no answer", 4: None}
    assert (update("abcd"), sorted(calls)) == (failed, [1, 2, 3, 4])
    # rows without versions are others: all are computed, from what is kept
    assert (update("efgh"), sorted(calls)) == (failed, [2, 3])
    monkeypatch.setenv("TOKEN_BROKEN", "3")
    assert (update("ijkl"), sorted(calls)) == (failed | {2: None}, [2, 3])
    # nobody asks for it
    assert (update("mnop", retry=None), calls) == (failed | {2: None}, [])
    monkeypatch.setenv("TOKEN_BROKEN", "")
    assert (update("qrst"), calls) == (dict.fromkeys(failed), [3])
    assert (update("uvwx"), calls) == (dict.fromkeys(failed), [])
