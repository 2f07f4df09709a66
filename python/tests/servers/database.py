"""A PostgreSQL server with an empty database in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from servers.process import HOST, NotInstalled, free_port, server

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLE = "lakebed"
_PREFIX = "lakebed-postgres-"
_START_SECS = 60
# Nothing here outlives a crash of the machine, so nothing waits for the disk.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


@dataclass(frozen=True)
class Database:
    """A database that everyone on this machine may use.

    Attributes:
        port: Where the server listens on 127.0.0.1.
        name: The name of the database.
    """

    port: int
    name: str = "postgres"

    @property
    def uri(self) -> str:
        """What lakebed is given."""
        return f"postgres://{_ROLE}@{HOST}:{self.port}/{self.name}"

    @property
    def env(self) -> dict[str, str]:
        """The variable that makes it the catalog."""
        return {"LAKEBED_CATALOG": self.uri}

    def sql(self, statement: str) -> str:
        """Run a statement through `psql`: rows as lines, columns apart by `|`."""
        command = [_program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.uri]
        done = subprocess.run(  # noqa: S603
            [*command, "-c", statement], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.rstrip("\n")

    def fresh(self) -> Database:
        """A new database on the same server."""
        name = f"d{os.urandom(6).hex()}"
        self.sql(f"create database {name}")
        return Database(self.port, name)


@contextmanager
def postgres() -> Iterator[Database]:
    """A server without passwords, run by another user than root."""
    _remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        user = _user()
        if user:
            shutil.chown(folder, user, user)
        data = folder / "data"
        initdb = [_program("initdb"), "-D", str(data), "-U", _ROLE, "--auth=trust", "--no-sync"]
        _run_as(user, [*initdb, "--encoding=UTF8", "--locale=C.UTF-8"])
        port = free_port()
        command = [_program("postgres"), "-D", str(data), "-h", HOST, "-p", str(port)]
        for setting in (*_SETTINGS, "unix_socket_directories="):
            command += ["-c", setting]
        with server(command, port, user=user):
            database = Database(port)
            _await_ready(database)
            yield database
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """A program of PostgreSQL; Debian puts the server's where only it finds them."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        raise NotInstalled(f"`{name}` is missing; hint: apt-get install postgresql")
    return found


def _user() -> str:
    """Who runs the server: it refuses root. Empty: whoever runs the tests."""
    if os.getuid() != 0:
        return ""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run_as(user: str, command: list[str]) -> None:
    kwargs = {"user": user, "group": user, "extra_groups": []} if user else {}
    done = subprocess.run(  # noqa: S603
        command, cwd="/", capture_output=True, text=True, check=False, **kwargs
    )
    if done.returncode:
        raise RuntimeError(f"`{command[0]}` failed: {done.stderr}")


def _await_ready(database: Database) -> None:
    """It listens before it answers."""
    command = [_program("pg_isready"), "-q", "-d", database.uri]
    end = time.monotonic() + _START_SECS
    while subprocess.run(command, check=False).returncode:  # noqa: S603
        if time.monotonic() > end:
            raise RuntimeError("the database does not answer")
        time.sleep(0.05)


def _remove_left_behind() -> None:
    """Folders of processes that were killed before they could remove them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
