"""`explode`: a column of JSON as a column of a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Optional

from lakebed import _export
from lakebed._columns import path_of
from lakebed._types.infer import infer_spec
from lakebed._types.resolve import rebuilt_spec
from lakebed._udf.signature import UdfArguments
from lakebed.exceptions import DataChainParamsError, SignalResolvingTypeError, UdfError

if TYPE_CHECKING:
    from lakebed._native import Chain
    from lakebed._schema import Spec
    from lakebed.expr import Column


class Parse:
    """Turns JSON text or dicts into dicts with known keys.

    Examples:
        >>> parse = Parse("meta", ["a", "b"])
        >>> parse('{"a": 1}'), parse({"b": 2}), parse(None)
        ({'a': 1}, {'b': 2}, None)
    """

    def __init__(self, column: str, keys: list[str]) -> None:
        self.__name__ = "explode"  # what progress and messages call it
        self.column = column
        self.keys = keys

    def __call__(self, value: Any) -> dict[str, Any] | None:
        found = parsed(self.column, value)
        for key in found or ():
            if key not in self.keys:
                msg = (
                    f"column `{self.column}` has the key `{key}` here, but its first rows do "
                    "not; hint: raise schema_sample_size="
                )
                raise UdfError(msg, code="udf.function_failed")
        return found


def parsed(column: str, value: Any) -> dict[str, Any] | None:
    """A dict, or the dict that JSON text stands for."""
    found = json.loads(value) if isinstance(value, (str, bytes)) else value
    if found is not None and not isinstance(found, dict):
        msg = f"explode takes a column of dicts, but `{column}` holds `{found!r}`"
        raise SignalResolvingTypeError(msg)
    return found


def explode_arguments(
    native: Chain,
    col: str | Column,
    model_name: str | None,
    column: str | None,
    sample_rows: int,
) -> UdfArguments:
    """What `map` has to do; reads the first rows to learn the keys and their types."""
    path = path_of(col, "explode")
    if not isinstance(sample_rows, int) or isinstance(sample_rows, bool) or sample_rows < 1:
        msg = f"schema_sample_size is a number of rows, at least 1, not `{sample_rows!r}`"
        raise DataChainParamsError(msg)
    name = column or f"{path.replace('.', '_')}_expl"
    spec = _model(native, path, model_name or name, sample_rows)
    parse = Parse(path, [key for key, _ in spec["fields"]])
    model = spec["cls"]
    return UdfArguments(parse, path, {name: Optional[model]}, {})  # noqa: UP045


def _model(native: Chain, path: str, name: str, sample_rows: int) -> Spec:
    """The model of the first rows; later ones may lack any key."""
    rows = _export.rows(native.limit(sample_rows), [path])
    found = [parsed(path, value) for (value,) in rows]
    spec = infer_spec(found, f"column `{path}`", sample=True, struct=name)
    if spec["kind"] != "model":
        msg = (
            f"the first rows of column `{path}` have no keys that can be names of columns; "
            "hint: raise schema_sample_size="
        )
        raise SignalResolvingTypeError(msg)
    return rebuilt_spec(name, [(key, field | {"nullable": True}) for key, field in spec["fields"]])
