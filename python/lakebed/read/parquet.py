"""`read_parquet`: rows of Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._client_config import options_of
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import NotSupportedError
from lakebed.read._arguments import PathLike, paths_of, refuse
from lakebed.read._tables import Shape
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read_parquet(  # noqa: PLR0917  the peer's order
    path: PathLike | Sequence[PathLike],
    partitioning: Any = "hive",
    output: Any = None,
    column: str = "",
    model_name: str = "",
    source: bool = True,  # noqa: FBT001, FBT002
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
    start with `_` or `.` are left out unless they are named. Names of columns become identifiers:
    `First Name` is `first_name`. Models that `to_parquet` wrote, here or in DataChain, come back as
    such.

    Args:
        path: Files or folders; globs as in `read_storage`.
        partitioning: How folders are named: `hive`, as `key=value`; None: they are no columns.
        output: Names of the columns; or types by name, as a dict or model. If all of its names
            are the columns' own, only these are read.
        column: One column to nest all others in.
        model_name: The name of its model.
        source: Add the column `source`, an `ArrowRow` that says which row of which file it is.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        anon: As for `read_storage`.
        update: Files are looked up at each call, so both values do the same.
        client_config: As for `read_storage`.
        others: Other options of the peer, refused with a reason.
    """
    refuse("read_parquet", **others)
    files: list[str] | list[tuple[str, str]] = paths_of(path)
    options = options_of(client_config, anon=anon)
    held = Session.get(session, in_memory=in_memory)
    shape = Shape(output, column, model_name)
    folders = has_folders(partitioning)
    native, notes = held._native.read_parquet(files, folders, bool(source), options)
    return chain_of(shape.applied(native, notes), held, settings)


def has_folders(partitioning: Any) -> bool:
    """Whether folders are columns.

    Raises:
        NotSupportedError: They are to be read in another way.
    """
    if partitioning is not None and partitioning != "hive":
        msg = f"partitioning is `hive` or None, not `{partitioning!r}`"
        raise NotSupportedError(msg)
    return partitioning is not None
