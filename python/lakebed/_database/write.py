"""Rows of a chain into a table, all or none."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from lakebed import _export
from lakebed._coerce import whole
from lakebed._database.columns import Target, names_in_table, sql_type, targets_of, written
from lakebed._database.connect import connected, module_of
from lakebed._database.sqlite import begin_now
from lakebed.exceptions import DataChainParamsError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lakebed._native import Chain

OnConflict = Literal["ignore", "update"]

_UPSERTS = ("postgresql", "sqlite")
"""Dialects whose `on conflict` is known here."""


@dataclass(frozen=True)
class Order:
    """What to write where; checked.

    Attributes:
        table: The table, perhaps with its schema in front.
        targets: Its columns.
        batch_size: Rows of one statement.
        on_conflict: What to do with a row that is there; None for an error.
        keys: The columns that tell whether it is; all that are unique if there are none.
    """

    table: str
    targets: list[Target]
    batch_size: int
    on_conflict: OnConflict | None
    keys: list[str]

    @classmethod
    def of(
        cls,
        native: Chain,
        table: str,
        mapping: Mapping[str, str | None] | None,
        **options: Any,
    ) -> Order:
        """Check what a caller gave."""
        on_conflict, keys = options["on_conflict"], options["conflict_columns"]
        if not isinstance(table, str) or not table:
            msg = f"table_name is text, not `{table!r}`"
            raise DataChainParamsError(msg)
        if on_conflict not in (None, "ignore", "update"):
            msg = f"on_conflict must be 'ignore' or 'update', not `{on_conflict!r}`"
            raise DataChainParamsError(msg)
        if isinstance(keys, str):
            msg = f"conflict_columns is a list of names, not `{keys!r}`"
            raise DataChainParamsError(msg)
        if keys and on_conflict is None:
            msg = "conflict_columns= is for on_conflict='ignore' or 'update'"
            raise DataChainParamsError(msg)
        size = whole("batch_size", options["batch_size"])
        if size < 1:
            msg = f"batch_size is at least 1, not `{size}`"
            raise DataChainParamsError(msg)
        targets = targets_of(native, mapping)
        names = names_in_table(keys or (), targets, mapping)
        return cls(table, targets, size, on_conflict, names)


def write(native: Chain, order: Order, connection: Any) -> int:
    """Append the rows to the table, which is made if it is not there.

    Returns:
        How many rows were added or changed; -1 if the driver does not tell.
    """
    if module_of(connection) == "duckdb":
        from lakebed._database.duckdb import write as write_duckdb

        return write_duckdb(native, order, connection)
    with connected(connection) as conn:
        _check_dialect(conn.dialect.name, order)
        return _write(native, order, conn)


def _check_dialect(dialect: str, order: Order) -> None:
    if order.on_conflict and dialect not in _UPSERTS:
        msg = f"on_conflict is for {', '.join(_UPSERTS)} and duckdb, not for `{dialect}`"
        raise NotSupportedError(msg)
    if dialect == "postgresql" and order.on_conflict == "update" and not order.keys:
        msg = (
            "conflict_columns parameter is required when on_conflict='update' with PostgreSQL; "
            "hint: name the columns of a unique constraint"
        )
        raise DataChainParamsError(msg)


def _write(native: Chain, order: Order, conn: Any) -> int:
    import sqlalchemy as sa

    schema, _, name = order.table.rpartition(".")
    columns = [sa.Column(target.name, sql_type(target)) for target in order.targets]
    # what conflicts in a table that is made is what is said to
    unique = [sa.UniqueConstraint(*order.keys)] if order.keys else []
    table = sa.Table(name, sa.MetaData(), *columns, *unique, schema=schema or None)
    made = False
    try:
        with _transaction(conn):
            made = not sa.inspect(conn).has_table(name, schema=schema or None)
            if made:
                table.create(conn)
            return _inserted(native, order, conn, table)
    except BaseException:
        if made and not conn.in_transaction():
            # some databases make tables outside of transactions
            with suppress(sa.exc.SQLAlchemyError), conn.begin():
                table.drop(conn, checkfirst=True)
        raise


@contextmanager
def _transaction(conn: Any) -> Iterator[None]:
    """One of its own, or a part of the one that the connection is in, whose end the caller says."""
    if conn.in_transaction():
        begin_now(conn)
        with conn.begin_nested():
            yield
        return
    with conn.begin():
        begin_now(conn)
        yield


def _inserted(native: Chain, order: Order, conn: Any, table: Any) -> int:
    statement = _statement(order, conn.dialect.name, table)
    # the number of all rows, not only those of the last statement of a batch
    options = {"preserve_rowcount": True}
    total = 0
    for batch in _batches(native, order):
        rows = _last_of_each(batch, order) if order.on_conflict == "update" else batch
        changed = conn.execute(statement, rows, execution_options=options).rowcount
        total = -1 if changed < 0 or total < 0 else total + changed
    return total


def _statement(order: Order, dialect: str, table: Any) -> Any:
    if order.on_conflict is None:
        return table.insert()
    from importlib import import_module

    insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = order.keys or None
    if order.on_conflict == "ignore":
        return insert.on_conflict_do_nothing(index_elements=keys)
    values = {target.name: insert.excluded[target.name] for target in order.targets}
    return insert.on_conflict_do_update(index_elements=keys, set_=values)


def _batches(native: Chain, order: Order) -> Iterator[list[dict[str, Any]]]:
    """The rows as dicts of what a driver takes."""
    names = [target.name for target in order.targets]
    change = [(place, written(target.spec)) for place, target in enumerate(order.targets)]
    changes = [(place, how) for place, how in change if how is not None]
    rows = _export.rows(native, [target.path for target in order.targets])
    while batch := list(islice(rows, order.batch_size)):
        ready = []
        for row in batch:
            values = list(row)
            for place, how in changes:
                values[place] = how(values[place])
            ready.append(dict(zip(names, values, strict=True)))
        yield ready


def _last_of_each(rows: list[dict[str, Any]], order: Order) -> Sequence[dict[str, Any]]:
    """The last row of each key: PostgreSQL changes a row only once in a statement."""
    if not order.keys:
        return rows
    found: dict[Any, dict[str, Any]] = {}
    for number, row in enumerate(rows):
        key = tuple(row[name] for name in order.keys)
        # no NULL is equal to another
        found[(number,) if None in key else key] = row
    return list(found.values())
