"""`serve()`: datasets for clients of PostgreSQL and of Arrow Flight SQL."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from lakebed import _native
from lakebed.exceptions import DataChainParamsError
from lakebed.session import Session

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Server", "serve"]


class Server:
    """A server that runs until `stop()`, or the end of its `with` block.

    Attributes:
        postgres: Where clients of PostgreSQL connect, as `127.0.0.1:5433`; None if they cannot.
        flight: Where clients of Flight SQL connect; None if they cannot.
        token: The password of every user, and the bearer token of Flight SQL.
    """

    def __init__(self, native: _native.Server, session: Session) -> None:
        """Started by `serve`."""
        self._native = native
        self._session = session
        self.postgres = native.postgres
        self.flight = native.flight
        self.token = native.token

    def stop(self) -> None:
        """Take no more clients, give statements five seconds to end, and stop what still runs.

        A second call does nothing.
        """
        self._native.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Server(postgres={self.postgres!r}, flight={self.flight!r})"


def serve(
    *,
    postgres: str | None = None,
    flight: str | None = None,
    token: str | None = None,
    tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
    insecure: bool = False,
    statement_timeout: float | None = None,
    max_rows: int | None = None,
    max_connections: int = 100,
    write: bool = False,
    session: Session | None = None,
    in_memory: bool = False,
) -> Server:
    """Let other programs read datasets with SQL, while this one goes on.

    Datasets of the default folder are tables in the schema `public`, those of other projects
    in the schema of their project; a version is read as `"name@1.2.0"`. Statements only read,
    unless `write=True`.

    Args:
        postgres: Where to listen for clients of PostgreSQL, such as `psql` and SQLAlchemy, as
            `127.0.0.1:5433`. Port 0 is a free one.
        flight: Where to listen for clients of Arrow Flight SQL, such as ADBC.
        token: What clients give as their password, 8 characters or more; by default
            `$LAKEBED_TOKEN`, or a new one.
        tls: Files with the certificate and its key. Without them only addresses of this
            machine are allowed.
        insecure: Listen on other addresses without TLS: everybody on the way can read along.
        statement_timeout: Seconds after which a statement is stopped; by default none is.
        max_rows: A statement with more rows fails; by default none does.
        max_connections: So many clients may be connected, and so many statements of Flight
            SQL may run.
        write: Let clients make and remove datasets, with the statements that `sql` writes with,
            but for `COPY`. Each statement makes a version that others see at once; ROLLBACK
            removes those of its transaction.
        session: Whose datasets; see `Session`.
        in_memory: Use a session in memory.

    Raises:
        LakebedError: An address cannot be had or would be unsafe, or a certificate cannot be
            used.

    Examples:
        >>> import lakebed as dc
        >>> with dc.serve(postgres="127.0.0.1:0") as server:
        ...     server.postgres.partition(":")[0]
        '127.0.0.1'
    """
    for name, given in (("statement_timeout", statement_timeout), ("max_rows", max_rows)):
        if given is not None and not 0 < given < math.inf:
            msg = f"{name} is a number above 0, or None, not `{given!r}`"
            raise DataChainParamsError(msg)
    held = Session.get(session, in_memory=in_memory)
    files = None if tls is None else (os.fspath(tls[0]), os.fspath(tls[1]))
    native = _native.Server.start(
        held._native,
        (postgres, flight),
        token or os.environ.get("LAKEBED_TOKEN") or None,
        files,
        insecure,
        (statement_timeout, max_rows, max_connections),
        held._job_id() if write else None,
    )
    return Server(native, held)
