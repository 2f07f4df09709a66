"""Data frames of other libraries: some columns are Arrow's, the others values of Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed._schema import Spec


@dataclass
class Frame:
    """Columns in order, each in one of the two dicts.

    Attributes:
        names: Of all columns.
        arrays: Columns of Arrow by name; or a table of them.
        values: Specs and values by name.
    """

    names: list[str]
    arrays: Any = field(default_factory=dict)
    values: dict[str, tuple[Spec, Sequence[Any]]] = field(default_factory=dict)


def chain_of_frame(
    frame: Frame,
    column: str,
    session: Session | None,
    settings: Mapping[str, Any] | None,
    *,
    in_memory: bool,
) -> DataChain:
    """The frame's rows; all columns are the fields of one if it has a name."""
    if not frame.names:
        msg = "the data frame has no columns"
        raise DataChainParamsError(msg)
    held = Session.get(session, in_memory=in_memory)
    values = [(name, *frame.values[name]) for name in frame.names if name in frame.values]
    nest = nest_of(column)
    table = _table(frame.arrays)
    if table is None:
        native = held._native.read_values(values, nest)
    else:
        native = held._native.read_frame(frame.names, table, values, nest)
    return chain_of(native, held, settings)


def nest_of(column: str) -> str | None:
    """The column that others are nested in."""
    if column and not column.isidentifier():
        msg = f"column= is the name of a column, not `{column}`"
        raise DataChainParamsError(msg)
    return column or None


def _table(arrays: Any) -> Any:
    if not isinstance(arrays, dict):
        return arrays
    if not arrays:
        return None
    import pyarrow as pa

    return pa.table(arrays)
