"""Samples of WebDataset archives: the files of a tar that share a name, as one row."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import Field

from lakebed.exceptions import (
    CoreFileDuplicationError,
    CoreFileNotFoundError,
    UnknownFileExtensionError,
    WDSError,
)
from lakebed.file.file import File
from lakebed.file.tar import archive_of, member, members_of
from lakebed.models import DataModel

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Sequence

    _Member = tuple[tarfile.TarInfo, tarfile.TarInfo]
    """A file of an archive, and the one that its bytes are stored for."""


class WDSBasic(DataModel):
    """A sample: its core file, and in classes made of this one a field for each extension."""

    file: File


with warnings.catch_warnings():
    # a file may be called `.json`
    warnings.simplefilter("ignore", UserWarning)

    class WDSAllFile(WDSBasic):
        """A sample with any of the extensions that WebDataset knows."""

        txt: str | None = Field(default=None)
        text: str | None = Field(default=None)
        cap: str | None = Field(default=None)
        transcript: str | None = Field(default=None)
        cls: int | None = Field(default=None)
        cls2: int | None = Field(default=None)
        index: int | None = Field(default=None)
        inx: int | None = Field(default=None)
        id: int | None = Field(default=None)
        json: dict | None = Field(default=None)  # type: ignore[assignment, type-arg]
        jsn: dict | None = Field(default=None)  # type: ignore[type-arg]

        pyd: bytes | None = Field(default=None)
        pickle: bytes | None = Field(default=None)
        pth: bytes | None = Field(default=None)
        ten: bytes | None = Field(default=None)
        tb: bytes | None = Field(default=None)
        mp: bytes | None = Field(default=None)
        msg: bytes | None = Field(default=None)
        npy: bytes | None = Field(default=None)
        npz: bytes | None = Field(default=None)
        cbor: bytes | None = Field(default=None)


class WDSReadableSubclass(DataModel):
    """A field that reads itself from its file."""

    @staticmethod
    def _reader(sample: Sample, info: tarfile.TarInfo) -> Any:
        """The field's value; `sample.read` and `sample.read_text` give what the file holds."""
        raise NotImplementedError


def process_webdataset(
    core_extensions: Sequence[str] = ("jpg", "png"),
    spec: type[WDSBasic] = WDSAllFile,
    encoding: str = "utf-8",
) -> Callable[[File], Iterator[Any]]:
    """A function for `gen` that makes a row of each sample in an archive.

    Files whose paths are the same but for the extension are a sample. One of them, with a
    core extension, is the row's `file`, which is not read; the others are fields of `spec`.

    Args:
        core_extensions: Those of the files that samples are about.
        spec: What a sample is: a class made of `WDSBasic` with a field for each extension.
        encoding: Of texts.

    Raises:
        CoreFileDuplicationError: A sample has several files with core extensions.
        CoreFileNotFoundError: A sample has none.
        UnknownFileExtensionError: `spec` has no field for an extension.
        WDSError: A file is no value of its field's type.
    """

    def samples(file: File) -> Iterator[Any]:
        with archive_of(file) as (archive, compression):
            groups: dict[str, list[_Member]] = {}
            for found in members_of(archive):
                stem = str(PurePosixPath(found[0].name).with_suffix(""))
                groups.setdefault(stem, []).append(found)
            for stem, members in groups.items():
                sample = Sample(file, archive, spec, encoding)
                for info, stored in members:
                    sample.add(info, stored, core_extensions)
                core, stored = sample.core(stem, core_extensions)
                found_file = _like(spec, member(file, core, stored, compression))
                yield spec(file=found_file, **sample.data)

    samples.__annotations__["return"] = Iterator[spec]  # type: ignore[valid-type]
    return samples


class Sample:
    """The files of one sample, as far as they were read.

    Attributes:
        data: The values by extension.
    """

    def __init__(
        self, file: File, archive: tarfile.TarFile, spec: type[WDSBasic], encoding: str
    ) -> None:
        self.data: dict[str, Any] = {}
        self._file = file
        self._archive = archive
        self._spec = spec
        self._encoding = encoding
        self._core: _Member | None = None

    def add(
        self, info: tarfile.TarInfo, stored: tarfile.TarInfo, core_extensions: Sequence[str]
    ) -> None:
        """Read one of its files, unless it is the core one."""
        extension = PurePosixPath(info.name).suffix.removeprefix(".").lower()
        if extension in core_extensions:
            if self._core is not None:
                raise CoreFileDuplicationError(
                    self._message(f"two core files: `{self._core[0].name}` and `{info.name}`")
                )
            self._core = info, stored
            return
        if extension in self.data:
            raise WDSError(self._message(f"two files with the extension `.{extension}`", info))
        read = self._reader(extension, info)
        try:
            self.data[extension] = read(self, stored)
        except (ValueError, TypeError, LookupError) as error:
            raise WDSError(self._message(str(error), info)) from error

    def core(self, stem: str, core_extensions: Sequence[str]) -> _Member:
        """The file that the sample is about."""
        if self._core is None:
            known = ", ".join(f"`.{one}`" for one in core_extensions)
            raise CoreFileNotFoundError(
                self._message(f"sample `{stem}` has no file with the extension {known}")
            )
        return self._core

    def read(self, info: tarfile.TarInfo) -> bytes:
        """What a file of the sample holds."""
        stream = self._archive.extractfile(info)
        return stream.read() if stream is not None else b""

    def read_text(self, info: tarfile.TarInfo) -> str:
        """What a file of the sample holds, as text."""
        return self.read(info).decode(self._encoding)

    def _reader(self, extension: str, info: tarfile.TarInfo) -> Callable[[Sample, Any], Any]:
        field = self._spec.model_fields.get(extension)
        if field is None or extension == "file":
            raise UnknownFileExtensionError(
                self._message(f"`{self._spec.__name__}` has no field `{extension}`", info)
            )
        kind = _plain(field.annotation)
        if isinstance(kind, type) and issubclass(kind, WDSReadableSubclass):
            return kind._reader
        if kind not in _READERS:
            known = ", ".join(f"`{one.__name__}`" for one in _READERS)
            raise WDSError(
                self._message(f"field `{extension}` is `{kind}`, which is none of {known}", info)
            )
        return _READERS[kind]

    def _message(self, text: str, info: tarfile.TarInfo | None = None) -> str:
        name = f", file `{info.name}`" if info is not None else ""
        return f"webdataset `{self._file.get_uri()}`{name}: {text}"


_READERS: dict[Any, Callable[[Sample, Any], Any]] = {
    str: Sample.read_text,
    int: lambda sample, info: int(sample.read_text(info)),
    float: lambda sample, info: float(sample.read_text(info)),
    bytes: Sample.read,
    dict: lambda sample, info: json.loads(sample.read_text(info)),
}


def _plain(annotation: Any) -> Any:
    """The type in `type | None`, and `dict` of `dict[str, int]`."""
    from types import UnionType

    if get_origin(annotation) in (Union, UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    return dict if get_origin(annotation) is dict else annotation


def _like(spec: type[WDSBasic], file: File) -> File:
    """The file as the class that the spec wants."""
    kind = _plain(spec.model_fields["file"].annotation)
    return file._as(kind) if isinstance(kind, type) and issubclass(kind, File) else file
