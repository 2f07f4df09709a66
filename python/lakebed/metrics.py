"""`metrics.set()` and `metrics.get()`: what a run of a script measures, kept with what it saves.

    import lakebed as dc

    dc.metrics.set("accuracy", 0.97)

They belong to the run: all versions that it saves have them, also those that it saved before,
and `datasets()` shows them.
"""

from __future__ import annotations

from typing import Any

from lakebed._hint import did_you_mean
from lakebed.exceptions import ArgumentTypeError, DataChainParamsError, NotFoundError

__all__ = ["get", "set"]

Metric = str | int | float | bool | None


def set(key: str, value: Metric) -> None:
    """Note a measurement of this run; a later value of the same name replaces it.

    It is in the catalog at once, or as soon as the run saves something; sessions that were
    closed before do not hear of it. A float that is no number is in the catalog as text:
    `nan`, `inf` or `-inf`.

    Args:
        key: What was measured.
        value: A text, number, bool or None; also a number of NumPy or PyTorch.

    Raises:
        ArgumentTypeError: The key is no text, or the value is of another type.
        DataChainParamsError: The key is empty.
        NotSupportedError: This is a worker process, which is no run of a script.

    Examples:
        >>> import lakebed as dc
        >>> dc.metrics.set("loss", 0.25)
        >>> dc.metrics.get("loss")
        0.25
    """
    from lakebed.session import note

    if not isinstance(key, str):
        msg = f"Key must be a string, not `{key!r}`"
        raise ArgumentTypeError(msg)
    if not key:
        msg = "Key must not be empty"
        raise DataChainParamsError(msg)
    note("metrics", key, _checked(value))


def get(key: str) -> Metric:
    """The last value of this name that this run has set.

    Raises:
        NotFoundError: There is none; it is a `KeyError`.
    """
    from lakebed.session import NOTES

    known: dict[str, Metric] = NOTES["metrics"]
    if key not in known:
        msg = f"metric `{key}` was not set in this run{did_you_mean(str(key), list(known))}"
        raise NotFoundError(msg)
    return known[key]


def _checked(value: Any) -> Metric:
    kinds = (str, int, float, bool, type(None))
    if isinstance(value, kinds):
        return value
    if getattr(value, "ndim", None) == 0:
        # a number of NumPy or PyTorch
        value = value.item()
        if isinstance(value, kinds):
            return value
    msg = f"Value must be a string, int, float or bool, not `{value!r}`"
    raise ArgumentTypeError(msg)
