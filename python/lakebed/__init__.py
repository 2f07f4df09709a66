"""Typed, versioned datasets from files in object storage, with a dataframe API and SQL.

    import lakebed as dc

    dc.read_storage("images/**/*.png", type="image").map(info=get_info).save("pets")

Every name is imported on first use: importing the package costs almost nothing.
"""

from __future__ import annotations

from importlib import import_module
from time import time as _now
from typing import TYPE_CHECKING, Any

from lakebed._paths import register as _register_paths

if TYPE_CHECKING:
    from lakebed import exceptions, func, metrics, model
    from lakebed._gc import Garbage, GcReport, gc
    from lakebed._schema import DataChainSchema, Vector
    from lakebed._sys import Sys
    from lakebed.catalog import (
        BucketStatus,
        DatasetInfo,
        ListingInfo,
        bucket_status,
        datasets,
        delete_dataset,
        edit_dataset,
        listings,
        move_dataset,
    )
    from lakebed.chain import Chain, DataChain
    from lakebed.distributed import Receipt, Unit, run_unit
    from lakebed.exceptions import DataChainError, FileError, LakebedError
    from lakebed.expr import C, Column, ColumnExpr, Expr
    from lakebed.file import (
        ArrowRow,
        Audio,
        AudioFile,
        AudioFragment,
        File,
        Image,
        ImageFile,
        TarVFile,
        TextFile,
        Video,
        VideoFile,
        VideoFragment,
        VideoFrame,
    )
    from lakebed.models import DataModel, DataType, ModelStore, is_chain_type
    from lakebed.namespaces import delete_namespace
    from lakebed.params import param
    from lakebed.projects import create_project
    from lakebed.read.arrow import read_arrow
    from lakebed.read.csv import read_csv
    from lakebed.read.database import read_database
    from lakebed.read.dataset import read_dataset, register_udf, sql
    from lakebed.read.hf import read_hf
    from lakebed.read.json import read_json
    from lakebed.read.pandas import read_pandas
    from lakebed.read.parquet import read_parquet
    from lakebed.read.polars import read_polars
    from lakebed.read.storage import read_storage
    from lakebed.read.values import read_records, read_values
    from lakebed.read.zarr import read_zarr
    from lakebed.serving import Server, serve
    from lakebed.session import Session, is_local, is_studio
    from lakebed.udf import AbstractUDF, Aggregator, Generator, Mapper

    __version__: str

__all__ = [
    "AbstractUDF",
    "Aggregator",
    "ArrowRow",
    "Audio",
    "AudioFile",
    "AudioFragment",
    "BucketStatus",
    "C",
    "Chain",
    "Column",
    "ColumnExpr",
    "DataChain",
    "DataChainError",
    "DataChainSchema",
    "DataModel",
    "DataType",
    "DatasetInfo",
    "Expr",
    "File",
    "FileError",
    "Garbage",
    "GcReport",
    "Generator",
    "Image",
    "ImageFile",
    "LakebedError",
    "ListingInfo",
    "Mapper",
    "ModelStore",
    "Receipt",
    "Server",
    "Session",
    "Sys",
    "TarVFile",
    "TextFile",
    "Unit",
    "Vector",
    "Video",
    "VideoFile",
    "VideoFragment",
    "VideoFrame",
    "__version__",
    "bucket_status",
    "create_project",
    "datasets",
    "delete_dataset",
    "delete_namespace",
    "edit_dataset",
    "exceptions",
    "func",
    "gc",
    "is_chain_type",
    "is_local",
    "is_studio",
    "listings",
    "metrics",
    "model",
    "move_dataset",
    "param",
    "read_arrow",
    "read_csv",
    "read_database",
    "read_dataset",
    "read_hf",
    "read_json",
    "read_pandas",
    "read_parquet",
    "read_polars",
    "read_records",
    "read_storage",
    "read_values",
    "read_zarr",
    "register_udf",
    "run_unit",
    "serve",
    "sql",
]

_NAMES = {
    "_gc": ("Garbage", "GcReport", "gc"),
    "_schema": ("DataChainSchema", "Vector"),
    "_sys": ("Sys",),
    "catalog": (
        *("BucketStatus", "bucket_status", "ListingInfo", "listings"),
        *("DatasetInfo", "datasets", "delete_dataset", "edit_dataset", "move_dataset"),
    ),
    "chain": ("Chain", "DataChain"),
    "distributed": ("Receipt", "Unit", "run_unit"),
    "exceptions": ("DataChainError", "FileError", "LakebedError"),
    "expr": ("C", "Column", "ColumnExpr", "Expr"),
    "file": (
        *("ArrowRow", "File", "Image", "ImageFile", "TarVFile", "TextFile"),
        *("Audio", "AudioFile", "AudioFragment"),
        *("Video", "VideoFile", "VideoFragment", "VideoFrame"),
    ),
    "models": ("DataModel", "DataType", "ModelStore", "is_chain_type"),
    "namespaces": ("delete_namespace",),
    "params": ("param",),
    "projects": ("create_project",),
    "read.arrow": ("read_arrow",),
    "read.database": ("read_database",),
    "read.csv": ("read_csv",),
    "read.dataset": ("read_dataset", "register_udf", "sql"),
    "read.hf": ("read_hf",),
    "read.json": ("read_json",),
    "read.pandas": ("read_pandas",),
    "read.parquet": ("read_parquet",),
    "read.polars": ("read_polars",),
    "read.storage": ("read_storage",),
    "read.values": ("read_records", "read_values"),
    "read.zarr": ("read_zarr",),
    "serving": ("Server", "serve"),
    "session": ("Session", "is_local", "is_studio"),
    "udf": ("AbstractUDF", "Aggregator", "Generator", "Mapper"),
}
_started = _now()
"""When this program began: modules edited since then may not be those that run."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names}
_MODULES = ("exceptions", "func", "metrics", "model")

_register_paths()


def __getattr__(name: str) -> Any:
    """Import what was asked for, once."""
    if name in _HOMES:
        value = getattr(import_module(f"lakebed.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"lakebed.{name}")
    elif name == "__version__":
        from importlib.metadata import version

        value = version("lakebed")
    else:
        msg = f"module `lakebed` has no attribute `{name}`"
        raise AttributeError(msg, name=name, obj=import_module(__name__))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, also those not imported yet."""
    return __all__
