"""The verb that writes rows into a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._verbs.base import Base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed._database.write import OnConflict


class Databases(Base):
    """What leaves the chain for databases."""

    __slots__ = ()

    def to_database(
        self,
        table_name: str,
        connection: Any,
        *,
        batch_size: int = 10_000,
        on_conflict: OnConflict | None = None,
        conflict_columns: Sequence[str] | None = None,
        column_mapping: Mapping[str, str | None] | None = None,
    ) -> int:
        """Append all rows to a table of a database, or none if something fails.

        A table that does not exist is made, with a column for each leaf field, such as
        `file__path`; lists and dicts are JSON. It is gone again if something fails. A connection
        that is in a transaction stays in it: commit it yourself.

        Args:
            table_name: The table, also as `schema.table`.
            connection: A URL as `postgresql://user@host/name`; an engine, connection or ORM
                session of SQLAlchemy; or an open connection of sqlite3 or DuckDB.
            batch_size: Rows of one statement.
            on_conflict: What to do with a row that violates a unique constraint: leave it out
                ("ignore"), or change the row that is there ("update"); an error by default.
                For SQLite, PostgreSQL and DuckDB.
            conflict_columns: The columns of the constraint, which a table that is made gets;
                any by default, but PostgreSQL has to know for "update".
            column_mapping: Names in the table by column or field, as `file.path`; None leaves
                it out, and a `defaultdict` with a factory of None all that it does not have.

        Returns:
            How many rows were added or changed; -1 if the driver does not tell.

        Raises:
            TypeError: The connection is none of these.
            DataChainParamsError: Two columns would get one name, or an option is wrong.

        Examples:
            >>> import sqlite3
            >>> import lakebed as dc
            >>> connection = sqlite3.connect(":memory:")
            >>> dc.read_values(id=[1, 2], name=["cat", "dog"]).to_database("pets", connection)
            2
            >>> connection.execute("select name from pets where id = 2").fetchone()
            ('dog',)
        """
        from lakebed._database.write import Order, write

        order = Order.of(
            self._native,
            table_name,
            column_mapping,
            batch_size=batch_size,
            on_conflict=on_conflict,
            conflict_columns=conflict_columns,
        )
        with self._session._as_current():
            return write(self._native, order, connection)
