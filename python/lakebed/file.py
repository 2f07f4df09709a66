"""`File`, `TextFile`, `ImageFile`: a row's pointer to bytes, with the ways to read them.

A file object is plain data: where the bytes are and what the listing said about them.
What is read is the file of the listing: one that changed since is an error. Local files
only for now; another scheme is a clear error. Storage paths are made and checked here,
listing and caching are the engine's.
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field

from lakebed import _listed
from lakebed._hint import did_you_mean
from lakebed._listed import EPOCH
from lakebed._udf import observe
from lakebed.exceptions import (
    DataChainParamsError,
    FileChangedError,
    FileError,
    MissingFileError,
    NotSupportedError,
)
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from PIL.Image import Image as PILImage

logger = logging.getLogger("lakebed")

Placement = Literal["fullpath", "filepath", "filename", "etag"]
"""How `File.export` names what it writes."""

_LISTED = ("size", "version", "etag", "last_modified")
"""What says which file was listed."""

_MODES = {base + kind for base in "rwax" for kind in ("", "b", "t")}
_LOCAL = "file://"

FileT = TypeVar("FileT", bound="File")


class File(DataModel):
    """A file in storage: `source` is its root, `path` its name below that.

    Size and time are those of the listing. Where they are known, whatever reads the file
    or hands out its path raises `FileChangedError` once they are no longer true.

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
        if not self.location and "://" not in path and (found := _listed.status(path)):
            self._check_unchanged(found)
        return path

    def get_hash(self) -> str:
        """A key for this version of the file; its content is not read."""
        fingerprint = f"{self.source}/{self.path}/{self.version}/{self.etag}"
        if self.location:
            fingerprint += f"/{self.location}"
        return sha256(fingerprint.encode()).hexdigest()

    # Reading and writing

    @contextmanager
    def open(
        self,
        mode: str = "rb",
        *,
        client_config: dict[str, Any] | None = None,  # noqa: ARG002
        **options: Any,
    ) -> Iterator[IO[Any]]:
        """Open the file for the time of a `with` block.

        Writing creates missing folders and afterwards refreshes size, etag and time.
        Reading a file that changed since it was listed raises `FileChangedError`.

        Args:
            mode: As for Python's `open`; text is UTF-8 unless `encoding` is given.
            client_config: For cloud storage; local files have no use for it.
            options: `encoding`, `errors`, `newline`, `buffering`.
        """
        if mode not in _MODES:
            msg = f"invalid mode `{mode}`: use r, w, a or x, with b for bytes"
            raise DataChainParamsError(msg)
        path = self._local_path()
        if "b" not in mode:
            options.setdefault("encoding", "utf-8")
        if "r" not in mode:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with observe.own_input():
                stream = path.open(mode, **options)
        except FileNotFoundError as error:
            msg = f"file not found: `{self.get_uri()}`"
            raise MissingFileError(msg) from error
        with stream:
            if "r" in mode:
                self._check_unchanged(os.fstat(stream.fileno()))
            yield stream
        if "r" not in mode:
            self._refresh(path)

    def read_bytes(self, length: int = -1) -> bytes:
        """The content, or its first `length` bytes."""
        with File.open(self, "rb") as stream:
            content: bytes = stream.read(length)
            return content

    def read_text(self, **options: Any) -> str:
        """The content as text; `encoding`, `errors` and `newline` as for `open`."""
        with File.open(self, "r", **options) as stream:
            text: str = stream.read()
            return text

    def read(self, length: int = -1) -> Any:
        """The content: bytes here, text of a `TextFile`, a picture of an `ImageFile`."""
        return self.read_bytes(length)

    def save(
        self,
        destination: str | os.PathLike[str],
        client_config: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Self:
        """Copy the content to a path or URI and return the new file.

        The destination appears complete or not at all.
        """
        target = type(self).at(destination)
        source = self._local_path()
        if not source.is_file():
            msg = f"file not found: `{self.get_uri()}`"
            raise MissingFileError(msg)
        with _replacing(target._local_path()) as scratch:
            shutil.copyfile(source, scratch)
            self._check_unchanged(source.stat())
        return target.resolve()

    def export(
        self,
        output: str | os.PathLike[str],
        placement: Placement = "fullpath",
        use_cache: bool = True,  # noqa: ARG002, FBT001, FBT002
        link_type: Literal["copy", "symlink"] = "copy",
    ) -> Self:
        """Copy the file into a folder and return the copy.

        Args:
            output: The folder.
            placement: `fullpath` keeps bucket and path, `filepath` the path, `filename`
                the name only, `etag` names the copy by its etag.
            use_cache: For cloud storage; local files are not cached.
            link_type: `symlink` links local files instead of copying them.

        Raises:
            FileError: The copy would lie outside of `output`.
        """
        suffix = self._exported_name(placement)
        _check_path(suffix, self.get_uri())
        copy = type(self).at(f"{os.fspath(output).rstrip('/')}/{suffix}")
        target = copy._local_path()
        if not target.parent.resolve().is_relative_to(_local_of(os.fspath(output)).resolve()):
            msg = f"unsafe path `{suffix}`: it leads out of the folder `{output}`"
            raise FileError(msg)
        if link_type == "copy":
            return File.save(self, target)
        found = Path(self.get_fs_path()).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(found)
        return copy.resolve()

    def resolve(self) -> Self:
        """This file with size, etag and time as they are now; zeros if it is gone."""
        fresh = type(self)(source=self.source, path=self.path)
        try:
            fresh._refresh(self._local_path())
        except OSError as error:
            logger.warning("cannot resolve `%s`: %s", self.get_uri(), error)
        return fresh

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy; at another place it is another file, of which nothing is known yet."""
        if update and not {"source", "path"}.isdisjoint(update):
            unknown = {name: File.model_fields[name].default for name in _LISTED}
            update = unknown | dict(update)
        return super().model_copy(update=update, deep=deep)

    def as_text_file(self) -> TextFile:
        """The same file, read as text."""
        return self._as(TextFile)

    def as_image_file(self) -> ImageFile:
        """The same file, read as an image."""
        return self._as(ImageFile)

    @classmethod
    def at(cls, uri: str | os.PathLike[str], session: object = None) -> Self:  # noqa: ARG003
        """The file at a path or URI, which need not exist yet."""
        text = os.fspath(uri)
        if text.endswith("/"):
            msg = f"invalid file `{text}`: a trailing `/` names a folder"
            raise DataChainParamsError(msg)
        if "://" in text and not text.startswith(_LOCAL):
            parts = urlsplit(text)
            return cls(source=f"{parts.scheme}://{parts.netloc}", path=parts.path.lstrip("/"))
        folder, _, name = str(_local_of(text)).rpartition("/")
        return cls(source=f"{_LOCAL}{folder or '/'}", path=name)

    @classmethod
    def upload(cls, data: bytes, path: str | os.PathLike[str]) -> Self:
        """Write bytes to a path or URI and return the file."""
        file = cls.at(path)
        with _replacing(file._local_path()) as scratch:
            scratch.write_bytes(data)
        return file.resolve()

    # Inside

    def _fs_path(self) -> str:
        _check_path(self.path, self.get_uri())
        if self.source and "://" not in self.source:
            msg = f"invalid source `{self.source}`: it must start with a scheme, as `file://`"
            raise FileError(msg)
        if self.source.startswith(_LOCAL):
            return str(Path(self.source.removeprefix(_LOCAL) or "/", self.path))
        return self.get_uri()

    def _local_path(self) -> Path:
        """Where the bytes are on this machine."""
        if self.location:
            msg = f"a file inside of another cannot be opened yet: `{self.get_uri()}`"
            raise NotSupportedError(msg)
        path = self._fs_path()
        scheme, found, _ = path.partition("://")
        if found:
            msg = (
                f"files with the scheme `{scheme}://` cannot be opened yet, only local "
                f"ones: `{self.get_uri()}`"
            )
            raise NotSupportedError(msg)
        return Path(path)

    def _refresh(self, path: Path) -> None:
        """Take size, etag and time from the file system."""
        found = path.stat()
        self.size = found.st_size
        self.etag = _listed.etag(found)
        self.version = ""
        self.is_latest = True
        self.last_modified = _listed.modified(found)

    def _check_unchanged(self, found: os.stat_result) -> None:
        """Refuse what is not the file that was listed."""
        how = _listed.change(self.size, self.last_modified, self.etag, found)
        if how:
            msg = (
                f"file `{self.get_uri()}` {how}; hint: list it again with "
                "`read_storage(..., update=True)`, or take it as it is with `file.resolve()`"
            )
            raise FileChangedError(msg)

    def _exported_name(self, placement: str) -> str:
        match placement:
            case "filename":
                return self.name
            case "filepath":
                return self.path.lstrip("/")
            case "fullpath":
                source = urlsplit(self.source)
                bucket = source.netloc if source.scheme not in ("", "file") else ""
                return f"{bucket}/{self.path.lstrip('/')}".lstrip("/")
            case "etag" if self.etag:
                return f"{self.etag}{self.get_file_suffix()}"
            case "etag":
                msg = f"file without an etag cannot be named by it: `{self.get_uri()}`"
                raise FileError(msg)
        msg = f"unknown placement `{placement}`: use fullpath, filepath, filename or etag"
        raise DataChainParamsError(msg)

    def _as(self, kind: type[FileT]) -> FileT:
        if isinstance(self, kind):
            return self
        return kind(**{name: getattr(self, name) for name in File.model_fields})


class TextFile(File):
    """A file that is read as text."""

    @contextmanager
    def open(
        self, mode: str = "r", *, client_config: dict[str, Any] | None = None, **options: Any
    ) -> Iterator[IO[Any]]:
        """As `File.open`, in text mode unless told otherwise."""
        with super().open(mode, client_config=client_config, **options) as stream:
            yield stream

    def read(self, length: int = -1, **options: Any) -> str:
        """The content as text, or its first `length` characters."""
        with File.open(self, "r", **options) as stream:
            text: str = stream.read(length)
            return text


class Image(DataModel):
    """Size and format of an image; -1 and empty when not known."""

    width: int = Field(default=-1)
    height: int = Field(default=-1)
    format: str = Field(default="")


class ImageFile(File):
    """A file that is read as an image; needs Pillow."""

    def read(self, length: int = -1) -> PILImage:  # noqa: ARG002
        """The decoded picture.

        Raises:
            FileError: The content is no image, or a damaged one.
        """
        with self._picture() as picture:
            picture.load()
            return picture

    def get_info(self) -> Image:
        """Size and format, from the header only."""
        with self._picture() as picture:
            return Image(width=picture.width, height=picture.height, format=picture.format or "")

    def save(  # type: ignore[override]  # the peer's order of parameters
        self,
        destination: str | os.PathLike[str],
        format: str | None = None,
        client_config: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Self:
        """Encode the picture to a path or URI and return the new file.

        Args:
            destination: Where to; its extension says the format unless given.
            format: Pillow's name of the format, such as `PNG`.
            client_config: For cloud storage; local files have no use for it.
        """
        target = type(self).at(destination)
        chosen = format or _pillow().registered_extensions().get(target.get_file_suffix().lower())
        if chosen is None:
            msg = (
                f"no image format belongs to the extension `{target.get_file_suffix()}`; "
                f"hint: pass format=: `{target.get_uri()}`"
            )
            raise FileError(msg)
        picture = self.read()
        with _replacing(target._local_path()) as scratch:
            try:
                picture.save(scratch, format=chosen)
            except (OSError, KeyError, ValueError) as error:
                msg = f"cannot write image as `{chosen}`: {error}: `{target.get_uri()}`"
                raise FileError(msg) from error
        return target.resolve()

    @contextmanager
    def _picture(self) -> Iterator[PILImage]:
        """Open with Pillow; whatever it makes of bad content is a `FileError`."""
        pillow = _pillow()
        with File.open(self, "rb") as stream:
            try:
                with pillow.open(stream) as picture:
                    yield picture
            except pillow.UnidentifiedImageError as error:
                msg = f"cannot read image `{self.get_uri()}`: not a known image format"
                raise FileError(msg) from error
            # WHY: on damaged data the decoders raise SyntaxError, struct.error and more
            except Exception as error:
                msg = f"cannot read image `{self.get_uri()}`: {error}"
                raise FileError(msg) from error


_TYPES: dict[str, type[File]] = {"binary": File, "text": TextFile, "image": ImageFile}


def type_for(type: str) -> type[File]:
    """The file class for `read_storage(type=...)`.

    Raises:
        NotSupportedError: The type is `video` or `audio`.
        DataChainParamsError: There is no such type.
    """
    if type in _TYPES:
        return _TYPES[type]
    if type in ("video", "audio"):
        msg = f"files of type `{type}` are not supported yet: use {', '.join(_TYPES)}"
        raise NotSupportedError(msg)
    msg = f"unknown file type `{type}`{did_you_mean(str(type), _TYPES)}"
    raise DataChainParamsError(msg)


def _check_path(path: str, uri: str) -> None:
    """Refuse what is no file or leads out of its root."""
    parts = path.split("/")
    if not path:
        rule = "it is empty"
    elif path.endswith("/"):
        rule = "it names a folder"
    elif path.startswith("/"):
        rule = "it must not be absolute"
    elif {".", "..", ""} & set(parts):
        rule = "it must not contain `.`, `..` or an empty part"
    else:
        return
    msg = f"unsafe path `{path}`: {rule}: `{uri}`"
    raise FileError(msg)


def _local_of(text: str) -> Path:
    """The absolute OS path of a path or `file://` URI; `..` is taken literally away."""
    return Path(os.path.abspath(Path(text.removeprefix(_LOCAL)).expanduser()))  # noqa: PTH100


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A scratch file beside `path` that takes its place when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name[:200]}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _pillow() -> Any:
    """Pillow's `Image` module, imported on first use."""
    try:
        from PIL import Image as pillow  # noqa: N813
    except ImportError as error:
        msg = "images need Pillow; hint: pip install pillow"
        raise ImportError(msg) from error
    return pillow
