"""Features of Hugging Face datasets as columns, by Arrow and without a look at single rows."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed._extras import needed
from lakebed.exceptions import NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable

Typed: TypeAlias = tuple[Any, Any]
"""An array and its field."""

_TYPE = b"lakebed.type"
"""The key of what a struct stands for; the engine's."""


class Columns:
    """The columns that a dataset's features become."""

    def __init__(self, features: Any, split: str) -> None:
        """Name the columns; `split` is the name of the one that is added, or empty."""
        self._features = features
        self._split = split
        names = [split] if split else []
        self._names = python_names([*names, *features])[len(names) :]

    @classmethod
    def of(cls, dataset: Any, split: str) -> Columns:
        """Those of a dataset; a stream may have to be begun to know them."""
        features = dataset.features
        if features is None:
            features = dataset._resolve_features().features
        return cls(features, split)

    def hold_files(self) -> bool:
        """Whether a row may be large."""
        return "binary" in str(self._features.arrow_schema.types)

    def empty(self) -> Any:
        """A table of the dataset without rows."""
        return self._features.arrow_schema.empty_table()

    def converted(self, table: Any, split: str) -> Any:
        """The table with the columns of a chain."""
        import pyarrow as pa

        arrays, fields = [], []
        if self._split:
            arrays.append(pa.array([split] * len(table), pa.string()))
            fields.append(pa.field(self._split, pa.string()))
        for name, (original, feature) in zip(self._names, self._features.items(), strict=True):
            chunks = table.column(original).combine_chunks()
            array = chunks.combine_chunks() if isinstance(chunks, pa.ChunkedArray) else chunks
            array, field = _column(array, feature, name)
            arrays.append(array)
            fields.append(field)
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def as_model(table: Any, column: str, name: str) -> Any:
    """The table with all columns nested in one."""
    import pyarrow as pa

    array = table.combine_chunks().to_struct_array()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    struct = pa.struct(list(table.schema))
    field = pa.field(column, struct, nullable=False, metadata={_TYPE: f"model:{name}@v1".encode()})
    return pa.Table.from_arrays([array.cast(struct)], schema=pa.schema([field]))


def python_names(names: Iterable[str]) -> list[str]:
    """Names that Python can use, each once."""
    found: list[str] = []
    given = list(names)
    for original in given:
        name = re.sub("[^0-9a-z]+", "_", original.lower()).strip("_")
        number, unique = 0, name
        while (
            not unique.isidentifier() or unique in found or (unique != original and unique in given)
        ):
            unique = f"c{number}_{name}" if name else f"c{number}"
            number += 1
        found.append(unique)
    return found


def _column(array: Any, feature: Any, name: str) -> Typed:
    """Values of a feature, and their field."""
    import datasets
    import pyarrow as pa

    if isinstance(feature, datasets.ClassLabel):
        return _labels(array, feature, name)
    if isinstance(feature, datasets.Image):
        return _images(array, name)
    if isinstance(feature, datasets.Audio):
        return _sounds(array, feature, name)
    if isinstance(feature, dict):
        return _struct(array, feature, name)
    if isinstance(feature, (datasets.List, datasets.LargeList)):
        return _lists(array, feature.feature, name)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    elif not isinstance(feature, datasets.Value):
        msg = (
            f"column `{name}` is of the feature `{type(feature).__name__}`, which has no type "
            "here; hint: leave it out with dataset.remove_columns"
        )
        raise NotSupportedError(msg)
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    return _exact(array, name)


def _exact(array: Any, name: str) -> Typed:
    """Lists whose items may be None only if one is."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _of_items(array, *_exact(array.values, "item"), name)
    return array, pa.field(name, kind)


def _model(arrays: list[Any], fields: list[Any], missing: Any, names: tuple[str, str]) -> Typed:
    import pyarrow as pa

    struct = pa.StructArray.from_arrays(arrays, fields=fields, mask=missing)
    name, model = names
    return struct, pa.field(name, struct.type, metadata={_TYPE: f"model:{model}@v1".encode()})


def _labels(array: Any, feature: Any, name: str) -> Typed:
    """Numbers with their names; -1 stands for a label that is not known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.fill_null(pc.greater_equal(array, 0), False)  # noqa: FBT003
    numbers = pc.if_else(known, array, 0).cast(pa.int64())
    names = pa.array(feature.names or [""], pa.string())
    fields = [pa.field("string", pa.string(), False), pa.field("integer", pa.int64(), False)]  # noqa: FBT003
    return _model([names.take(numbers), numbers], fields, pc.invert(known), (name, "HFClassLabel"))


def _images(array: Any, name: str) -> Typed:
    import pyarrow as pa

    data = [b"" if value is None else value for value in _contents(array)]
    fields = [pa.field("img", pa.binary(), nullable=False)]
    return _model([pa.array(data, pa.binary())], fields, array.is_null(), (name, "HFImage"))


def _sounds(array: Any, feature: Any, name: str) -> Typed:
    import pyarrow as pa

    soundfile = needed("soundfile", "lakebed[audio]")
    samples: list[Any] = []
    rates: list[int] = []
    for data in _contents(array):
        if data is None:
            samples.append([])
            rates.append(0)
            continue
        found, rate = soundfile.read(BytesIO(data), always_2d=True)
        wanted = feature.sampling_rate
        if wanted not in (None, rate):
            msg = (
                f"column `{name}` asks for {wanted} samples per second, and a file has {rate}; "
                f"hint: dataset.cast_column({name!r}, Audio()) reads them as they are"
            )
            raise NotSupportedError(msg)
        samples.append(found.mean(axis=1))
        rates.append(rate)
    item = pa.list_(pa.field("item", pa.float64(), nullable=False))
    fields = [pa.field("array", item, False), pa.field("sampling_rate", pa.int64(), False)]  # noqa: FBT003
    arrays = [pa.array(samples, item), pa.array(rates, pa.int64())]
    return _model(arrays, fields, array.is_null(), (name, "HFAudio"))


def _contents(array: Any) -> Iterable[bytes | None]:
    """The files of a column: in it, or only named by it."""
    for value in array:
        if not value.is_valid:
            yield None
            continue
        data, path = (value[key].as_py() for key in ("bytes", "path"))
        yield Path(path).read_bytes() if data is None else data


def _struct(array: Any, features: dict[str, Any], name: str) -> Typed:
    parts = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
    names = python_names(features)
    columns = [
        _column(parts[key], features[key], to) for key, to in zip(features, names, strict=True)
    ]
    arrays = [column for column, _ in columns]
    model = (name, f"HFDataModel_{name}")
    return _model(arrays, [field for _, field in columns], array.is_null(), model)


def _lists(array: Any, feature: Any, name: str) -> Typed:
    import pyarrow as pa

    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    return _of_items(array, *_column(array.values, feature, name), name)


def _of_items(array: Any, items: Any, item: Any, name: str) -> Typed:
    """The lists of an array with other items in them."""
    import pyarrow as pa

    item = item.with_name("item").with_nullable(items.null_count > 0)
    is_large = pa.types.is_large_list(array.type)
    kind, cls = (pa.large_list, pa.LargeListArray) if is_large else (pa.list_, pa.ListArray)
    lists = cls.from_arrays(array.offsets, items, type=kind(item), mask=array.is_null())
    return lists, pa.field(name, kind(item))
