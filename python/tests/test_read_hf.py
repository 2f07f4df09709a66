"""`read_hf`: datasets of Hugging Face, with their features as types."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

import lakebed as dc
from lakebed.exceptions import NotSupportedError
from lakebed.hf import HFAudio, HFClassLabel, HFImage

pytest.importorskip("datasets")

from datasets import (
    Array2D,
    Audio,
    ClassLabel,
    Dataset,
    DatasetDict,
    Features,
    Image,
    IterableDataset,
    List,
    Translation,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pets() -> Dataset:
    return Dataset.from_dict({"pet name": ["cat", "dog", "cat"], "size": [1, None, 3]})


def _read(values: list[Any], feature: Any) -> dc.DataChain:
    return dc.read_hf(Dataset.from_dict({"x": values}, features=Features({"x": feature})))


def test_rows_of_a_dataset(pets: Dataset) -> None:
    chain = dc.read_hf(pets)
    assert chain.schema == {"pet_name": str, "size": int | None}
    assert chain.to_list() == [("cat", 1), ("dog", None), ("cat", 3)]
    assert dc.read_hf(pets.shuffle(seed=1).select([2, 0])).count() == 2


def test_splits(pets: Dataset) -> None:
    splits = DatasetDict({"train": pets, "test": pets.select([1])})
    chain = dc.read_hf(splits)
    assert chain.to_values("split") == ["train", "train", "train", "test"]
    assert dc.read_hf(splits, limit=1).to_list() == [("train", "cat", 1), ("test", "dog", None)]
    assert "split" not in dc.read_hf(DatasetDict({"train": pets})).schema


def test_streams() -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield from ({"x": number} for number in range(2500))

    stream = IterableDataset.from_generator(rows)
    assert dc.read_hf(stream).to_values("x") == list(range(2500))
    assert dc.read_hf(stream, limit=3).to_values("x") == [0, 1, 2]


def test_one_column_for_all(pets: Dataset) -> None:
    chain = dc.read_hf(pets, column="pet", model_name="Pet")
    assert chain.schema["pet"].__name__ == "Pet"
    assert chain.to_values("pet.pet_name") == ["cat", "dog", "cat"]


def test_no_rows() -> None:
    empty = Dataset.from_dict({"x": []}, features=Features({"x": Value("int32")}))
    assert dc.read_hf(empty).schema == {"x": int}
    assert dc.read_hf(empty).to_list() == []


def test_labels_know_their_names_and_may_be_unknown() -> None:
    chain = _read([1, 0, -1, None], ClassLabel(names=["a", "b"]))
    known = [HFClassLabel(string="b", integer=1), HFClassLabel(string="a", integer=0)]
    assert chain.to_values("x") == [*known, None, None]
    assert chain.schema == {"x": HFClassLabel | None}
    assert known[0].read() == 1


def test_images() -> None:
    picture = Pillow.new("RGB", (3, 2), (9, 8, 7))
    chain = _read([picture, None], Image())
    found, missing = chain.to_values("x")
    assert (missing, chain.schema["x"]) == (None, HFImage | None)
    assert found.read().getpixel((0, 0)) == (9, 8, 7)


def test_images_that_are_only_named(tmp_path: Any) -> None:
    Pillow.new("RGB", (3, 2)).save(tmp_path / "a.png")
    found = _read([str(tmp_path / "a.png")], Image()).to_values("x")
    assert found == [HFImage(img=(tmp_path / "a.png").read_bytes())]


def _sounds(feature: Audio) -> Dataset:
    import numpy as np
    import pyarrow as pa
    import soundfile

    data = io.BytesIO()
    soundfile.write(data, np.array([[0.5, 0.0], [0.25, 0.25]]), 8000, format="WAV")
    files = pa.array([{"bytes": data.getvalue(), "path": None}, None])
    return Dataset(pa.table({"x": files}).cast(Features({"x": feature}).arrow_schema))


def test_sounds() -> None:
    found = dc.read_hf(_sounds(Audio())).to_values("x")
    assert found == [HFAudio(array=[0.25, 0.25], sampling_rate=8000), None]
    with pytest.raises(NotSupportedError, match="asks for 16000 samples per second"):
        dc.read_hf(_sounds(Audio(sampling_rate=16000)))


def test_dicts_are_models_and_lists_are_lists() -> None:
    count = 1500
    users = [
        None if n % 7 == 0 else {"first name": f"u{n}", "tags": [n] * (n % 3), "at": None}
        for n in range(count)
    ]
    pairs = [[{"k": n}, {"k": None}] if n % 5 else None for n in range(count)]
    place = {"city": Value("string")}
    user = {"first name": Value("string"), "tags": List(Value("int32")), "at": place}
    features = Features({"user": user, "pairs": List({"k": Value("int64")})})
    chain = dc.read_hf(Dataset.from_dict({"user": users, "pairs": pairs}, features=features))
    for number, (found, pair) in enumerate(chain.to_iter()):
        wanted = users[number]
        assert (found is None) == (wanted is None)
        if wanted is not None:
            assert (found.first_name, found.tags) == (wanted["first name"], wanted["tags"])
        assert pair is None or [item.k for item in pair] == [number, None]
        assert (pair is None) == (pairs[number] is None)


def test_arrays_are_nested_lists() -> None:
    chain = _read([[[1, 2], [3, 4]]] * 3, Array2D(shape=(2, 2), dtype="int32"))
    assert chain.schema == {"x": list[list[int]]}
    assert chain.to_values("x") == [[[1, 2], [3, 4]]] * 3


def test_large_datasets_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakebed.read.hf.PART_BYTES", 1)
    dataset = Dataset.from_dict({"x": [None if n == 4321 else n for n in range(5000)]})
    chain = dc.read_hf(dataset)
    assert chain.schema == {"x": int | None}
    assert chain.to_values("x") == dataset["x"][:]


def test_stored_features_are_read_with_their_classes() -> None:
    _read([0], ClassLabel(names=["a"])).save("labels")
    assert dc.read_dataset("labels").to_values("x")[0].read() == 0


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(TypeError, match="not `int`"):
        dc.read_hf(3)
    with pytest.raises(NotSupportedError, match="column `x` is of the feature `Translation`"):
        _read([{"en": "a", "fr": "b"}], Translation(languages=["en", "fr"]))
