"""Functions for expressions, as `lakebed.func`: text names a column.

Such as `chain.group_by(total=func.sum("file.size"), partition_by="file.source")`.
"""

from __future__ import annotations

from lakebed.expr import literal
from lakebed.functions import array, path, string
from lakebed.functions.aggregate import Aggregate, avg, count, max, min, sum
from lakebed.functions.array import contains, length
from lakebed.functions.conditional import (
    and_,
    case,
    cast,
    greatest,
    ifelse,
    isnone,
    least,
    not_,
    or_,
)
from lakebed.functions.path import file_ext, file_stem, name, parent
from lakebed.functions.vector import cosine_distance, euclidean_distance, l2_distance

__all__ = [
    "Aggregate",
    "and_",
    "array",
    "avg",
    "case",
    "cast",
    "contains",
    "cosine_distance",
    "count",
    "euclidean_distance",
    "file_ext",
    "file_stem",
    "greatest",
    "ifelse",
    "isnone",
    "l2_distance",
    "least",
    "length",
    "literal",
    "max",
    "min",
    "name",
    "not_",
    "or_",
    "parent",
    "path",
    "string",
    "sum",
]
