"""Object stores that others made: ministack for S3, azurite for Azure."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from servers.process import HOST, NotInstalled, free_port, server
from servers.store import AzureStore, S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def ministack() -> Iterator[S3Store]:
    """S3 by ministack: its conditional writes hold under a race, which few emulators' do."""
    if importlib.util.find_spec("ministack") is None:
        raise NotInstalled("`ministack` is missing; hint: pip install ministack")
    port = free_port()
    env = {"BIND_HOST": HOST, "GATEWAY_PORT": str(port)}
    program = "from ministack.app import main; main()"
    with server([sys.executable, "-I", "-c", program], port, env=env):
        store = S3Store(f"http://{HOST}:{port}")
        store.create()
        yield store


@contextmanager
def azurite() -> Iterator[AzureStore]:
    """Azure's blobs in memory."""
    port = free_port()
    command = [
        _azurite(), "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck",
        "--silent", "--blobHost", HOST, "--blobPort", str(port),
    ]  # fmt: skip
    with server(command, port):
        store = AzureStore(f"http://{HOST}:{port}")
        store.create()
        yield store


def _azurite() -> str:
    """The program: on the path, or where `scripts/system.sh dev` puts it."""
    home = os.environ.get("LAKEBED_AZURITE") or Path.home() / ".cache" / "lakebed" / "azurite"
    folder = Path(home, "node_modules", ".bin")
    path = os.pathsep.join([str(folder), os.environ.get("PATH", "")])
    found = shutil.which("azurite-blob", path=path)
    if found is None or shutil.which("node") is None:
        raise NotInstalled("`azurite` is missing; hint: scripts/system.sh dev")
    return found
