"""Sessions and the run that their jobs belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lakebed as dc

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def job(session: dc.Session) -> dict[str, Any]:
    found: dict[str, Any] = session._native.job(session._job_id())
    return found


def test_the_jobs_of_sessions_belong_to_one_run(tmp_path: Path) -> None:
    one, two = dc.Session(root=str(tmp_path / "one")), dc.Session(root=str(tmp_path / "two"))
    assert job(one)["name"] == job(two)["name"]
    assert one._job_id() == one._job_id()


def test_a_new_run_has_new_jobs_and_ends_the_old_ones(tmp_path: Path) -> None:
    session = dc.Session(root=str(tmp_path))
    old = session._job_id()
    dc.Session._CURRENT_JOB = None
    assert session._job_id() != old
    assert session._native.job(old)["status"] == "complete"
    assert job(session)["status"] == "running"


def test_cleanup_for_tests_ends_what_is_open(root: Path) -> None:
    dc.read_values(x=[1]).persist()
    shared = dc.Session.get()
    dc.Session.cleanup_for_tests()
    assert shared._native.versions(include_removed=False) == []
    assert dc.Session.get() is not shared
    assert dc.Session.get().root == str(root)


def test_a_root_in_memory_is_a_root_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.txt"
    config.write_text("2")
    monkeypatch.chdir(tmp_path)

    def times(n: int) -> int:
        return n * int(config.read_text())

    with dc.Session(root="memory://"):
        chain = dc.read_values(n=[1, 2, 3]).map(m=times)
        assert chain.save("numbers").to_values("m") == [2, 4, 6]
        assert dc.sql("SELECT sum(m) AS m FROM numbers").to_values("m") == [12]
        config.write_text("30")
        assert chain.settings(parallel=2).save("numbers").to_values("m") == [30, 60, 90]
        assert dc.read_dataset("numbers", version="1.0.0").to_values("m") == [2, 4, 6]
    assert [path.name for path in tmp_path.iterdir()] == ["config.txt"]
