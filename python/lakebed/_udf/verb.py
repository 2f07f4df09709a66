"""`Verb`: what `map`, `gen`, `agg` and `map_batches` ask of a function.

Everything that reads calls and signatures asks here where the verbs differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lakebed.udf import AbstractUDF, Aggregator, Generator, Mapper


@dataclass(frozen=True)
class Verb:
    """How a verb calls a function.

    Attributes:
        name: The method of `DataChain`.
        mode: What a call gives: a result, an iterable of results, or whole columns.
        udf: The class of functions that are objects.
        groups: A parameter gets the list of a group's values instead of one value.
    """

    name: str
    mode: Literal["row", "rows", "batch"]
    udf: type[AbstractUDF]
    groups: bool = False


MAP = Verb("map", "row", Mapper)
GEN = Verb("gen", "rows", Generator)
AGG = Verb("agg", "rows", Aggregator, groups=True)
MAP_BATCHES = Verb("map_batches", "batch", Mapper)
