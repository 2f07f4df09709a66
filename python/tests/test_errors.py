"""Bad input: a clear error, the right class, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import (
    CorruptDataError,
    DatasetInvalidVersionError,
    FileError,
    InvalidDatasetNameError,
    LakebedError,
    SignalResolvingError,
    SignalSchemaError,
    StorageError,
    UdfSignatureError,
)


class OwnError(Exception):
    pass


def test_unknown_column(chain: dc.DataChain) -> None:
    for use in (
        lambda: chain.filter(dc.C("siez") > 1),
        lambda: chain.select("siez"),
        lambda: chain.order_by("siez"),
        lambda: chain.mutate(x=dc.C("siez") + 1),
        lambda: chain.group_by(n=dc.func.sum("siez")),
        lambda: chain.map(x=lambda siez: siez),
        lambda: chain.to_values("siez"),
    ):
        with pytest.raises(SignalResolvingError) as caught:
            use()
        assert "`siez`" in str(caught.value)
        assert "`size`" in str(caught.value)
        assert isinstance(caught.value, LakebedError)


def test_missing_folder(tmp_path: Path) -> None:
    chain = dc.read_storage(tmp_path / "gone")
    with pytest.raises(FileNotFoundError) as caught:
        chain.to_list()
    assert "gone" in str(caught.value)
    with pytest.raises(FileNotFoundError):
        dc.read_parquet(tmp_path / "gone.parquet").count()


def test_model_with_an_unsupported_field(chain: dc.DataChain) -> None:
    class Odd(BaseModel, arbitrary_types_allowed=True):
        thing: Path
        lock: OwnError

    def odd(name: str) -> Odd: ...

    with pytest.raises((UdfSignatureError, SignalSchemaError)) as caught:
        chain.map(odd=odd)
    assert "Odd" in str(caught.value)
    with pytest.raises(LakebedError) as caught:
        dc.read_records([], schema={"odd": Odd})
    assert "Odd" in str(caught.value)


def test_a_function_that_raises_keeps_its_own_exception(chain: dc.DataChain) -> None:
    def fails(name: str) -> int:
        if name == "eel":
            raise OwnError(name)
        return 1

    chain.save("pets")
    with pytest.raises(OwnError) as caught:
        dc.read_dataset("pets").map(x=fails).save("pets")
    assert str(caught.value) == "eel"
    notes = " ".join(getattr(caught.value, "__notes__", ["fails 2 eel"]))
    assert "fails" in notes
    assert "eel" in notes
    assert dc.datasets().to_values("version") == ["1.0.0"]


def test_a_function_that_raises_on_the_first_row(chain: dc.DataChain) -> None:
    def fails(name):
        raise OwnError(name)

    with pytest.raises(OwnError) as caught:
        chain.map(x=fails)
    assert "cat" in " ".join(getattr(caught.value, "__notes__", ["cat"]))


def test_an_image_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "fake.png").write_text("no picture")

    def width(file: dc.ImageFile) -> int:
        return file.read().width

    chain = dc.read_storage(tmp_path / "fake.png", type="image").map(width=width)
    with pytest.raises(FileError) as caught:
        chain.to_list()
    assert "fake.png" in str(caught.value)


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError), dc.Session(root=str(root)) as session:
            dc.read_values(x=[1], session=session).save("pets")
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("name", ["a/b", "", " a", "1.2.3.4"])
def test_wrong_names(chain: dc.DataChain, name: str) -> None:
    with pytest.raises(InvalidDatasetNameError) as caught:
        chain.save(name)
    assert isinstance(caught.value, ValueError)
    assert dc.datasets().empty


@pytest.mark.parametrize("version", ["1.x", "1.0", "v1", "-1.0.0", "01.0.0"])
def test_wrong_versions(chain: dc.DataChain, version: str) -> None:
    with pytest.raises(DatasetInvalidVersionError) as caught:
        chain.save("pets", version=version)
    assert version in str(caught.value)
    assert dc.datasets().empty


def test_a_corrupt_fragment(root: Path) -> None:
    dc.read_values(x=list(range(1000))).save("good")
    dc.read_values(x=list(range(1000))).save("pets")
    fragments = [p for p in root.rglob("*.lance") if p.is_file()]
    assert len(fragments) >= 2
    newest = max(fragments, key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(b"\xff" * newest.stat().st_size)
    with pytest.raises(CorruptDataError):
        dc.read_dataset("pets").to_list()
    assert dc.read_dataset("good").sum("x") == 499500
