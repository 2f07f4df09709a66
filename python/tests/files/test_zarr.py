"""Stores of Zarr: which there are, and what is in their arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError
from lakebed.file.zarr_store import ZarrArray, ZarrInfo, ZarrStore

zarr = pytest.importorskip("zarr")
np = pytest.importorskip("numpy")

if TYPE_CHECKING:
    from pathlib import Path

    from servers.double_server import S3Double

FRAMES = np.arange(4 * 2 * 3, dtype="uint8").reshape(4, 2, 3)


def made(folder: Path, version: int = 3) -> Path:
    """A store with an array, and one in a group."""
    root = zarr.open_group(str(folder), mode="w", zarr_format=version)
    root.attrs["who"] = folder.stem
    root.create_array("frames", shape=(4, 2, 3), chunks=(1, 2, 3), dtype="uint8")[:] = FRAMES
    root.create_group("state").create_array("x", shape=(4,), dtype="int64")[:] = [3, 1, 4, 1]
    return folder


def test_a_row_for_each_store(tmp_path: Path) -> None:
    for name in ("a.zarr", "b/c.zarr"):
        made(tmp_path / name)
    made(tmp_path / "old.zarr", version=2)
    (tmp_path / "other.txt").write_text("no store")
    chain = dc.read_zarr(tmp_path)
    assert list(chain.schema) == ["zarr"]
    assert sorted(chain.to_values("zarr.file.path")) == ["a.zarr", "b/c.zarr", "old.zarr"]
    one = dc.read_zarr(tmp_path / "a.zarr", column="store").to_values("store")
    assert [store.path for store in one] == ["a.zarr"]


@pytest.mark.parametrize("version", [2, 3])
def test_what_is_in_a_store(tmp_path: Path, version: int) -> None:
    made(tmp_path / "a.zarr", version)
    [store] = dc.read_zarr(tmp_path).to_values("zarr")
    assert store.get_info() == ZarrInfo(
        zarr_format=version, arrays=["frames", "state/x"], attrs={"who": "a"}
    )
    frames = store.get_array("frames")
    assert (frames.shape, frames.chunks, frames.dtype) == ([4, 2, 3], [1, 2, 3], "uint8")
    assert np.array_equal(frames.read(), FRAMES)
    assert np.array_equal(frames.read(np.s_[1:3, 0]), FRAMES[1:3, 0])
    assert store.get_array("state/x").read().tolist() == [3, 1, 4, 1]
    for path in ("state", "nothing"):
        with pytest.raises(DataChainParamsError, match=f"`{path}` is not a Zarr array"):
            store.get_array(path)


def test_functions_read_from_stores(tmp_path: Path) -> None:
    made(tmp_path / "a.zarr")

    def arrays(zarr: ZarrStore) -> list[ZarrArray]:
        return list(zarr.get_arrays())

    chain = dc.read_zarr(tmp_path).gen(array=arrays).filter(dc.C("array.dtype") == "uint8")
    chain.save("arrays")
    read = dc.read_dataset("arrays").map(top=lambda array: int(array.read().max()))
    assert read.to_list("array.path", "top") == [("frames", 23)]


def test_a_part_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    made(tmp_path / "a.zarr")
    [store] = dc.read_zarr(tmp_path).to_values("zarr")
    part = store.get_array("frames").select(2, media="image")
    assert (part.index, part.read().tolist()) == ([2], FRAMES[2].tolist())
    assert part.read_bytes("png").startswith(b"\x89PNG")
    with pytest.raises(DataChainParamsError, match="supports image media, not `audio`"):
        store.get_array("frames").select([2, 1], media="audio").read_bytes()


def test_an_array_alone(tmp_path: Path) -> None:
    zarr.open_array(str(tmp_path / "a.zarr"), mode="w", shape=(2, 3), dtype="uint8")
    [store] = dc.read_zarr(tmp_path / "a.zarr").to_values("zarr")
    assert [array.path for array in store.get_arrays()] == [""]
    assert store.get_array().shape == [2, 3]
    with pytest.raises(DataChainParamsError, match="`x` is not a Zarr array"):
        store.get_array("x")


def test_stores_in_buckets(s3: S3Double, tmp_path: Path) -> None:
    folder = made(tmp_path / "a.zarr")
    for path in folder.rglob("*"):
        if path.is_file():
            s3.put(f"stores/{path.relative_to(tmp_path)}", path.read_bytes())
    chain = dc.read_zarr(f"{s3.uri}/stores", client_config=s3.client_config)
    [store] = chain.to_values("zarr")
    assert (store.source, store.path) == (s3.uri, "stores/a.zarr")
    assert store.get_info() == ZarrInfo(
        zarr_format=3, arrays=["frames", "state/x"], attrs={"who": "a"}
    )
    assert np.array_equal(store.get_array("frames").read(np.s_[2]), FRAMES[2])

    def top(zarr: ZarrStore) -> int:
        return int(zarr.get_array("frames").read().max())

    assert chain.settings(parallel=2).map(top=top).to_values("top") == [23]
