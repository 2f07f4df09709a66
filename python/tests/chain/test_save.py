"""Versions, numbers and records that `save` makes."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakebed as dc
from lakebed.exceptions import (
    DatasetNotFoundError,
    InvalidDatasetNameError,
    NotSupportedError,
)


@pytest.mark.usefixtures("afresh")
def test_versions_grow(chain: dc.DataChain) -> None:
    first = chain.save("pets", description="animals", attrs=["stage=test"])
    assert (first.name, first.version) == ("pets", "1.0.0")
    assert chain.save("pets").version == "1.0.1"
    assert chain.limit(1).save("pets", update_version="minor").version == "1.1.0"
    assert chain.save("pets", version="3.0.0").version == "3.0.0"
    assert chain.save("pets", version=4).version == "4.0.0"
    assert dc.read_dataset("pets", version="1.1.0").count() == 1
    assert dc.read_dataset("pets@1.1.0").count() == 1
    assert dc.read_dataset("pets", version=1).count() == 1
    assert dc.read_dataset("pets").to_list() == chain.to_list()
    assert first.filter(dc.C("size") > 3).name is None


def test_the_record_of_a_version(chain: dc.DataChain) -> None:
    chain.save("pets", description="animals", attrs=["stage=test", "raw"])
    dc.read_dataset("pets").limit(2).save("few")
    rows = {row["name"]: row for row in dc.datasets().to_records()}
    assert rows["pets"]["description"] == "animals"
    assert rows["pets"]["num_objects"] == 4
    assert rows["few"]["dependencies"] == ["local.local.pets@1.0.0"]
    assert dc.datasets(attrs=["stage=*"]).to_values("name") == ["pets"]
    assert dc.datasets(attrs=["stage=prod"]).empty
    [(info,)] = dc.datasets(column="info", attrs=["raw"]).to_list()
    assert (info.name, info.version, info.status) == ("pets", "1.0.0", "complete")
    job = dc.Session.get()._native.job(dc.Session.get()._job_id())
    assert json.loads(job["environment"])["packages"]["pytest"] == pytest.__version__


@pytest.mark.usefixtures("afresh")
def test_removed_numbers_are_not_used_again(chain: dc.DataChain) -> None:
    chain.save("pets")
    chain.save("pets")
    dc.delete_dataset("pets")
    assert dc.datasets().to_values("version") == ["1.0.0"]
    assert chain.save("pets").version == "1.0.2"
    dc.delete_dataset("pets", force=True)
    assert dc.datasets().empty
    with pytest.raises(DatasetNotFoundError):
        dc.read_dataset("pets")


def test_persist_lasts_as_long_as_the_session(chain: dc.DataChain, root) -> None:
    calls: list[str] = []

    def seen(name: str) -> int:
        calls.append(name)
        return 1

    with dc.Session("one", root=str(root)) as session:
        kept = dc.read_values(name=["a"]).map(y=seen).persist()
        assert kept.count() == kept.count() == 1
        assert kept.to_values("y") == [1]
        assert calls == ["a"]
        assert session.root == str(root)
        assert len(session._native.versions(include_removed=False)) == 1
        assert dc.datasets().empty
    assert chain.session._native.versions(include_removed=False) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"update_version": "huge"},
        {"listing": True},
        {"attrs": "a"},
        {"version": True},
        {"version": 1.0},
        {"version": -1},
    ],
)
def test_refuses_options(chain: dc.DataChain, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        chain.save("pets", **wrong)
    assert dc.datasets().empty


@pytest.mark.parametrize("name", ["system.lab.pets", "system.session_x.pets"])
def test_the_namespace_system_is_reserved(chain: dc.DataChain, name: str) -> None:
    with pytest.raises(InvalidDatasetNameError) as caught:
        chain.save(name)
    assert f"`{name}`: the namespace `system` is reserved" in str(caught.value)
    with pytest.raises(InvalidDatasetNameError):
        chain.settings(namespace="system").save("pets")


def test_a_name_like_that_of_a_session_is_the_users(chain: dc.DataChain) -> None:
    chain.save("session_pets")
    assert dc.datasets().to_values("name") == ["session_pets"]
    assert dc.gc(ttl=0).freed == 0
    assert dc.read_dataset("session_pets").count() == 4


def test_a_failed_job_says_why(root) -> None:
    session = dc.Session("one", root=str(root))
    dc.read_values(x=[1], session=session).save("pets")
    native, job = session._native, session._job_id()
    assert native.job(job)["status"] == "running"
    session.close(ZeroDivisionError())
    assert native.job(job)["status"] == "failed"
    assert "ZeroDivisionError" in native.job(job)["error"]


def test_types_that_cannot_be_stored() -> None:
    pa = pytest.importorskip("pyarrow")
    spans = pa.array([(1, 2, 3)], pa.month_day_nano_interval())
    chain = dc.read_arrow(pa.table({"x": [1], "spans": spans}))
    with pytest.raises(NotSupportedError) as caught:
        chain.save("odd")
    assert "saving column `spans` of type timedelta is not supported" in str(caught.value)
    assert dc.datasets().empty


def test_numbers_of_any_size_come_back(tmp_path: Path) -> None:
    """A file is written for small numbers when it begins with them; others may follow."""
    edges = [None, -1, 1 << 32, (1 << 63) - 1, -(1 << 63), 0]
    numbers = [*([1, 2, 3] * 20_000), *edges]
    table = pa.table(
        {
            "n": pa.array(numbers, pa.int64()),
            "u": pa.array([abs(n) if n else n for n in numbers], pa.uint64()),
            "m": pa.array([None if n is None else {"n": n} for n in numbers]),
        }
    )
    pq.write_table(table, tmp_path / "numbers.parquet", row_group_size=8192)
    saved = dc.read_parquet(tmp_path / "numbers.parquet", source=False).save("numbers")
    assert saved.to_arrow().select(["n", "u", "m"]).to_pydict() == table.to_pydict()
    few = saved.filter((dc.C("n") >= 3) & (dc.C("m.n") < 1 << 33)).to_values("n")
    assert few == [3] * 20_000 + [1 << 32]
