"""Files inside of other files: `VFile` says how one kind is opened, `VFileRegistry` which."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, Any, ClassVar

from lakebed.exceptions import VFileError

if TYPE_CHECKING:
    from lakebed.file.file import File

    Location = dict[str, Any] | list[dict[str, Any]]


class VFile(ABC):
    """How files with one `vtype` are opened; see `VFileRegistry.register`."""

    @classmethod
    @abstractmethod
    def get_vtype(cls) -> str:
        """What stands as `vtype` in the locations that this class opens."""

    @classmethod
    @abstractmethod
    def open(cls, file: File, location: list[dict[str, Any]]) -> IO[bytes]:
        """A stream of the file's bytes."""

    @classmethod
    def parent(cls, file: File, location: list[dict[str, Any]]) -> File:
        """The file that this one is inside of."""
        from lakebed.file.file import File

        if len(location) > 1:
            raise error(file, "several locations are not supported")
        found = location[0].get("parent")
        if not isinstance(found, dict):
            raise error(file, "`parent` is not specified", cls.get_vtype())
        return File(**found)


class VFileRegistry:
    """The kinds of files inside of others."""

    _readers: ClassVar[dict[str, type[VFile]]] = {}

    @classmethod
    def register(cls, reader: type[VFile]) -> None:
        """Open locations of its `vtype` with a class from now on."""
        cls._readers[reader.get_vtype()] = reader

    @classmethod
    def open(cls, file: File, location: Location) -> IO[bytes]:
        """A stream of a file's bytes.

        Raises:
            VFileError: The location is malformed, or of no known kind.
        """
        reader, places = cls._reader(file, location)
        return reader.open(file, places)

    @classmethod
    def parent(cls, file: File, location: Location) -> File:
        """The file that another is inside of; raises as `open`."""
        reader, places = cls._reader(file, location)
        return reader.parent(file, places)

    @classmethod
    def _reader(cls, file: File, location: Location) -> tuple[type[VFile], list[dict[str, Any]]]:
        places = [location] if isinstance(location, dict) else list(location)
        if not places or not isinstance(places[0], dict):
            raise error(file, f"`location` is a list of dicts, not `{location!r}`")
        vtype = places[0].get("vtype")
        if not vtype:
            raise error(file, "`vtype` is not specified")
        if vtype not in cls._readers:
            known = ", ".join(f"`{name}`" for name in cls._readers)
            raise error(file, f"there is no reader for it: known are {known}", str(vtype))
        return cls._readers[vtype], places


def error(file: File, why: str, vtype: str = "") -> VFileError:
    """What is wrong with a file inside of another."""
    kind = f" of vtype `{vtype}`" if vtype else ""
    return VFileError(f"file inside of another{kind}: {why}: `{file.get_uri()}`")
