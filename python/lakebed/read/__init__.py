"""`read_...`: chains over files, datasets, tables and Python values; a module for each format."""

from __future__ import annotations

from lakebed.read.arrow import read_arrow
from lakebed.read.csv import read_csv
from lakebed.read.database import read_database
from lakebed.read.dataset import read_dataset, sql
from lakebed.read.hf import read_hf
from lakebed.read.json import read_json
from lakebed.read.pandas import read_pandas
from lakebed.read.parquet import read_parquet
from lakebed.read.polars import read_polars
from lakebed.read.storage import read_storage
from lakebed.read.values import read_records, read_values

__all__ = [
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
    "sql",
]
