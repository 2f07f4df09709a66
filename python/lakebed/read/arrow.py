"""`read_arrow`: tables of libraries that speak Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_arrow(
    data: Any,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
) -> DataChain:
    """A table of any library that speaks Arrow: PyArrow, Polars, pandas, DuckDB.

    Args:
        data: An object with `__arrow_c_stream__` or `__arrow_c_array__`.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
    """
    if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
        msg = f"read_arrow takes an object that speaks Arrow, not `{type(data).__name__}`"
        raise DataChainParamsError(msg)
    held = Session.get(session, in_memory=in_memory)
    return chain_of(held._native.read_arrow(data), held, settings)
