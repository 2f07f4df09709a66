"""Sessions and the run that their jobs belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lakebed as dc

if TYPE_CHECKING:
    from pathlib import Path


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
