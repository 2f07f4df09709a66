"""`ZarrStore`: arrays in a folder of files. It points at them; what is asked for is read."""

from __future__ import annotations

import io
import posixpath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from lakebed._extras import needed
from lakebed.exceptions import DataChainParamsError
from lakebed.file import _paths
from lakebed.file.file import File
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ZarrArray", "ZarrInfo", "ZarrSelection", "ZarrStore"]


class ZarrInfo(DataModel):
    """What a store tells of itself: its format, the paths of its arrays, its attributes."""

    zarr_format: int | None = Field(default=None)
    arrays: list[str] = Field(default_factory=list)
    attrs: dict = Field(default_factory=dict)  # type: ignore[type-arg]


class ZarrStore(DataModel):
    """A store of Zarr; `file` is its folder."""

    file: File

    @property
    def source(self) -> str:
        """The source of its folder."""
        return self.file.source

    @property
    def path(self) -> str:
        """The path of its folder."""
        return self.file.path

    def get_info(self) -> ZarrInfo:
        """What the store tells of itself."""
        node = self._node()
        return ZarrInfo(
            zarr_format=int(node.metadata.zarr_format),
            arrays=[array.path for array in self.get_arrays()],
            attrs=dict(node.attrs),
        )

    def get_arrays(self) -> Iterator[ZarrArray]:
        """Its arrays, those of groups in it too."""
        todo = [("", self._node())]
        while todo:
            path, node = todo.pop(0)
            if not hasattr(node, "members"):
                yield self._array(node, path)
                continue
            below = dict(node.members())
            todo[:0] = [(f"{path}/{name}".lstrip("/"), below[name]) for name in sorted(below)]

    def get_array(self, path: str = "") -> ZarrArray:
        """The array at a path in the store; without one, the store is the array.

        Raises:
            DataChainParamsError: There is no array.
        """
        return self._array(self._node_at(path), path)

    def _node(self) -> Any:
        """The root, as `zarr` opens it."""
        zarr = needed("zarr", "lakebed[zarr]")
        uri = self.file.get_uri()
        if _paths.is_remote(uri):
            from lakebed.file._zarr_objects import Objects

            return zarr.open(Objects(uri), mode="r")
        return zarr.open(self.file._fs_path() if self.file.path else uri, mode="r")

    def _node_at(self, path: str) -> Any:
        node = self._node()
        try:
            node = node[path] if path else node
        except (KeyError, IndexError):
            node = None
        if node is None or hasattr(node, "members"):
            msg = f"`{path}` is not a Zarr array in store `{self.file.get_uri()}`"
            raise DataChainParamsError(msg)
        return node

    def _array(self, node: Any, path: str) -> ZarrArray:
        return ZarrArray(
            store=self,
            path=path,
            shape=list(node.shape),
            chunks=list(node.chunks),
            dtype=str(node.dtype),
            attrs=dict(node.attrs),
        )


class ZarrArray(DataModel):
    """An array of a store: `shape` and `chunks` count items."""

    store: ZarrStore
    path: str = Field(default="")
    shape: list[int] = Field(default_factory=list)
    chunks: list[int] | None = Field(default=None)
    dtype: str = Field(default="")
    attrs: dict = Field(default_factory=dict)  # type: ignore[type-arg]

    _hidden_fields: ClassVar[list[str]] = ["attrs"]

    def read(self, selection: Any = None) -> Any:
        """The values as a NumPy array, or what a selection of NumPy's kind names of them."""
        return self.store._node_at(self.path)[... if selection is None else selection]

    def select(
        self,
        index: int | list[int],
        media: Literal["image", "audio", "video"] | None = None,
    ) -> ZarrSelection:
        """A part of the array that can be a column: it is read when it is asked for.

        Args:
            index: Where, on the first axes: `3` is the fourth frame of `(frames, h, w, 3)`.
            media: What it is a part of.
        """
        places = [index] if isinstance(index, int) else list(index)
        return ZarrSelection(array=self, index=places, media=media)


class ZarrSelection(DataModel):
    """A part of an array."""

    array: ZarrArray
    index: list[int] = Field(default_factory=list)
    media: Literal["image", "audio", "video"] | None = Field(default=None)

    def read(self) -> Any:
        """Its values as a NumPy array."""
        return self.array.read(tuple(self.index))

    def read_bytes(self, format: str = "PNG") -> bytes:
        """It as the bytes of a picture.

        Args:
            format: `png`, `jpg` and others that Pillow writes.

        Raises:
            DataChainParamsError: It is part of something else than pictures.
        """
        if self.media not in (None, "image"):
            msg = f"read_bytes() supports image media, not `{self.media}`; hint: read()"
            raise DataChainParamsError(msg)
        from PIL import Image

        extension = f".{format.lower().removeprefix('.')}"
        kind = Image.registered_extensions().get(extension, format.upper())
        written = io.BytesIO()
        Image.fromarray(self.read().astype("uint8")).save(written, format=kind)
        return written.getvalue()


def store_of(file: File) -> ZarrStore:
    """The store that has this file at its root."""
    folder = posixpath.dirname(file.path)
    if folder:
        return ZarrStore(file=File(source=file.source, path=folder))
    source, _, name = file.source.rstrip("/").rpartition("/")
    if source.endswith(":/") or not name:
        # all of a bucket
        return ZarrStore(file=File(source=file.source, path=""))
    return ZarrStore(file=File(source=source, path=name))
