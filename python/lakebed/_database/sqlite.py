"""What is particular about SQLite."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def numeric_of_text() -> Any:
    """A type for decimals, which SQLite makes numbers of, with 15 digits that count.

    They are given to it as text: SQLAlchemy's own type makes floats of them, with a warning, and
    a column of text could hold all of their digits.
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
