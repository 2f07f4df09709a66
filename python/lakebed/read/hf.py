"""`read_hf`: datasets of Hugging Face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._coerce import whole
from lakebed._extras import needed
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError
from lakebed.read._features import Columns
from lakebed.read._parts import PART_BYTES, exactly_nullable, joined
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakebed._native import Chain

_ROWS = 1000
"""Rows that are converted at once."""

_LARGE_ROWS = 16
"""The same where each may hold a file."""


def read_hf(
    dataset: Any,
    *args: Any,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    column: str = "",
    model_name: str = "",
    limit: int = 0,
    **kwargs: Any,
) -> DataChain:
    """The rows of a Hugging Face dataset, which are read in this call.

    Labels become `HFClassLabel`, images `HFImage`, sounds `HFAudio` (see `lakebed.hf`), dicts
    models. A column has None in its type if there is one in it; so has a label that is not
    known. Names become those of Python: `middle name` is `middle_name`. Of several splits, the
    column `split` says which a row is from. What is more than 64 MiB is kept below the root
    until the session ends.

    Args:
        dataset: A name or path for `datasets.load_dataset`, or what it returns: a `Dataset`,
            `DatasetDict`, `IterableDataset` or `IterableDatasetDict`.
        args: More arguments for `load_dataset`.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        column: One column to nest all others in.
        model_name: The name of its model; by default that of the column.
        limit: How many rows of each split to read; 0 for all.
        kwargs: More arguments for `load_dataset`, as `split="train"`.

    Raises:
        TypeError: It is no dataset.
        NotSupportedError: A feature of the dataset has no type here.
        ImportError: The package `datasets` is not installed.
    """
    rows = whole("limit", limit)
    splits = _splits(dataset, args, kwargs)
    held = Session.get(session)
    nested = (column, model_name or column) if column else None
    parts = (
        held._native.read_arrow(table)
        for name, split in splits.items()
        for table in _tables(split, name if len(splits) > 1 else "", rows, nested)
    )
    return chain_of(joined(_all_or_empty(parts), held), held, settings)


def _all_or_empty(parts: Iterator[Chain]) -> Iterator[Chain]:
    found = False
    for part in parts:
        found = True
        yield part
    if not found:
        raise DataChainParamsError("the dataset has no splits")


def _splits(dataset: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The datasets by the names of their splits."""
    datasets = needed("datasets", "lakebed[hf]")
    if isinstance(dataset, str):
        dataset = datasets.load_dataset(dataset, *args, **kwargs)
    if isinstance(dataset, (datasets.DatasetDict, datasets.IterableDatasetDict)):
        return {str(name): split for name, split in dataset.items()}
    if not isinstance(dataset, (datasets.Dataset, datasets.IterableDataset)):
        kind = type(dataset).__name__
        msg = f"read_hf takes a name or a dataset of Hugging Face, not `{kind}`"
        raise TypeError(msg)
    return {"": dataset}


def _tables(split: Any, name: str, limit: int, nested: tuple[str, str] | None) -> Iterator[Any]:
    """The rows of a split as tables of Arrow; at least one."""
    import pyarrow as pa

    if limit:
        split = split.take(limit)
    columns = Columns.of(split, "split" if name else "")
    waiting: list[Any] = []
    size = 0
    at_once = _LARGE_ROWS if columns.hold_files() else _ROWS
    for batch in split.with_format("arrow").iter(batch_size=at_once):
        waiting.append(columns.converted(batch, name))
        size += waiting[-1].nbytes
        if size >= PART_BYTES:
            yield _part(pa.concat_tables(waiting), nested)
            waiting, size = [], 0
    if waiting or size == 0:
        waiting = waiting or [columns.converted(columns.empty(), name)]
        yield _part(pa.concat_tables(waiting), nested)


def _part(table: Any, nested: tuple[str, str] | None) -> Any:
    from lakebed.read._features import as_model

    exact = exactly_nullable(table)
    return exact if nested is None else as_model(exact, *nested)
