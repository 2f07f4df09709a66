"""`read_zarr`: stores of Zarr below a path or in a bucket, one row each."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from lakebed.expr import C
from lakebed.read.storage import read_storage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed.chain import DataChain
    from lakebed.read._arguments import PathLike
    from lakebed.session import Session

_MARKERS = ("zarr.json", ".zgroup", ".zarray")
"""What is at the root of a store: of version 3, and groups and arrays of version 2."""


def read_zarr(
    path: PathLike | Sequence[PathLike],
    column: str = "zarr",
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    **options: Any,
) -> DataChain:
    """The stores of Zarr below a path or in a bucket, one row each.

    A store is a folder whose name ends with `.zarr`, or the one that is named. Nothing in it is
    read but its name; `store.get_array("frames").read(0)` reads from it, also in functions.

    Args:
        path: As `uri` of `read_storage`.
        column: The column of `ZarrStore`.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        options: As for `read_storage`: `anon`, `update`, `client_config` and others.

    Raises:
        ImportError: `zarr` is not installed.
    """
    from lakebed._extras import needed
    from lakebed.file.zarr_store import ZarrStore, store_of

    needed("zarr", "lakebed[zarr]")
    where: dict[str, Any] = {"session": session, "settings": settings, "in_memory": in_memory}
    files = read_storage(path, **where, **options)
    file_path = C("file.path")
    roots = [file_path.glob(f"*.zarr/{name}") | (file_path == name) for name in _MARKERS]
    return files.filter(reduce(or_, roots)).map(store_of, output={column: ZarrStore}).select(column)
