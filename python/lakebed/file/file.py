"""`File`: a row's pointer to bytes on this machine, in a bucket or inside of another file."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Unpack, overload

from pydantic import Field

from lakebed._hint import did_you_mean
from lakebed._listed import EPOCH
from lakebed.exceptions import DataChainParamsError, FileError
from lakebed.file import _attributes, _export, _paths
from lakebed.file._place import WRAPPER_OPTIONS, Place, Status, as_text, place_of
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from typing import Self

    from lakebed.file._attributes import Attributes
    from lakebed.file._export import Placement
    from lakebed.file.audio import AudioFile
    from lakebed.file.image import ImageFile
    from lakebed.file.text import TextFile
    from lakebed.file.video import VideoFile

logger = logging.getLogger("lakebed")

_MODES = {base + kind for base in "rwax" for kind in ("", "b", "t")}
_TEXT_OPTIONS = ("encoding", "errors", "newline", *WRAPPER_OPTIONS)

FileT = TypeVar("FileT", bound="File")


class File(DataModel):
    """A file in storage: `source` is its root, `path` its name below that.

    Size, etag and time are those of the listing. Where they are known, whatever reads the
    file or hands out its path raises `FileChangedError` once they are no longer true.

    A file with a `location` is inside of another one, such as a member of a tar archive.

    Examples:
        >>> file = File(source="file:///data", path="cats/1.jpg")
        >>> file.name, file.parent, file.get_fs_path()
        ('1.jpg', 'cats', '/data/cats/1.jpg')
    """

    source: str = Field(default="")
    path: str
    size: int = Field(default=0)
    version: str = Field(default="")
    etag: str = Field(default="")
    is_latest: bool = Field(default=True)
    last_modified: datetime = Field(default=EPOCH)
    location: dict | list[dict] | None = Field(default=None)  # type: ignore[type-arg]

    _hidden_fields: ClassVar[list[str]] = [
        "source",
        "version",
        "etag",
        "is_latest",
        "last_modified",
        "location",
    ]

    # Names and paths

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def parent(self) -> str:
        """The path without its last part."""
        return str(PurePosixPath(self.path).parent)

    def get_file_suffix(self) -> str:
        """The extension with its dot: `.gz` of `a.tar.gz`."""
        return PurePosixPath(self.path).suffix

    def get_file_ext(self) -> str:
        """The extension without its dot: `gz` of `a.tar.gz`."""
        return self.get_file_suffix().removeprefix(".")

    def get_file_stem(self) -> str:
        """The name without its extension: `a.tar` of `a.tar.gz`."""
        return PurePosixPath(self.path).stem

    def get_uri(self) -> str:
        """Source and path in one: `file:///data/cats/1.jpg`."""
        return f"{self.source.rstrip('/')}/{self.path}" if self.source else self.path

    def get_fs_path(self) -> str:
        """The path to open: an OS path for local files, else the URI.

        Raises:
            FileError: The path is empty, a folder, absolute or leaves its source.
            FileChangedError: The local file there is not the one that was listed.
        """
        path = self._fs_path()
        if self.location is None and not _paths.is_remote(path):
            # refuses a file that changed
            self._place().local_path()
        return path

    def get_fs(self) -> Any:
        """The fsspec filesystem that this file is in.

        Raises:
            ImportError: fsspec, or what it needs for this kind of storage, is not installed.
        """
        from lakebed._extras import needed

        fsspec = needed("fsspec", "lakebed[fsspec]")
        return fsspec.filesystem(self.source.partition("://")[0] or "file")

    def get_hash(self) -> str:
        """A key for this version of the file; its content is not read."""
        fingerprint = f"{self.source}/{self.path}/{self.version}/{self.etag}"
        if self.location:
            fingerprint += f"/{self.location}"
        return sha256(fingerprint.encode()).hexdigest()

    def rebase(self, old_base: str, new_base: str, suffix: str = "", extension: str = "") -> str:
        """Where a file made of this one belongs: its URI below another base.

        Args:
            old_base: A URI, or whole parts of its path.
            new_base: What stands in place of everything up to the end of `old_base`.
            suffix: Added to the name, before the extension.
            extension: Another extension.

        Raises:
            DataChainParamsError: The file is not below `old_base`.

        Examples:
            >>> file = File(source="s3://bucket", path="data/day/1.wav")
            >>> file.rebase("s3://bucket/data", "s3://out", suffix="_left", extension="mp3")
            's3://out/day/1_left.mp3'
        """
        return _paths.rebased(self.get_uri(), old_base, new_base, suffix, extension)

    # Reading and writing

    @overload
    def open(self, mode: Literal["r", "rb", "rt"] = "rb", **options: Any) -> IO[Any]: ...
    @overload
    def open(self, mode: str, **options: Any) -> AbstractContextManager[IO[Any]]: ...
    def open(
        self,
        mode: str = "rb",
        *,
        client_config: Mapping[str, Any] | None = None,
        block_size: int | None = None,
        **options: Any,
    ) -> IO[Any] | AbstractContextManager[IO[Any]]:
        """Open the file for the time of a `with` block; to read it, also without one.

        In a bucket, reading asks for as many bytes as are needed and some more; what is
        written is there after the block, or not at all if it failed. Writing creates missing
        folders and afterwards refreshes size, etag and time. Reading a file that changed
        since it was listed raises `FileChangedError`.

        Args:
            mode: As for Python's `open`; text is UTF-8 unless `encoding` is given.
            client_config: Another way to connect to the bucket than the session's.
            block_size: How many bytes a request reads, instead of 64 KiB that grow to 8 MiB.
            options: `encoding`, `errors`, `newline`, `line_buffering`, `write_through` and
                `buffering`; for writing also `content_type`, `content_disposition`,
                `cache_control`, `content_encoding` and `metadata` of the object.

        Examples:
            >>> import json, tempfile
            >>> file = File.upload(b'{"age": 3}', f"{tempfile.mkdtemp()}/cat.json")
            >>> with file.open("r") as stream:
            ...     json.load(stream)
            {'age': 3}
        """
        written = {name: options.pop(name) for name in _attributes.NAMES if name in options}
        _check_mode(mode, options, written)
        attributes = _attributes.checked(written)
        if "b" not in mode:
            options.setdefault("encoding", "utf-8")
        place = self._place(client_config)
        if "r" in mode:
            return place.opened(mode, options, block_size)
        return place.writing(mode, options, attributes)

    def read_bytes(self, length: int = -1) -> bytes:
        """The content, or its first `length` bytes."""
        place = self._place()
        with place.whole() if length is None or length < 0 else place.reader() as stream:
            return stream.read(length)

    def read_text(self, **options: Any) -> str:
        """The content as text; `encoding`, `errors` and `newline` as for `open`."""
        return self._text(-1, options)

    def read(self, length: int = -1) -> Any:
        """The content: bytes here, text of a `TextFile`, a picture of an `ImageFile`."""
        return self.read_bytes(length)

    def save(
        self,
        destination: str | os.PathLike[str],
        client_config: Mapping[str, Any] | None = None,
        **attributes: Unpack[Attributes],
    ) -> Self:
        """Copy the content to a path or URI and return the new file.

        The destination appears complete or not at all.

        Args:
            destination: Where to.
            client_config: Another way to connect to buckets than the session's.
            attributes: `content_type` and the like, as for `open`.
        """
        target = type(self).at(destination)
        place = target._place(client_config)
        target._take(place.receive(self._place(client_config), _attributes.checked(attributes)))
        return target

    def export(
        self,
        output: str | os.PathLike[str],
        placement: Placement = "fullpath",
        use_cache: bool = True,  # noqa: ARG002, FBT001, FBT002
        link_type: Literal["copy", "symlink"] = "copy",
        client_config: Mapping[str, Any] | None = None,
        **attributes: Unpack[Attributes],
    ) -> Self:
        """Copy the file into a folder and return the copy.

        Args:
            output: The folder, also one in a bucket.
            placement: `fullpath` keeps bucket and path, `filepath` the path, `filename`
                the name only, `etag` names the copy by its etag.
            use_cache: Means nothing: a file that is in the cache is read from there.
            link_type: `symlink` links local files instead of copying them; others are copied.
            client_config: Another way to connect to buckets than the session's.
            attributes: `content_type` and the like, as for `open`.

        Raises:
            FileError: The copy would lie outside of `output`.
        """
        copy = _export.target(self, output, placement)
        linked = _export.link(self, copy) if link_type == "symlink" else None
        if link_type not in _export.LINKS:
            msg = f"unknown link_type `{link_type}`: use {', '.join(_export.LINKS)}"
            raise DataChainParamsError(msg)
        return linked or File.save(self, copy._fs_path(), client_config, **attributes)

    def resolve(self) -> Self:
        """This file with size, etag and time as they are now; zeros if it is gone.

        Raises:
            VFileError: It is inside of another file.
        """
        fresh = type(self)(source=self.source, path=self.path)
        try:
            fresh._take((self if self.location is not None else fresh)._place().status())
        except (FileNotFoundError, NotADirectoryError) as error:
            logger.warning("cannot resolve `%s`: %s", self.get_uri(), error)
        return fresh

    def get_local_path(self) -> str | None:
        """Where the file is on this machine: its own path, or that in the cache.

        None if it is not there, or has no file of its own.
        """
        return self._place().local_path()

    def ensure_cached(self) -> None:
        """Have the file on this machine; what it is inside of, if it is."""
        self._place().ensure_cached()

    def sign(self, expires: int = 3600) -> str:
        """A URL that gives the file to anyone for some time.

        Args:
            expires: For how many seconds.
        """
        if not isinstance(expires, int) or isinstance(expires, bool) or expires < 1:
            msg = f"expires is a number of seconds, at least 1, not `{expires!r}`"
            raise DataChainParamsError(msg)
        return self._place().sign(expires)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy; at another place it is another file, of which nothing is known yet."""
        if update and not {"source", "path"}.isdisjoint(update):
            unknown = {name: File.model_fields[name].default for name in Status._fields}
            update = unknown | dict(update)
        return super().model_copy(update=update, deep=deep)

    def as_text_file(self) -> TextFile:
        """The same file, read as text."""
        from lakebed.file.text import TextFile

        return self._as(TextFile)

    def as_image_file(self) -> ImageFile:
        """The same file, read as an image."""
        from lakebed.file.image import ImageFile

        return self._as(ImageFile)

    def as_video_file(self) -> VideoFile:
        """The same file, read as a video."""
        from lakebed.file.video import VideoFile

        return self._as(VideoFile)

    def as_audio_file(self) -> AudioFile:
        """The same file, read as audio."""
        from lakebed.file.audio import AudioFile

        return self._as(AudioFile)

    @classmethod
    def at(cls, uri: str | os.PathLike[str], session: object = None) -> Self:  # noqa: ARG003
        """The file at a path or URI, which need not exist yet."""
        source, path = _paths.split(os.fspath(uri))
        return cls(source=source, path=path)

    @classmethod
    def upload(
        cls,
        data: bytes,
        path: str | os.PathLike[str],
        client_config: Mapping[str, Any] | None = None,
        **attributes: Unpack[Attributes],
    ) -> Self:
        """Write bytes to a path or URI and return the file.

        Args:
            data: The bytes.
            path: Where to.
            client_config: Another way to connect to the bucket than the session's.
            attributes: `content_type` and the like, as for `open`.
        """
        file = cls.at(path)
        file._take(file._place(client_config).put(data, _attributes.checked(attributes)))
        return file

    # Inside

    def _fs_path(self) -> str:
        _paths.check(self.path, self.get_uri())
        if self.source and "://" not in self.source:
            msg = f"invalid source `{self.source}`: it must start with a scheme, as `file://`"
            raise FileError(msg)
        if self.source.startswith(_paths.LOCAL):
            return str(Path(self.source.removeprefix(_paths.LOCAL) or "/", self.path))
        return self.get_uri()

    def _place(self, client_config: Mapping[str, Any] | None = None) -> Place:
        return place_of(self, client_config)

    def _text(self, length: int, options: dict[str, Any]) -> str:
        _check_mode("r", options, {})
        place = self._place()
        stream = place.whole() if length < 0 else place.reader()
        with as_text(stream, "r", {"encoding": "utf-8"} | options) as text:
            found: str = text.read(length)
            return found

    def _take(self, status: Status) -> None:
        """Be what a storage says that the file is now."""
        for name, value in status._asdict().items():
            setattr(self, name, value)
        self.is_latest = True

    def _as(self, kind: type[FileT]) -> FileT:
        if isinstance(self, kind):
            return self
        return kind(**{name: getattr(self, name) for name in File.model_fields})


def _check_mode(mode: str, options: Mapping[str, Any], written: Mapping[str, Any]) -> None:
    if mode not in _MODES:
        msg = f"invalid mode `{mode}`: use r, w, a or x, with b for bytes"
        raise DataChainParamsError(msg)
    for name in options:
        if name != "buffering" and name not in _TEXT_OPTIONS:
            known = [*_TEXT_OPTIONS, "buffering", *_attributes.NAMES]
            msg = f"unknown option `{name}`{did_you_mean(name, known)}"
            raise DataChainParamsError(msg)
        if name in _TEXT_OPTIONS and "b" in mode:
            msg = f"option `{name}` is for text; hint: mode `{mode[0]}`, not `{mode}`"
            raise DataChainParamsError(msg)
    if "r" in mode and any(written.values()):
        msg = f"option `{next(iter(written))}` is for writing, not for mode `{mode}`"
        raise DataChainParamsError(msg)
