"""`lineage()`: what versions were made of, and what was made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from pathlib import Path

    from servers.double_server import S3Double

    from lakebed.lineage import Lineage


def ids(lineage: Lineage) -> list[tuple[int, str]]:
    return [(node.depth, node.id.removeprefix("local.local.")) for node in lineage]


@pytest.fixture
def made(chain: dc.DataChain) -> dc.DataChain:
    """`animals` → `tame` and `wild` → `all`."""
    chain.save("animals")
    animals = dc.read_dataset("animals")
    tame = animals.filter(dc.C("tame")).save("tame")
    wild = animals.filter(~dc.C("tame")).save("lab.wild")
    return tame.union(wild).save("all")


def test_up_and_down_step_by_step(made: dc.DataChain) -> None:
    up = made.lineage()
    assert ids(up) == [
        (0, "all@1.0.0"),
        (1, "tame@1.0.0"),
        (1, "local.lab.wild@1.0.0"),
        (2, "animals@1.0.0"),
    ]
    down = dc.read_dataset("animals").lineage("down")
    assert sorted(ids(down)) == [
        (0, "animals@1.0.0"),
        (1, "local.lab.wild@1.0.0"),
        (1, "tame@1.0.0"),
        (2, "all@1.0.0"),
    ]
    assert ids(made.lineage(depth=1)) == ids(up)[:3]
    assert ids(made.lineage(depth=0)) == ids(up)[:1]
    assert ids(made.lineage("down")) == [(0, "all@1.0.0")]


def test_a_node_tells_how_it_was_made(made: dc.DataChain) -> None:
    node = made.lineage()[1]
    info = dc.datasets(column="info").filter(dc.C("info.name") == "tame").to_values("info")[0]
    assert (node.name, node.namespace, node.project) == ("tame", "local", "local")
    assert (node.type, node.status, node.removed) == ("dataset", "complete", False)
    assert (node.created_at, node.author) == (info.created_at, info.author)
    assert (node.git_commit, bool(node.script), bool(node.job)) == (info.git_commit, True, True)
    assert node.made_of == ("local.local.animals@1.0.0",)
    assert node.used_by == ("local.local.all@1.0.0",)
    record = made.lineage().to_records()[1]
    assert record["id"] == node.id
    assert record["made_of"] == node.made_of


def test_it_prints_as_a_tree(made: dc.DataChain) -> None:
    lines = [line.partition("  2")[0] for line in repr(made.lineage()).splitlines()]
    assert lines == [
        "all@1.0.0",
        "├─ tame@1.0.0",
        "│  └─ animals@1.0.0",
        "└─ local.lab.wild@1.0.0",
        "   └─ animals@1.0.0",
    ]


def test_storage_is_there_by_its_uri(files: Path) -> None:
    listed = dc.read_storage(files)
    saved = listed.save("texts")
    uri = f"{files.as_uri()}"
    storage = saved.lineage()[1]
    assert (storage.type, storage.version) == ("storage", "1.0.0")
    assert storage.name.startswith(uri)
    assert storage.used_by == ("local.local.texts@1.0.0",)
    (unlisted,) = listed.filter(dc.C("file.size") > 0).lineage()
    assert (unlisted.name, unlisted.version, unlisted.status) == (storage.name, None, "unlisted")


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_files_of_tables_are_there_by_their_uri(tmp_path: Path, form: str) -> None:
    path = tmp_path / "in" / f"x.{form}"
    getattr(dc.read_values(x=[1, 2]), f"to_{form}")(path)
    table = getattr(dc, f"read_{form}")(path)
    saved = table.save("table")
    node = saved.lineage()[1]
    assert (node.type, node.name, node.version) == ("storage", path.as_uri(), "1.0.0")
    assert node.used_by == ("local.local.table@1.0.0",)
    (unlisted,) = table.lineage()
    assert (unlisted.name, unlisted.version, unlisted.status) == (path.as_uri(), None, "unlisted")
    # a file that stays the same is the same source
    other = getattr(dc, f"read_{form}")(path).limit(1).save("one")
    assert other.lineage()[1].id == node.id
    getattr(dc.read_values(x=[1, 2, 3]), f"to_{form}")(path)
    changed = getattr(dc, f"read_{form}")(path).save("table")
    assert changed.lineage()[1].version == "1.0.1"


def test_objects_of_tables_are_there_by_their_uri(s3: S3Double) -> None:
    s3.put("t/a.csv", b"x\n1\n")
    s3.put("t/b.csv", b"x\n2\n")
    for place, listed in [("t/a.csv", "t/a.csv"), ("t", "t/"), ("t/*.csv", "t/")]:
        table = dc.read_csv(f"{s3.uri}/{place}", source=False, client_config=s3.client_config)
        node = table.save("table").lineage()[1]
        assert (node.type, node.name) == ("storage", f"{s3.uri}/{listed}"), place


def test_removed_and_renamed_versions_are_there_by_name(made: dc.DataChain) -> None:
    dc.delete_dataset("tame")
    dc.move_dataset("lab.wild", "zoo.free.beasts")
    dc.gc(ttl=0)
    lineage = made.lineage()
    assert {node.id: node.status for node in lineage if node.depth == 1} == {
        "local.local.tame@1.0.0": "removed",
        "zoo.free.beasts@1.0.0": "complete",
    }
    assert lineage[1].removed
    assert ids(lineage)[-1] == (2, "animals@1.0.0")
    assert "tame@1.0.0 (removed)" in repr(lineage)


def test_a_chain_that_is_not_saved(made: dc.DataChain) -> None:
    changed = made.filter(dc.C("size") > 3)
    assert ids(changed.lineage()) == [(d + 1, i) for d, i in ids(made.lineage())]
    assert ids(changed.lineage(depth=1)) == [(1, "all@1.0.0")]
    nothing = dc.read_values(x=[1]).lineage()
    assert (len(nothing), repr(nothing)) == (0, "nothing is known of where the rows come from")
    with pytest.raises(DataChainParamsError, match="only a saved version has what was made of it"):
        changed.lineage("down")


def test_what_is_persisted_is_not_shown(chain: dc.DataChain) -> None:
    chain.save("animals")
    kept = dc.read_dataset("animals").limit(2).persist()
    kept.save("two")
    assert ids(dc.read_dataset("two").lineage()) == [(0, "two@1.0.0"), (1, "animals@1.0.0")]
    assert ids(dc.read_dataset("animals").lineage("down")) == [
        (0, "animals@1.0.0"),
        (1, "two@1.0.0"),
    ]


@pytest.mark.usefixtures("afresh")
def test_versions_that_follow_each_other_for_long() -> None:
    dc.read_values(x=[1]).save("steps")
    for step in range(30):
        dc.read_dataset("steps").mutate(x=dc.C("x") + step).save("steps")
    lineage = dc.read_dataset("steps").lineage()
    assert [node.version for node in lineage] == [f"1.0.{30 - step}" for step in range(31)]
    assert len(repr(lineage).splitlines()) == 31


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"direction": "left"}, "direction is `up` or `down`, not `left`"),
        ({"depth": -1}, "depth is a number of steps, 0 or more, not `-1`"),
        ({"depth": True}, "not `True`"),
    ],
)
def test_wrong_arguments(chain: dc.DataChain, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataChainParamsError, match=message):
        chain.lineage(**arguments)
