"""`read_polars`: data frames of Polars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._schema import infer_spec
from lakebed.exceptions import DataChainParamsError
from lakebed.read._frames import Frame, chain_of_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed.chain import DataChain
    from lakebed.session import Session


def read_polars(  # noqa: PLR0917  as `read_pandas`
    df: Any,
    name: str = "",  # noqa: ARG001
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    column: str = "",
) -> DataChain:
    """The columns of a data frame of Polars, under their names and with their types.

    Structs become models, categories their values; a column of objects has the type that its
    values have in `read_values`. A lazy frame is collected.

    Args:
        df: A `polars.DataFrame` or `polars.LazyFrame`.
        name: Has no effect, as in `read_pandas`.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        column: One column to nest all others in, as the fields of a model.

    Raises:
        DataChainParamsError: It is no data frame of Polars.
        ValuesToTupleError: The objects of a column share no type.

    Examples:
        >>> import polars as pl
        >>> import lakebed as dc
        >>> dc.read_polars(pl.DataFrame({"fib": [1, 2, 3]})).to_values("fib")
        [1, 2, 3]
    """
    if type(df).__name__ == "LazyFrame":
        df = df.collect()
    if not (hasattr(df, "__arrow_c_stream__") and hasattr(df, "iter_columns")):
        msg = f"read_polars takes a polars.DataFrame, not `{type(df).__name__}`"
        raise DataChainParamsError(msg)
    objects = [series.name for series in df.iter_columns() if str(series.dtype) == "Object"]
    frame = Frame(names=df.columns, arrays=df.drop(objects))
    for title in objects:
        values = df[title].to_list()
        frame.values[title] = (infer_spec(values, f"column `{title}`"), values)
    if len(objects) == len(frame.names):
        frame.arrays = {}
    return chain_of_frame(frame, column, session, settings, in_memory=in_memory)
