"""What is particular about SQLite."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def exact_numeric() -> Any:
    """A type for decimals: a number where SQLite can hold it exactly, text where it cannot.

    SQLAlchemy's own would make floats of them, with a warning.
    """
    import sqlalchemy as sa

    class Numeric(sa.types.UserDefinedType[Any]):  # type: ignore[misc]
        cache_ok = True

        def get_col_spec(self, **_: Any) -> str:
            return "NUMERIC"

        def bind_processor(self, _: Any) -> Any:
            return lambda value: None if value is None else str(value)

    return Numeric()


def begin_now(connection: Any) -> None:
    """Begin the transaction now: its driver would only do so before the first change of rows.

    The table would be made outside of it.
    """
    if connection.dialect.name == "sqlite" and not _driver(connection).in_transaction:
        connection.exec_driver_sql("BEGIN")


def _driver(connection: Any) -> Any:
    return connection.connection.driver_connection
