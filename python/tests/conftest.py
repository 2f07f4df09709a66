"""Every test has a root of its own and a fresh shared session over it."""

from __future__ import annotations

import importlib.util
import inspect
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Iterator

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell without job control started the tests in the background; children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _load_servers() -> None:
    """Make `servers` a package, without its folder on the path: workers would find tests there."""
    folder = Path(__file__).parent / "servers"
    spec = importlib.util.spec_from_file_location("servers", folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules["servers"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["servers"])


_load_servers()
pytest_plugins = ["servers.fixtures"]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """The folder of the shared session; tests that save nothing never open it.

    With `LAKEBED_TEST_ROOT=s3` it is one in a bucket, for tests that never look into it themselves.
    """
    folder = tmp_path / "root"
    place = str(folder)
    if os.environ.get("LAKEBED_TEST_ROOT") == "s3":
        if "root" in request.node.fixturenames and "root" in _own_fixtures(request):
            pytest.skip("looks into the root")
        server = request.getfixturevalue("s3_server").fresh()
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        place = f"{server.uri}/lake"
    monkeypatch.setenv("LAKEBED_ROOT", place)
    yield folder
    session = sys.modules.get("lakebed.session")
    if session is not None:
        session.Session.cleanup_for_tests()


def _own_fixtures(request: pytest.FixtureRequest) -> set[str]:
    """What the test and the fixtures that it names ask for by themselves."""
    asked: set[str] = set()
    definitions = request._fixturemanager
    todo = list(inspect.signature(request.function).parameters)
    while todo:
        name = todo.pop()
        if name in asked:
            continue
        asked.add(name)
        found = definitions.getfixturedefs(name, request.node)
        if found:
            todo += [n for n in found[-1].argnames if n != "request"]
    return asked


@pytest.fixture
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run computes everything, and every save makes a version."""
    monkeypatch.setenv("LAKEBED_IGNORE_CHECKPOINTS", "1")


@pytest.fixture
def chain() -> Iterator[dc.DataChain]:
    """Four animals, one without a size."""
    return dc.read_values(
        name=["cat", "dog", "eel", "fox"], size=[3, 5, None, 4], tame=[True, True, False, False]
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with two texts and one below."""
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("aa")
    (folder / "b.md").write_text("bbb")
    (folder / "sub" / "c.txt").write_text("c")
    return folder
