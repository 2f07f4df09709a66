"""`metrics` and `param()`: what a run measures and is told, kept with what it saves."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import (
    ArgumentTypeError,
    DataChainParamsError,
    JobNotFoundError,
    LakebedError,
)

if TYPE_CHECKING:
    from pathlib import Path


def info(name: str) -> dc.DatasetInfo:
    rows = dc.datasets(column="info").to_values("info")
    found: dc.DatasetInfo = next(row for row in rows if row.name == name)
    return found


@pytest.fixture
def argv(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words = ["train.py"]
    monkeypatch.setattr(sys, "argv", words)
    return words


def test_metrics_of_a_run_are_those_of_all_that_it_saves(chain: dc.DataChain) -> None:
    dc.metrics.set("loss", 2)
    chain.save("before")
    dc.metrics.set("loss", 0.25)
    dc.metrics.set("best", 1)
    dc.metrics.set("best", value=True)
    chain.limit(1).save("after")
    dc.metrics.set("note", 'say "hi"\n')
    dc.metrics.set("none", None)
    expected = {"loss": 0.25, "best": True, "note": 'say "hi"\n', "none": None}
    assert info("before").metrics == info("after").metrics == expected
    assert dc.metrics.get("loss") == 0.25


def test_a_new_run_has_no_metrics_yet(chain: dc.DataChain) -> None:
    dc.metrics.set("loss", 1)
    dc.Session.cleanup_for_tests()
    with pytest.raises(KeyError):
        dc.metrics.get("loss")
    chain.save("numbers")
    assert info("numbers").metrics == {}


def test_metrics_reach_each_session_of_the_run(chain: dc.DataChain, tmp_path: Path) -> None:
    chain.save("here")
    with dc.Session(root=str(tmp_path / "other")) as other:
        dc.read_values(x=[1], session=other).save("there")
        dc.metrics.set("loss", 1)
        assert info("there").metrics == {"loss": 1}
    assert info("here").metrics == {"loss": 1}


def test_metrics_that_json_has_no_way_to_write() -> None:
    np = pytest.importorskip("numpy")
    for name, value in {
        "nan": float("nan"),
        "inf": float("inf"),
        "huge": 2**70,
        "large": 2**64 - 1,
        "numpy": np.float32(0.5),
        "count": np.int64(3),
        "half": "\ud800",
    }.items():
        dc.metrics.set(name, value)
    assert dc.metrics.get("huge") == 2**70
    dc.read_values(x=[1]).save("numbers")
    assert info("numbers").metrics == {
        "nan": "nan",
        "inf": "inf",
        "huge": str(2**70),
        "large": 2**64 - 1,
        "numpy": 0.5,
        "count": 3,
        "half": "?",
    }


@pytest.mark.parametrize("key", [42, None, False, 3.14, [], {}])
def test_keys_are_text(key: Any) -> None:
    with pytest.raises(TypeError, match="Key must be a string"):
        dc.metrics.set(key, 12)


@pytest.mark.parametrize("value", [[], {}, object(), b"x"])
def test_values_are_plain(value: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="Value must be a string, int, float or bool"):
        dc.metrics.set("loss", value)


def test_what_is_wrong_with_a_key() -> None:
    with pytest.raises(ValueError, match="Key must not be empty"):
        dc.metrics.set("", 12)
    dc.metrics.set("loss", 1)
    with pytest.raises(LakebedError, match="hint: did you mean `loss`") as caught:
        dc.metrics.get("los")
    assert isinstance(caught.value, KeyError)


def test_a_worker_process_has_no_metrics(chain: dc.DataChain) -> None:
    def measure(size: int | None) -> int:
        dc.metrics.set("size", size)
        return 1

    assert chain.map(one=measure).to_values("one") == [1] * 4
    assert dc.metrics.get("size") == 4
    with pytest.raises(NotImplementedError, match="`size` was set in a worker process"):
        chain.settings(parallel=2, ephemeral=True).map(two=measure).to_values("two")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ('{"rate": "0.1"}', "0.1"),
        ('{"rate": 0.1}', 0.1),
        ('{"rate": null}', None),
        ('{"other": 1}', "default"),
        ("", "default"),
    ],
)
def test_params_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], variable: str, expected: Any
) -> None:
    assert argv
    monkeypatch.setenv("LAKEBED_QUERY_PARAMS", variable)
    assert dc.param("rate", "default") == expected


@pytest.mark.parametrize("variable", ['"rate"', "[1, 2]", "null", "1", "rate"])
def test_params_are_an_object(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("LAKEBED_QUERY_PARAMS", variable)
    with pytest.raises(ValueError, match="LAKEBED_QUERY_PARAMS is a JSON object, not"):
        dc.param("rate")
    assert dc.read_values(x=[1]).save("numbers").version == "1.0.0"


def test_params_of_the_command_line(monkeypatch: pytest.MonkeyPatch, argv: list[str]) -> None:
    monkeypatch.setenv("LAKEBED_QUERY_PARAMS", '{"rate": 0.1, "depth": 3}')
    argv += ["--fast", "--param", "rate=0.2", "--param=name=a=b"]
    assert [dc.param(key) for key in ("rate", "depth", "name", "nope")] == ["0.2", 3, "a=b", None]
    argv += ["--param", "rate"]
    with pytest.raises(DataChainParamsError, match="--param takes `name=value`, not `rate`"):
        dc.param("rate")
    with pytest.raises(TypeError, match="Param key must be a string"):
        dc.param(12)  # type: ignore[arg-type]


def test_params_are_recorded_with_what_is_saved(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], chain: dc.DataChain
) -> None:
    monkeypatch.setenv("LAKEBED_QUERY_PARAMS", '{"rate": 0.1}')
    argv += ["--fast"]
    assert dc.param("epochs", 3) == 3
    chain.save("numbers")
    assert dc.param("late", [1, {"x": None}]) == [1, {"x": None}]
    expected = {"argv": ["--fast"], "rate": 0.1, "epochs": 3, "late": [1, {"x": None}]}
    assert info("numbers").params == expected


def test_functions_in_worker_processes_have_the_params(argv: list[str]) -> None:
    argv += ["--param", "rate=0.2"]
    chain = dc.read_values(x=[1, 2]).settings(parallel=2)
    rates = chain.map(rate=lambda: dc.param("rate", "1")).to_values("rate")
    assert rates == ["0.2"] * 2


def test_a_script_joins_the_run_that_starts_it(tmp_path: Path, chain: dc.DataChain) -> None:
    chain.save("mine")
    native = dc.Session.get()._native
    job = next(row["job"] for row in native.versions(include_removed=False))
    script = "import lakebed as dc; dc.metrics.set('n', 2); dc.read_values(x=[1]).save('theirs')"
    env = os.environ | {"LAKEBED_JOB_ID": job}
    words = [sys.executable, "-c", script]
    subprocess.run(words, check=True, cwd=tmp_path, env=env)  # noqa: S603
    assert {row["job"] for row in native.versions(include_removed=False)} == {job}
    assert info("mine").metrics == info("theirs").metrics == {"n": 2}
    assert native.job(job)["status"] == "running"


def test_a_run_that_does_not_exist_cannot_be_joined(
    monkeypatch: pytest.MonkeyPatch, chain: dc.DataChain
) -> None:
    monkeypatch.setenv("LAKEBED_JOB_ID", "nope")
    with pytest.raises(JobNotFoundError, match="job `nope` does not exist"):
        chain.save("numbers")


def test_a_script_finds_both(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import lakebed as dc\n"
        "dc.metrics.set('steps', int(dc.param('steps')))\n"
        "dc.read_values(x=[1]).save('made')\n"
    )
    words = [sys.executable, str(script), "--param", "steps=7"]
    subprocess.run(words, check=True, cwd=tmp_path)  # noqa: S603
    made = info("made")
    assert (made.metrics, made.params["steps"]) == ({"steps": 7}, "7")
