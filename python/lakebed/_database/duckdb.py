"""Rows of a chain into a table of DuckDB, as Arrow and without a look at single values."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lakebed import _export
from lakebed._extras import needed
from lakebed._native import Expr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed._database.columns import Target
    from lakebed._database.write import Order
    from lakebed._native import Chain

_ROWS = "lakebed_rows"
_SHAPE = "lakebed_shape"

_FROM_TEXT = {"json": "JSON", "uuid": "UUID"}
"""Types that Arrow has as text."""


def write(native: Chain, order: Order, connection: Any) -> int:
    """Append the rows; the number of those that were added or changed."""
    pa = needed("pyarrow", "lakebed[arrow]")
    # names that no column of the chain has
    taken = [(f"column {at}", Expr.column(t.path)) for at, t in enumerate(order.targets)]
    flat = native.mutate(taken).select([name for name, _ in taken])
    made = f"create table if not exists {_table(order)} as {_selection(order, _SHAPE)}"
    with _export.stream(flat) as rows:
        reader = pa.RecordBatchReader.from_stream(rows)
        views = {_SHAPE: reader.schema.empty_table(), _ROWS: reader}
        with _views(connection, views), _transaction(connection):
            is_new = order.keys and not _is_there(order, connection)
            connection.execute(made)
            if is_new:
                # what conflicts in a table that is made is what is said to
                connection.execute(_constraint(order))
            return int(connection.execute(_insertion(order)).fetchone()[0])


def _is_there(order: Order, connection: Any) -> bool:
    *above, name = order.table.split(".")
    query = (
        "select 1 from information_schema.tables "
        "where table_name = ? and table_schema = coalesce(?, current_schema())"
    )
    return connection.execute(query, [name, above[-1] if above else None]).fetchone() is not None


def _constraint(order: Order) -> str:
    name = "_".join([order.table.rpartition(".")[2], *order.keys])
    keys = ", ".join(map(_quoted, order.keys))
    return f"create unique index {_quoted(name)} on {_table(order)} ({keys})"


def _insertion(order: Order) -> str:
    columns = ", ".join(_quoted(target.name) for target in order.targets)
    keys = f" ({', '.join(map(_quoted, order.keys))})" if order.keys else ""
    changes = ", ".join(
        f"{_quoted(target.name)} = excluded.{_quoted(target.name)}"
        for target in order.targets
        if target.name not in order.keys
    )
    conflict = {
        None: "",
        "ignore": f" on conflict{keys} do nothing",
        "update": f" on conflict{keys} do update set {changes}",
    }[order.on_conflict if changes or order.on_conflict is None else "ignore"]
    rows = _last_of_each(order) if order.on_conflict == "update" and order.keys else _ROWS
    return f"insert into {_table(order)} ({columns}) {_selection(order, rows)}{conflict}"


def _last_of_each(order: Order) -> str:
    """The last row of each key: the first would win, since a statement changes a row once."""
    names = {target.name: f'"column {at}"' for at, target in enumerate(order.targets)}
    keys = [names[key] for key in order.keys]
    # no NULL is equal to another
    missing = " or ".join(f"{key} is null" for key in keys)
    return (
        f"(select * from (select *, row_number() over () as place from {_ROWS}) "  # noqa: S608
        f"qualify {missing} or row_number() over "
        f"(partition by {', '.join(keys)} order by place desc) = 1)"
    )


def _selection(order: Order, view: str) -> str:
    columns = [_typed(f'"column {at}"', target) for at, target in enumerate(order.targets)]
    return f"select {', '.join(columns)} from {view}"  # noqa: S608


def _typed(column: str, target: Target) -> str:
    kind = _FROM_TEXT.get(target.spec["kind"])
    value = f"cast({column} as {kind})" if kind else column
    return f"{value} as {_quoted(target.name)}"


def _table(order: Order) -> str:
    return ".".join(map(_quoted, order.table.split(".")))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _views(connection: Any, views: dict[str, Any]) -> Iterator[None]:
    import duckdb

    for name, rows in views.items():
        connection.register(name, rows)
    try:
        yield
    finally:
        for name in views:
            # a transaction of the caller that failed takes nothing any more
            with suppress(duckdb.Error):
                connection.unregister(name)


@contextmanager
def _transaction(connection: Any) -> Iterator[None]:
    """One of its own, or that of the caller, which an error ends here."""
    import duckdb

    try:
        connection.begin()
    except duckdb.TransactionException:
        yield
        return
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
