"""The place of a file inside of another; it can only be read."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, NoReturn

from lakebed import _storage
from lakebed.file._place import Place, Status
from lakebed.file.virtual import VFileRegistry, error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from lakebed.file.file import File
    from lakebed.file.virtual import Location


class Virtual(Place):
    """Inside of another file."""

    def __init__(self, file: File, client_config: Mapping[str, Any] | None) -> None:
        super().__init__(file)
        self._location: Location = file.location or []
        self._client_config = client_config

    def status(self) -> Status:
        self._refuse("it cannot be looked up on its own")

    def reader(self, block_size: int | None = None) -> IO[bytes]:  # noqa: ARG002
        return VFileRegistry.open(self.file, self._location)

    def whole(self) -> IO[bytes]:
        if _storage.keeps():
            self.ensure_cached()
        return self.reader()

    def writing(
        self,
        mode: str,
        options: Mapping[str, Any],  # noqa: ARG002
        attributes: Mapping[str, str],  # noqa: ARG002
    ) -> AbstractContextManager[IO[Any]]:
        self._refuse(f"it cannot be opened with mode `{mode}`, only read")

    def receive(self, source: Place, attributes: Mapping[str, str]) -> Status:  # noqa: ARG002
        self._refuse("it cannot be written")

    def put(self, data: bytes, attributes: Mapping[str, str]) -> Status:  # noqa: ARG002
        self._refuse("it cannot be written")

    def ensure_cached(self) -> None:
        VFileRegistry.parent(self.file, self._location)._place(self._client_config).ensure_cached()

    def _refuse(self, why: str) -> NoReturn:
        raise error(self.file, why)
