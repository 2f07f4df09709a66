"""Functions for expressions, as `lakebed.func`: text names a column.

Such as `chain.group_by(total=func.sum("file.size"), partition_by="file.source")`.
"""

from __future__ import annotations

import sys
from typing import Any

from lakebed.expr import literal
from lakebed.func import array, datetime, json, numeric, path, random, string
from lakebed.func.aggregate import (
    Aggregate,
    any_value,
    avg,
    bool_and,
    bool_or,
    collect,
    concat,
    count,
    count_distinct,
    first,
    last,
    max,
    max_by,
    median,
    min,
    min_by,
    percentile,
    quantile,
    stddev,
    sum,
    variance,
    xor_agg,
)
from lakebed.func.array import contains, length, sip_hash_64
from lakebed.func.conditional import (
    and_,
    case,
    cast,
    coalesce,
    greatest,
    ifelse,
    isnone,
    least,
    not_,
    nullif,
    or_,
)
from lakebed.func.numeric import (
    abs,
    bit_and,
    bit_hamming_distance,
    bit_or,
    bit_xor,
    ceil,
    exp,
    floor,
    int_hash_64,
    is_nan,
    log,
    pow,
    round,
    sign,
    sqrt,
)
from lakebed.func.path import file_ext, file_stem, name, parent
from lakebed.func.random import rand
from lakebed.func.string import byte_hamming_distance, string_hash
from lakebed.func.vector import cosine_distance, euclidean_distance, l2_distance
from lakebed.func.windows import (
    Window,
    cume_dist,
    dense_rank,
    lag,
    lead,
    ntile,
    percent_rank,
    rank,
    row_number,
    window,
)

__all__ = [
    "Aggregate",
    "Window",
    "abs",
    "and_",
    "any_value",
    "array",
    "avg",
    "bit_and",
    "bit_hamming_distance",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "byte_hamming_distance",
    "case",
    "cast",
    "ceil",
    "coalesce",
    "collect",
    "concat",
    "contains",
    "cosine_distance",
    "count",
    "count_distinct",
    "cume_dist",
    "datetime",
    "dense_rank",
    "euclidean_distance",
    "exp",
    "file_ext",
    "file_stem",
    "first",
    "floor",
    "greatest",
    "ifelse",
    "int_hash_64",
    "is_nan",
    "isnone",
    "json",
    "l2_distance",
    "lag",
    "last",
    "lead",
    "least",
    "length",
    "literal",
    "log",
    "max",
    "max_by",
    "median",
    "min",
    "min_by",
    "name",
    "not_",
    "ntile",
    "nullif",
    "numeric",
    "or_",
    "parent",
    "path",
    "percent_rank",
    "percentile",
    "pow",
    "quantile",
    "rand",
    "random",
    "rank",
    "round",
    "row_number",
    "sign",
    "sip_hash_64",
    "sqrt",
    "stddev",
    "string",
    "string_hash",
    "sum",
    "variance",
    "window",
    "xor_agg",
]


def __getattr__(missing: str) -> Any:
    msg = f"module {__name__!r} has no attribute {missing!r}"
    for home in (string, array, datetime, numeric, json):
        if missing in home.__all__:
            msg += f"; hint: `func.{home.__name__.rpartition('.')[2]}.{missing}`"
            break
    raise AttributeError(msg, name=missing, obj=sys.modules[__name__])
