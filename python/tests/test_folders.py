"""Namespaces and projects: made, listed, removed, and where names without one are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed import namespaces, projects
from lakebed.exceptions import (
    InvalidDatasetNameError,
    InvalidNamespaceNameError,
    InvalidProjectNameError,
    NamespaceCreateNotAllowedError,
    NamespaceDeleteNotAllowedError,
    NamespaceNotFoundError,
    ProjectCreateNotAllowedError,
    ProjectDeleteNotAllowedError,
    ProjectNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def names() -> list[str]:
    return [f"{one.namespace.name}.{one.name}" for one in projects.ls()]


def test_what_is_made_is_there_while_it_is_empty() -> None:
    lab = namespaces.create("lab", "of the zoo")
    vision = dc.create_project("lab", "vision", "images")
    assert (lab.name, lab.descr, vision.descr) == ("lab", "of the zoo", "images")
    assert (vision.namespace, bool(vision.created_at)) == (lab, True)
    assert (lab.id, vision.id) == (namespaces.get("lab").uuid, projects.get("vision", "lab").uuid)
    assert namespaces.create("lab", "another") == lab
    assert dc.create_project("lab", "vision", "another") == vision
    assert [one.name for one in namespaces.ls()] == ["lab", "local"]
    assert names() == ["lab.vision", "local.local"]
    assert [one.name for one in projects.ls("lab")] == ["vision"]
    assert projects.ls("local")[0].created_at is None


def test_a_dataset_is_enough(chain: dc.DataChain) -> None:
    saved = chain.save("zoo.wild.animals")
    found = projects.get("wild", "zoo")
    (made,) = dc.datasets().to_values("created_at")
    assert (saved.version, found.descr) == ("1.0.0", None)
    assert found.created_at is not None
    assert abs((found.created_at - made).total_seconds()) < 1
    chain.persist()
    assert names() == ["local.local", "zoo.wild"]
    dc.delete_dataset("zoo.wild.animals")
    assert names() == ["local.local"]


def test_what_is_empty_can_be_removed(chain: dc.DataChain) -> None:
    dc.create_project("lab", "vision")
    with pytest.raises(NamespaceDeleteNotAllowedError, match=r"`lab` .* has 1 project\(s\)"):
        dc.delete_namespace("lab")
    chain.save("lab.vision.animals")
    with pytest.raises(ProjectDeleteNotAllowedError, match=r"`lab.vision` .* has 1 dataset\(s\)"):
        dc.delete_namespace("lab.vision")
    dc.delete_dataset("lab.vision.animals", force=True)
    dc.delete_namespace("lab.vision")
    assert names() == ["local.local"]
    dc.delete_namespace("lab")
    assert [one.name for one in namespaces.ls()] == ["local"]


def missing_namespace() -> None:
    namespaces.create("lab")
    namespaces.get("lap")


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (missing_namespace, NamespaceNotFoundError, "`lap` does not exist; hint: did you mean `la"),
        (lambda: dc.delete_namespace("nope"), NamespaceNotFoundError, "`nope` does not exist"),
        (lambda: projects.ls("nope"), NamespaceNotFoundError, "`nope` does not exist"),
        (lambda: dc.delete_namespace("local.x"), ProjectNotFoundError, "`x` does not exist in"),
        (lambda: projects.get("x", "local"), ProjectNotFoundError, "in namespace `local`"),
        (lambda: dc.delete_namespace("local"), NamespaceDeleteNotAllowedError, "always there"),
        (lambda: dc.delete_namespace("local.local"), ProjectDeleteNotAllowedError, "always there"),
        (lambda: namespaces.create("system"), NamespaceCreateNotAllowedError, "choose another"),
        (lambda: dc.create_project("system", "x"), ProjectCreateNotAllowedError, "choose another"),
        (
            lambda: namespaces.create("a.b"),
            InvalidNamespaceNameError,
            "invalid namespace name `a.b`",
        ),
        (lambda: namespaces.create(""), InvalidNamespaceNameError, "it is empty"),
        (lambda: dc.create_project("a.b", "x"), InvalidNamespaceNameError, "namespace name `a.b`"),
        (lambda: dc.create_project("lab", "a/b"), InvalidProjectNameError, "project name `a/b`"),
    ],
)
def test_what_is_refused(call: Callable[[], object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("namespace", "project", "expected"),
    [
        ("lab", None, "lab.local"),
        (None, "vision", "local.vision"),
        ("lab", "vision", "lab.vision"),
        ("lab", "zoo.wild", "zoo.wild"),
    ],
)
def test_the_environment_says_where_names_are(
    monkeypatch: pytest.MonkeyPatch,
    chain: dc.DataChain,
    namespace: str | None,
    project: str | None,
    expected: str,
) -> None:
    for name, value in (("LAKEBED_NAMESPACE", namespace), ("LAKEBED_PROJECT", project)):
        if value:
            monkeypatch.setenv(name, value)
    chain.save("animals")
    chain.limit(1).save("other.animals")
    chain.limit(2).settings(namespace="own", project="set").save("animals")
    folder = expected.partition(".")[0]
    rows = dc.datasets().to_list("namespace", "project", "name")
    assert {".".join(row) for row in rows} == {
        f"{expected}.animals",
        f"{folder}.other.animals",
        "own.set.animals",
    }
    assert dc.read_dataset("animals").count() == 4
    assert dc.read_dataset("animals", namespace="own", project="set").count() == 2
    assert dc.sql("SELECT * FROM animals").count() == 4
    dc.edit_dataset("animals", new_name="beasts", attrs=["x"])
    assert dc.datasets(attrs=["x"]).to_list("project", "name") == [
        (expected.partition(".")[2], "beasts")
    ]
    dc.delete_dataset("beasts")
    assert dc.datasets().count() == 2


def test_a_wrong_variable(monkeypatch: pytest.MonkeyPatch, chain: dc.DataChain) -> None:
    monkeypatch.setenv("LAKEBED_PROJECT", "a.b.c")
    with pytest.raises(InvalidDatasetNameError, match=r"`b\.c`"):
        chain.save("animals")
    monkeypatch.setenv("LAKEBED_PROJECT", "system.listings")
    with pytest.raises(InvalidDatasetNameError, match="`system` is reserved"):
        chain.save("animals")


@pytest.fixture(params=["memory", "file", "bucket", "postgres"])
def session(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[dc.Session]:
    """One over each kind of catalog."""
    root = str(tmp_path / "own")
    if request.param == "bucket":
        server = request.getfixturevalue("s3_server").fresh()
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        root = f"{server.uri}/lake"
    if request.param == "postgres":
        monkeypatch.setenv("LAKEBED_CATALOG", request.getfixturevalue("postgres").uri)
    where = {"in_memory": True} if request.param == "memory" else {"root": root}
    with dc.Session(**where) as session:
        yield session


def test_each_catalog_keeps_folders_metrics_and_lineage(session: dc.Session) -> None:
    dc.metrics.set("before", 1)
    assert dc.create_project("lab", "vision", "images").descr == "images"
    assert dc.create_project("lab", "vision", "others").descr == "images"
    assert names() == ["lab.vision", "local.local"]
    dc.read_values(x=[1, 2]).save("lab.vision.all")
    dc.metrics.set("after", 0.5)
    dc.param("rate", 3)
    one = dc.read_dataset("lab.vision.all").limit(1).save("one")
    dc.edit_dataset("one", description="a row", attrs=["a=1"])
    (info,) = dc.datasets(column="info", attrs=["a=*"]).to_values("info")
    assert (info.description, info.metrics) == ("a row", {"before": 1, "after": 0.5})
    assert info.params["rate"] == 3
    assert [node.name for node in one.lineage()] == ["one", "all"]
    dc.delete_dataset("lab.vision.all")
    assert [(node.name, node.status) for node in one.lineage()] == [
        ("one", "complete"),
        ("all", "removed"),
    ]
    dc.delete_namespace("lab.vision")
    dc.delete_namespace("lab")
    assert names() == ["local.local"]
    assert session.root
