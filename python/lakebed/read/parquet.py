"""`read_parquet`: rows of Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._client_config import options_of
from lakebed._types.signal_schema import signal_specs
from lakebed.chain import DataChain, chain_of
from lakebed.read._arguments import PathLike, paths_of, refuse
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read_parquet(  # noqa: PLR0917  the peer's order
    path: PathLike | Sequence[PathLike],
    partitioning: Any = "hive",
    output: Any = None,
    column: str = "",
    model_name: str = "",
    source: bool = False,  # noqa: FBT001, FBT002
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    *,
    anon: bool | None = None,
    update: bool = False,  # noqa: ARG001
    client_config: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    """The rows of Parquet files; structs become models.

    Files that differ are one table: types widen to what holds the values of all, a column or field
    that a file lacks is null. Folders called `key=value` are columns. Files and folders whose names
    start with `_` or `.` are left out unless they are named.

    Args:
        path: Files or folders; globs as in `read_storage`.
        partitioning: How folders are named; other ways than `hive` are not supported yet, nor are
            the next four.
        output: Other names or types for the columns.
        column: One column to nest all others in.
        model_name: The name of its model.
        source: Add the file that a row is from.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        anon: As for `read_storage`.
        update: Files are looked up at each call, so both values do the same.
        client_config: As for `read_storage`.
        others: Other options of the peer, refused with a reason.
    """
    refuse(
        "read_parquet",
        partitioning=None if partitioning == "hive" else partitioning,
        output=output,
        column=column,
        model_name=model_name,
        source=source,
        **others,
    )
    paths = paths_of(path)
    options = options_of(client_config, anon=anon)
    held = Session.get(session, in_memory=in_memory)
    native, signals = held._native.read_parquet(paths, options)
    if signals is not None and (columns := signal_specs(signals)) is not None:
        native = native.unflatten(columns)
    return chain_of(native, held, settings)
