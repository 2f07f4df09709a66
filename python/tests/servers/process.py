"""Starts a server as a process that ends with this one, and waits until it listens."""

from __future__ import annotations

import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOST = "127.0.0.1"

_READY = re.compile(rb"listening on (\d+)\n")
_START_SECS = 60
_STOP_SECS = 10


class NotInstalled(Exception):  # noqa: N818  says what is the case
    """A server cannot start, since its package is missing."""


@contextmanager
def own_server(module: str, *arguments: str) -> Iterator[int]:
    """A module of this package, in a process with its own GIL; yields the port that it chose."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with tempfile.TemporaryFile() as log, _running(command, env, log) as child:
        yield _chosen_port(child, log)


@contextmanager
def server(
    command: Sequence[str], port: int, *, env: Mapping[str, str] | None = None, user: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens on `port`."""
    with (
        tempfile.TemporaryFile() as log,
        _running(command, env or {}, log, user=user, stdout=log) as child,
    ):
        _await_port(child, port, log)
        yield child


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(
    command: Sequence[str],
    env: Mapping[str, str],
    log: object,
    *,
    user: str = "",
    stdout: object = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise NotInstalled("servers need `setpriv` of util-linux")
    # WHY: the kernel sends the signal when this process dies, also by SIGKILL
    leash = [setpriv, "--pdeathsig", "INT" if user else "KILL"]
    if user:
        leash += ["--reuid", user, "--regid", user, "--clear-groups"]
    child = subprocess.Popen(  # noqa: S603
        [*leash, *command],
        stdin=subprocess.DEVNULL,
        stdout=stdout,  # type: ignore[call-overload]
        stderr=log,
        env={**os.environ, **env},
        cwd=tempfile.gettempdir(),
        process_group=0,  # Ctrl-C is for the tests, which then stop the servers
    )
    try:
        yield child
    finally:
        _stop(child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_SECS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _chosen_port(child: subprocess.Popen[bytes], log: object) -> int:
    ready, _, _ = select.select([child.stdout], [], [], _START_SECS)
    line = child.stdout.readline() if ready and child.stdout else b""
    found = _READY.fullmatch(line)
    if found is None:
        raise _failed(child, log)
    return int(found[1])


def _await_port(child: subprocess.Popen[bytes], port: int, log: object) -> None:
    end = time.monotonic() + _START_SECS
    while child.poll() is None and time.monotonic() < end:
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.02)
    raise _failed(child, log)


def _failed(child: subprocess.Popen[bytes], log: object) -> Exception:
    log.seek(0)  # type: ignore[attr-defined]
    said = log.read()[-2000:].decode(errors="replace")  # type: ignore[attr-defined]
    if "ModuleNotFoundError: No module named" in said:
        return NotInstalled(said.strip().rpartition("\n")[2])
    return RuntimeError(f"`{child.args}` did not start, exit code {child.poll()}: {said}")
