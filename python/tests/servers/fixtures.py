"""The servers as fixtures: one process of each for all tests, an empty bucket for each test."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from servers import AzureStore, Database, Proxy, Store
    from servers.double_server import GcsDouble, S3Double
    from servers.store import S3Store


@contextmanager
def started(server: AbstractContextManager[Any]) -> Iterator[Any]:
    """A running server; a missing package skips the test, and fails it where `CI` is set."""
    with ExitStack() as running:
        try:
            found = running.enter_context(server)
        except servers.NotInstalled as missing:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
        yield found


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Double]:
    """The double that speaks S3."""
    with started(servers.s3_double()) as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsDouble]:
    """The double that speaks as Google's storage."""
    with started(servers.gcs_double()) as server:
        yield server


@pytest.fixture(scope="session")
def ministack_server() -> Iterator[S3Store]:
    """S3 by ministack."""
    with started(servers.ministack()) as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureStore]:
    """Azure's emulator."""
    with started(servers.azurite()) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    """A database server."""
    with started(servers.postgres()) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Double) -> S3Double:
    """An empty private bucket of the double, which counts from zero."""
    s3_server.reset()
    return s3_server.fresh()


@pytest.fixture
def gcs(gcs_server: GcsDouble) -> GcsDouble:
    """An empty private bucket of Google's storage, by the double."""
    gcs_server.reset()
    return gcs_server.fresh()


@pytest.fixture
def ministack(ministack_server: S3Store) -> S3Store:
    """An empty bucket of ministack."""
    return ministack_server.fresh()


@pytest.fixture
def azure(azure_server: AzureStore) -> AzureStore:
    """An empty container of Azure's emulator."""
    return azure_server.fresh()


@pytest.fixture
def postgres(postgres_server: Database) -> Database:
    """An empty database."""
    return postgres_server.fresh()


@pytest.fixture(params=["s3", "gcs", "azure"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty private bucket of each cloud in turn."""
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def faulty(s3: S3Double) -> Iterator[Proxy[S3Double]]:
    """An empty bucket of S3 behind a line that tests make slow or faulty."""
    with started(servers.proxy(s3)) as line:
        yield line
