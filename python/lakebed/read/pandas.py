"""`read_pandas`: data frames of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._schema import infer_spec
from lakebed.exceptions import DataChainParamsError, DatasetPrepareError
from lakebed.read._frames import Frame, chain_of_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed.chain import DataChain
    from lakebed.session import Session

_NO_TYPE = ("period", "interval", "complex")
"""Beginnings of dtypes that no column can have."""


def read_pandas(  # noqa: PLR0917  the peer's order
    df: Any,
    name: str = "",
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    column: str = "",
) -> DataChain:
    """The columns of a data frame, without its index.

    Names become lower case, those of several levels are joined with `_`. NaN in a column of
    numbers stays what it is; in all other columns what is missing is null. Objects have the types
    that they have in `read_values`; categories are their values.

    Args:
        df: A `pandas.DataFrame`.
        name: Has no effect but in errors; the peer names intermediate results by it.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        column: One column to nest all others in, as the fields of a model.

    Raises:
        DatasetPrepareError: A column's name is none that a column can have, or two have one.
        ValuesToTupleError: The objects of a column share no type.

    Examples:
        >>> import pandas as pd
        >>> import lakebed as dc
        >>> dc.read_pandas(pd.DataFrame({"Fib": [1, 2, 3]})).to_values("fib")
        [1, 2, 3]
    """
    if not (hasattr(df, "iloc") and hasattr(df, "columns")):
        msg = f"read_pandas takes a pandas.DataFrame, not `{type(df).__name__}`"
        raise DataChainParamsError(msg)
    frame = Frame(names=_names(df.columns, name))
    for place, title in enumerate(frame.names):
        _add(frame, title, df.iloc[:, place])
    return chain_of_frame(frame, column, session, settings, in_memory=in_memory)


def _names(columns: Any, frame: str) -> list[str]:
    of_frame = f" of `{frame}`" if frame else ""
    names: list[str] = []
    for given in columns:
        parts = given if isinstance(given, tuple) else (given,)
        name = "_".join(map(str, parts)).lower()
        if not name.isidentifier():
            msg = f"`{given}`{of_frame} is no name of a column; hint: rename it, as to `first_name`"
            raise DatasetPrepareError(msg)
        if name in names:
            msg = f"two columns{of_frame} are called `{name}`, in lower case; hint: rename one"
            raise DatasetPrepareError(msg)
        names.append(name)
    return names


def _add(frame: Frame, name: str, series: Any) -> None:
    """A column, as Arrow where pandas has it so, else as values."""
    dtype = str(series.dtype).lower()
    if dtype.startswith(_NO_TYPE):
        msg = f"column `{name}` has dtype `{series.dtype}`; hint: `astype(str)`, or split it"
        raise DatasetPrepareError(msg)
    if dtype.startswith("sparse"):
        series = series.sparse.to_dense()
    if dtype != "object" and (array := _arrow(series)) is not None:
        frame.arrays[name] = array
        return
    values = _values(series)
    frame.values[name] = (infer_spec(values, f"column `{name}`"), values)


def _arrow(series: Any) -> Any:
    """The column as Arrow; None without `pyarrow`."""
    try:
        import pyarrow as pa
    except ImportError:
        return None
    # what is missing is null, but NaN is a number
    return pa.array(series, from_pandas=False)


def _values(series: Any) -> Sequence[Any]:
    """The values as Python's; what is missing is None, or NaN among floats."""
    import pandas as pd

    kept = series.notna()
    if pd.api.types.infer_dtype(series, skipna=True) in ("floating", "mixed-integer-float"):
        kept |= series.map(lambda value: isinstance(value, float))
    plain: list[Any] = series.astype(object).where(kept, None).tolist()
    return plain
