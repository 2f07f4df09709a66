"""Which settings are taken and which are refused."""

from __future__ import annotations

import os

import pytest

import lakebed as dc
from lakebed._settings import Settings
from lakebed.exceptions import EphemeralError, NotSupportedError, SettingsError

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    "given",
    [
        {"cache": True, "prefetch": 2},
        {"prefetch": False},
        {"prefetch": 0},
        {"parallel": False},
        {"cache": None, "prefetch": None, "parallel": None, "workers": None, "llm": None},
        {"batch_size": 7, "batch_rows": 3},
        {"on_error": "record", "max_errors": 0},
        {"timeout": 2, "retries": 3, "retry_on": OSError, "retry_wait": 0},
        {"retry_on": [OSError, ValueError]},
        {"memory": "512 MiB", "concurrency": 4},
    ],
)
def test_accepts(chain: dc.DataChain, given: dict[str, object]) -> None:
    assert chain.settings(**given).count() == 4


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"parallel": True}, CORES),
        ({"parallel": -1}, CORES),
        ({"parallel": 3}, 3),
        ({"parallel": False}, None),
        ({}, None),
        ({"timeout": 1}, 1),
        ({"memory": 10}, 1),
        ({"memory": 10, "parallel": 2}, 2),
    ],
)
def test_worker_processes(given: dict[str, object], kept: int | None) -> None:
    assert Settings().updated(**given).udf_options(is_async=False)["parallel"] == kept


@pytest.mark.parametrize(
    ("variable", "given", "kept"),
    [
        ("3", {}, 3),
        ("-1", {}, CORES),
        ("1", {}, None),
        ("0", {"memory": 10}, 1),
        ("", {}, None),
        ("3", {"parallel": 2}, 2),
        ("3", {"parallel": False}, None),
    ],
)
def test_worker_processes_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: dict[str, object], kept: int | None
) -> None:
    monkeypatch.setenv("LAKEBED_SETTINGS_PARALLEL", variable)
    assert Settings().updated(**given).udf_options(is_async=False)["parallel"] == kept


def test_a_variable_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEBED_SETTINGS_PARALLEL", "all")
    with pytest.raises(SettingsError, match=r"LAKEBED_SETTINGS_PARALLEL is a number .* not `all`"):
        dc.read_values(x=[1]).map(y=lambda x: x).to_list()


def test_coroutines_stay_in_this_process_and_run_together() -> None:
    settings = Settings().updated(timeout=1)
    assert settings.udf_options(is_async=True)["parallel"] is None
    assert settings.calling(is_async=True)["concurrency"] > 1
    assert settings.calling(is_async=False)["concurrency"] == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GiB", 2 * 2**30),
        ("1.5 kB", 1500),
        ("300M", 300 * 10**6),
        ("7", 7),
        ("1tib", 2**40),
        (12, 12),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert Settings().updated(memory=text).memory == size


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        ({"workers": 2}, "hint: parallel="),
        ({"min_task_size": 2}, "hint: batch_rows="),
        ({"llm": "model"}, "`async def`"),
        ({"llm_params": {}}, "`async def`"),
    ],
)
def test_says_what_is_not_supported(
    chain: dc.DataChain, later: dict[str, object], reason: str
) -> None:
    with pytest.raises(NotSupportedError, match=reason) as caught:
        chain.settings(**later)
    assert f"setting `{next(iter(later))}` is not supported: " in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cache": 1}, "`True` or `False`, not `1`"),
        ({"prefetch": -1}, "at least 0, not `-1`"),
        ({"prefetch": "2"}, "at least 0, not `'2'`"),
        ({"parallel": 0}, "a number of processes, `True` or -1 for all cores, not `0`"),
        ({"parallel": -2}, "not `-2`"),
        ({"parallel": 1.5}, "not `1.5`"),
        ({"batch_size": 0}, "at least 1, not `0`"),
        ({"batch_size": True}, "not `True`"),
        ({"batch_rows": 0}, "at least 1"),
        ({"concurrency": 0}, "at least 1"),
        ({"namespace": 1}, "takes `str`, not `1`"),
        ({"sys": 1}, "not `1`"),
        ({"ephemeral": 1}, "not `1`"),
        ({"on_error": "ignore"}, '"raise", "skip", "null", "record", not `\'ignore\'`'),
        ({"max_errors": -1}, "at least 0"),
        ({"timeout": 0}, "a number of seconds, at least 0.001, not `0`"),
        ({"timeout": float("inf")}, "not `inf`"),
        ({"retries": 1.0}, "not `1.0`"),
        ({"retry_on": "OSError"}, "an exception class or several"),
        ({"retry_on": ()}, "an exception class or several"),
        ({"retry_wait": -1}, "at least 0"),
        ({"memory": "2 elephants"}, "such as \"2GiB\", not `'2 elephants'`"),
        ({"memory": 0}, "not `0`"),
        ({"memory": 10**30}, "bytes, at least 1, or text"),
        ({"batch_size": 2**70}, "an int of at most 2147483647"),
        ({"retries": 2**70}, "at most 2147483647"),
        ({"timeout": 1e300}, "a number of seconds, at most 2147483647"),
        ({"timeout": 10**400}, "at most 2147483647"),
        ({"batchsize": 1}, "unknown setting `batchsize`; hint: did you mean `batch_size`"),
    ],
)
def test_refuses(chain: dc.DataChain, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        chain.settings(**wrong)
    assert message in str(caught.value)


def test_chains_do_not_change(chain: dc.DataChain) -> None:
    chain.settings(on_error="null")
    with pytest.raises(ZeroDivisionError):
        chain.map(x=lambda name: 1 // 0, output=int).to_list()  # noqa: ARG005


def test_later_settings_add_to_earlier_ones(chain: dc.DataChain) -> None:
    both = chain.settings(on_error="null").settings(batch_size=2)
    bad = both.map(x=lambda size: 1 // (size - 3), output=int).filter(dc.C("size") < 5)
    assert bad.to_values("x") == [None, 1]
    with pytest.raises(ZeroDivisionError):
        both.reset_settings().map(x=lambda size: 1 // (size - 3), output=int).to_list()


def test_ephemeral_chains_keep_nothing(chain: dc.DataChain) -> None:
    ephemeral = chain.settings(ephemeral=True).map(n=lambda name: 2 * len(name))
    assert ephemeral.to_values("n") == [6, 6, 6, 6]
    with pytest.raises(EphemeralError, match="cannot be saved as `pets`") as caught:
        ephemeral.save("pets")
    assert isinstance(caught.value, RuntimeError)
    with pytest.raises(EphemeralError, match="Cannot access job in ephemeral mode"):
        _ = ephemeral.job
    assert ephemeral.settings(ephemeral=False).save("pets").count() == 4


def test_sys(chain: dc.DataChain) -> None:
    shown = chain.settings(sys=True)
    assert "sys" in shown.schema
    assert "sys" not in chain.schema
    assert "sys" not in shown.reset_settings().schema
    assert len({row.id for row in shown.to_values("sys")}) == 4


def test_sys_is_shown_by_every_step_but_groups(chain: dc.DataChain) -> None:
    shown = chain.settings(sys=True)
    steps = [
        shown.select("name"),
        shown.mutate(n=1),
        shown.filter(dc.C("name") != ""),
        shown.order_by("name").limit(4),
        shown.map(n=lambda name: 2 * len(name)),
        shown.gen(letter=lambda name: [name[0]], output=str),
        shown.gen(letter=lambda name: [name[0]], output=str).select("letter"),
    ]
    for step in steps:
        assert "sys" in step.schema
        assert len({row.id for row in step.to_values("sys")}) == 4
    assert [row.id for row in steps[-1].to_values("sys")] == [0, 1, 2, 3]
    assert "sys" not in shown.group_by(n=dc.func.count()).schema


def test_files_of_this_machine_are_not_fetched(chain: dc.DataChain) -> None:
    for settings in ({"cache": True, "prefetch": 4}, {"cache": False, "prefetch": 0}):
        assert chain.settings(**settings).count() == chain.count()
