"""What `connection=` may be, and a SQLAlchemy connection to it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lakebed._extras import needed
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "lakebed[database]"
"""What to install for databases."""

_POSTGRES = ("postgres", "postgresql")


@contextmanager
def connected(given: Any) -> Iterator[Any]:
    """A SQLAlchemy connection; what was opened for it is closed again.

    Args:
        given: A URL, an engine, a connection, an ORM session, or a connection of `sqlite3`.

    Raises:
        TypeError: It is anything else.
    """
    sa = needed("sqlalchemy", PACKAGE)
    orm = needed("sqlalchemy.orm", PACKAGE)
    with ExitStack() as stack:
        if isinstance(given, (str, sa.URL)):
            engine = sa.create_engine(_url(sa, given))
            stack.callback(engine.dispose)
            yield stack.enter_context(engine.connect())
        elif isinstance(given, sa.Connection):
            yield given
        elif isinstance(given, sa.Engine):
            yield stack.enter_context(given.connect())
        elif isinstance(given, orm.Session):
            yield _of_session(sa, given, stack)
        elif module_of(given) == "sqlite3":
            # the pool lends this one connection and never closes it
            engine = sa.create_engine(
                "sqlite://", creator=lambda: given, poolclass=sa.pool.StaticPool
            )
            yield stack.enter_context(engine.connect())
        else:
            raise unsupported(given)


def module_of(connection: Any) -> str:
    """The library that a connection belongs to."""
    return type(connection).__module__.partition(".")[0].lstrip("_")


def unsupported(given: Any) -> TypeError:
    """The error for what is no connection."""
    return TypeError(
        f"unsupported connection type `{type(given).__name__}`: use a database URL, an engine, "
        "connection or session of SQLAlchemy, or a connection of sqlite3 or DuckDB"
    )


def _of_session(sa: Any, session: Any, stack: ExitStack) -> Any:
    """A session's own connection while it is in a transaction, else one beside it."""
    if session.in_transaction():
        return session.connection()
    bind = session.get_bind()
    return stack.enter_context(bind.connect()) if isinstance(bind, sa.Engine) else bind


def _url(sa: Any, given: Any) -> Any:
    """The URL, with a driver that is there."""
    try:
        url = sa.make_url(given)
    except sa.exc.ArgumentError as error:
        msg = f"`{given}` is no database URL; hint: such as `postgresql://user@host/name`"
        raise DataChainParamsError(msg) from error
    if url.drivername not in _POSTGRES:
        return url
    driver = next((name for name in ("psycopg", "psycopg2") if find_spec(name)), "psycopg")
    return url.set(drivername=f"postgresql+{driver}")
