"""The peer's defaults, written out, mean the same as if they were left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Callable

HELD = {"session": None, "settings": None, "in_memory": False}
DELTA = {
    "delta": False,
    "delta_on": ("file.path", "file.etag", "file.version"),
    **dict.fromkeys(("delta_result_on", "delta_compare", "delta_retry")),
    "delta_unsafe": False,
}
LISTING = {"type": "binary", "recursive": True, "column": "file", "update": False, "anon": None}
NAMES = dict.fromkeys(("namespace", "project", "version", "session", "settings"))
SETTINGS = (
    "cache prefetch parallel workers namespace project min_task_size batch_size sys ephemeral llm "
    "llm_params"
)

READERS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "read_storage": ((".",), {"versions": True, "client_config": None} | LISTING | HELD | DELTA),
    "read_dataset": (("numbers",), {"update": False} | NAMES | DELTA),
    "read_values": ((), {"ds_name": "", "output": None, "column": "", "x": [1]} | HELD),
    "read_records": (({"x": 1}, {"x": int}), HELD),
    "datasets": (
        (),
        {"column": None, "include_listing": False, "studio": False, "attrs": None}
        | {"include_removed": False}
        | HELD,
    ),
    "listings": ((), {"session": None, "in_memory": False, "column": "listing"}),
}

VERBS: dict[str, Callable[[dc.DataChain], Any]] = {
    "settings": lambda c: c.settings(**dict.fromkeys(SETTINGS.split())),
    "reset_settings": lambda c: c.reset_settings(settings=None),
    "save": lambda c: c.save(
        "copy", version=None, description=None, attrs=None, update_version="patch"
    ),
    "map": lambda c: c.map(func=abs, params="x", output="y"),
    "map by name": lambda c: c.map(func=None, params=None, output=None, y=lambda x: x),
    "gen": lambda c: c.gen(func=None, params=None, output=None, y=lambda x: [x]),
    "agg": lambda c: c.agg(partition_by=None, params=None, output=None, y=lambda x: [sum(x)]),
    "order_by": lambda c: c.order_by("x", descending=False),
    "group_by": lambda c: c.group_by(partition_by=None, n=dc.func.count()),
    "merge": lambda c: c.merge(c, on="x", right_on=None, inner=False, full=False, rname="right_"),
    "subtract": lambda c: c.subtract(c, on=None, right_on=None),
    "diff": lambda c: c.diff(
        c,
        on="x",
        **dict.fromkeys(("right_on", "compare", "right_compare", "status_col")),
        **dict.fromkeys(("added", "deleted", "modified"), True),
        same=False,
    ),
    "to_pandas": lambda c: c.to_pandas(flatten=False, include_hidden=True),
    "show": lambda c: c.show(
        limit=20, flatten=False, transpose=False, truncate=True, include_hidden=False
    ),
    "similarity_search": lambda c: c.mutate(v=[1.0, 0.0]).similarity_search(
        "v", [1.0, 0.0], k=10, metric="cosine", score_column=None
    ),
}


@pytest.fixture
def chain() -> dc.DataChain:
    return dc.read_values(x=[1, 2, 3]).save("numbers")


@pytest.mark.parametrize("name", READERS)
def test_readers(name: str, chain: dc.DataChain) -> None:  # noqa: ARG001  saved before
    given, defaults = READERS[name]
    made = getattr(dc, name)(*given, **defaults)
    assert made.count() == getattr(dc, name)(*given, **_needed(defaults)).count()


@pytest.mark.parametrize("name", VERBS)
def test_verbs(name: str, chain: dc.DataChain) -> None:
    made = VERBS[name](chain)
    if isinstance(made, dc.DataChain):
        made.exec()


def _needed(given: dict[str, Any]) -> dict[str, Any]:
    return {"x": given["x"]} if "x" in given else {}
