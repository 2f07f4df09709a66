"""Members of tar archives as files: `process_tar` lists them, `TarVFile` opens one."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator  # noqa: TC003  annotations that `gen` reads
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from lakebed.exceptions import FileError, LakebedError, VFileError
from lakebed.file._slice import FileSlice
from lakebed.file.file import File
from lakebed.file.virtual import VFile, VFileRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPRESSIONS: dict[str, tuple[bytes, Callable[[IO[bytes]], Any]]] = {
    "gz": (b"\x1f\x8b", lambda stream: gzip.GzipFile(fileobj=stream)),
    "bz2": (b"BZh", bz2.BZ2File),
    "xz": (b"\xfd7zXZ\x00", lzma.LZMAFile),
}
"""What compressed archives begin with, and how they are read."""

_ZSTD = b"\x28\xb5\x2f\xfd"
_DAMAGE = (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error)


class TarVFile(VFile):
    """Opens members of tar archives, by their range; only that is read."""

    @classmethod
    def get_vtype(cls) -> str:
        """`tar`."""
        return "tar"

    @classmethod
    def open(cls, file: File, location: list[dict[str, Any]]) -> IO[bytes]:
        """A stream of a member's bytes.

        Raises:
            VFileError: The location lacks something.
        """
        archive = cls.parent(file, location)
        where = location[0]
        offset, size = (_number(file, where, name) for name in ("offset", "size"))
        pieces = where.get("pieces")
        compression = where.get("compression")
        stored = sum(length for _, length in pieces) if pieces is not None else size
        place = archive._place()
        stream = place.reader() if compression else place.part(offset, offset + stored)
        try:
            plain = _decompressed(stream, compression) if compression else stream
            found = _Member(plain, offset, size, file.name, pieces)
        except BaseException:
            stream.close()
            raise
        found.archive = stream
        return cast("IO[bytes]", io.BufferedReader(found))


VFileRegistry.register(TarVFile)


class _Member(FileSlice):
    """A slice that closes the archive too, which a decompressor does not."""

    archive: IO[bytes]

    def close(self) -> None:
        super().close()
        self.archive.close()


def process_tar(file: File) -> Iterator[File]:
    """The files in a tar archive, as rows of their own; their content is not read.

    A hard link is the file that it links to. Folders, devices and symbolic links hold no
    bytes and are left out. Names are taken as they are, also those that lead out of a
    folder; `export` refuses these.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_storage("archives/").gen(file=process_tar)  # doctest: +SKIP
    """
    with archive_of(file) as (archive, compression):
        for info, stored in members_of(archive):
            yield member(file, info, stored, compression)


def members_of(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarInfo]]:
    """The members that are files, each with the one that its bytes are stored for.

    Raises:
        TarError: The archive is damaged.
    """
    places: dict[str, tarfile.TarInfo] = {}
    for info in archive:
        if info.isfile():
            places[info.name] = info
            yield info, info
        elif info.islnk() and info.linkname in places:
            yield info, places[info.linkname]
    # WHY: where a header is damaged, `tarfile` believes that the archive ends
    stream = cast("IO[bytes]", archive.fileobj)
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):
        msg = f"damaged at byte {archive.offset}"
        raise tarfile.ReadError(msg)


def member(
    archive: File, info: tarfile.TarInfo, stored: tarfile.TarInfo, compression: str = ""
) -> File:
    """A file for a member of an archive.

    Args:
        archive: The archive.
        info: The member.
        stored: The member that its bytes are stored for.
        compression: Of the whole archive, if it is.
    """
    where: dict[str, Any] = {
        "vtype": "tar",
        "parent": archive.model_dump(mode="json", include=set(File.model_fields)),
        "offset": stored.offset_data,
        "size": stored.size,
    }
    sparse: Any = stored.sparse
    if sparse is not None:
        where["pieces"] = [[*piece] for piece in sparse]
    if compression:
        where["compression"] = compression
    name = _text(info.name)
    tag = f"{archive.etag}-{name}-{info.mtime}"
    return File(
        source=archive.source,
        path=f"{archive.path}/{name}",
        size=stored.size,
        version=archive.version,
        etag=hashlib.md5(tag.encode(), usedforsecurity=False).hexdigest(),
        is_latest=archive.is_latest,
        last_modified=archive.last_modified,
        location=[where],
    )


@contextmanager
def archive_of(file: File) -> Iterator[tuple[tarfile.TarFile, str]]:
    """An archive that is read member by member, and how it is compressed.

    Raises:
        FileError: It is none, or damaged.
    """
    with file._place().reader() as stream:
        start = stream.read(6)
        stream.seek(0)
        found = (name for name, (magic, _) in _COMPRESSIONS.items() if start.startswith(magic))
        compression = next(found, "")
        if start.startswith(_ZSTD):
            msg = f"archives compressed with zstd cannot be read: `{file.get_uri()}`"
            raise FileError(msg)
        plain = _decompressed(stream, compression) if compression else stream
        try:
            with tarfile.open(fileobj=plain, mode="r:", encoding="utf-8") as archive:
                yield archive, compression
        except LakebedError:
            # the file could not be read at all
            raise
        except _DAMAGE as error:
            msg = f"cannot read tar archive `{file.get_uri()}`: {error}"
            raise FileError(msg) from error


def _decompressed(stream: IO[bytes], compression: str) -> IO[bytes]:
    if compression not in _COMPRESSIONS:
        msg = f"unknown compression `{compression}`: known are {', '.join(_COMPRESSIONS)}"
        raise VFileError(msg)
    return cast("IO[bytes]", _COMPRESSIONS[compression][1](stream))


def _number(file: File, where: dict[str, Any], name: str) -> int:
    value = where.get(name)
    if not isinstance(value, int) or value < 0:
        msg = f"`{name}` of a tar member is a number of bytes, not `{value!r}`: `{file.get_uri()}`"
        raise VFileError(msg)
    return value


def _text(name: str) -> str:
    """A member's name; bytes that are no UTF-8 are escaped."""
    plain = name.removeprefix("./")
    return plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
