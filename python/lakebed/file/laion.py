"""Samples of the LAION archives, and the embeddings that are published beside them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from lakebed._extras import needed
from lakebed.file.file import File
from lakebed.file.webdataset import WDSBasic, WDSReadableSubclass

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator

    from lakebed.file.webdataset import Sample

__all__ = ["Laion", "LaionMeta", "WDSLaion", "process_laion_meta"]

_VECTORS = ("b32_img", "b32_txt", "l14_img", "l14_txt", "dedup")


class Laion(WDSReadableSubclass):
    """What is known of a picture: the file `.json` of a sample."""

    uid: str = Field(default="")
    face_bboxes: list[list[float]] | None = Field(default=None)
    caption: str | None = Field(default=None)
    url: str | None = Field(default=None)
    key: str | None = Field(default=None)
    status: str | None = Field(default=None)
    error_message: str | None = Field(default=None)
    width: int | None = Field(default=None)
    height: int | None = Field(default=None)
    original_width: int | None = Field(default=None)
    original_height: int | None = Field(default=None)
    exif: str | None = Field(default=None)
    sha256: str | None = Field(default=None)

    @staticmethod
    def _reader(sample: Sample, info: tarfile.TarInfo) -> Laion:
        return Laion.model_validate_json(sample.read_text(info))


with warnings.catch_warnings():
    # a file may be called `.json`
    warnings.simplefilter("ignore", UserWarning)

    class WDSLaion(WDSBasic):
        """A sample for `process_webdataset(spec=WDSLaion)`: picture, caption, what is known."""

        txt: str | None = Field(default=None)
        json: Laion = Field(default_factory=Laion)  # type: ignore[assignment]


class LaionMeta(BaseModel):
    """The embeddings of one picture and its caption, from a file `.npz`."""

    file: File
    index: int | None = Field(default=None)
    b32_img: list[float] = Field(default=[])
    b32_txt: list[float] = Field(default=[])
    l14_img: list[float] = Field(default=[])
    l14_txt: list[float] = Field(default=[])
    dedup: list[float] = Field(default=[])


def process_laion_meta(file: File) -> Iterator[LaionMeta]:
    """The rows of a file of embeddings, for `gen`: one for each picture.

    Args:
        file: A file `.npz` with the arrays `b32_img`, `b32_txt`, `l14_img`, `l14_txt`
            (rows, dimensions) and `dedup` (rows, …).
    """
    numpy: Any = needed("numpy", "numpy")
    with file.open() as opened:
        arrays = numpy.load(opened)
        vectors = {name: arrays[name] for name in _VECTORS}
    for index in range(len(vectors["b32_img"])):
        yield LaionMeta(
            file=file,
            index=index,
            **{name: rows[index].astype(float).tolist() for name, rows in vectors.items()},
        )
