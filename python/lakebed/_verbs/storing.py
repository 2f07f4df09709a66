"""The verb that copies the files of a chain to a folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from lakebed import _columns, _export
from lakebed._progress import progress
from lakebed._verbs.keeping import Keeping
from lakebed.exceptions import DataChainParamsError, SignalResolvingTypeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakebed.expr import Column
    from lakebed.file import File, Placement


class Storing(Keeping):
    """What leaves the chain as files."""

    __slots__ = ()

    def to_storage(  # noqa: PLR0917  the peer's order
        self,
        output: str | os.PathLike[str],
        signal: str | Column = "file",
        placement: Placement = "fullpath",
        link_type: Literal["copy", "symlink"] = "copy",
        num_threads: int | None = 5,
        anon: bool | None = None,  # noqa: FBT001
        client_config: Mapping[str, Any] | None = None,
    ) -> None:
        """Copy the files of a column into a folder; missing ones are left out.

        Before anything is written, all names are looked at. A run that was interrupted goes on
        where it was: copies that are there are left, if they are of the same version of the
        file. The time of a local copy is to the second that of its file.

        Args:
            output: The folder, also one in a bucket.
            signal: The column or field with the files.
            placement: `fullpath` keeps bucket and path, `filepath` the path, `filename`
                the name only, `etag` names copies by their etag.
            link_type: `symlink` links local files instead of copying them.
            num_threads: How many files are copied at the same time.
            anon: Connect to buckets without credentials.
            client_config: Another way to connect to buckets than the session's.

        Raises:
            DataChainParamsError: Two different files would get one name.
            FileError: A file would lie outside of `output`.
        """
        from lakebed.file._copies import Copies
        from lakebed.file._export import LINKS

        path = _columns.path_of(signal, "to_storage")
        _check_files(_columns.existing(_columns.resolved(self._native), path)[1], path)
        if link_type not in LINKS:
            msg = f"unknown link_type `{link_type}`: use {', '.join(LINKS)}"
            raise DataChainParamsError(msg)
        threads = 1 if num_threads is None else num_threads
        if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
            msg = f"num_threads is a number of threads, at least 1, not `{num_threads!r}`"
            raise DataChainParamsError(msg)
        config = dict(client_config or {}) | ({} if anon is None else {"anon": anon})
        copies = Copies(os.fspath(output), placement, link_type, threads, config or None)
        kept = self if self._version else self._with(self._native.select([path])).persist()
        total = copies.check(kept._files(path))
        with self._session._as_current(), progress() as report:
            copies.run(
                kept._files(path),
                lambda done, old: report([("copying files", done, total, 0, old)], []),
            )

    def _files(self, path: str) -> Iterator[File]:
        """The files of a column, without those that are missing."""
        return (file for (file,) in _export.rows(self._native, [path]) if file is not None)


def _check_files(spec: Mapping[str, Any], path: str) -> None:
    from lakebed.file import File

    if spec["kind"] != "model" or not issubclass(spec["cls"], File):
        msg = f"to_storage copies files, and column `{path}` has none; hint: signal="
        raise SignalResolvingTypeError(msg)
