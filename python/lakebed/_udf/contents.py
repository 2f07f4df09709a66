"""`settings(by_content=True)`: files count by the digest of their bytes, not by where and when.

The digest (`file/content.py`) is made by a stage of its own, whose results are kept for as long
as a file is the same: so it is read once to be told apart, and again when it was copied, touched
or changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakebed._columns import readable
from lakebed._settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed._schema import Spec
    from lakebed._udf.signature import UdfSignature

_WHOLE_FILES = ("File", "TextFile", "ImageFile", "VideoFile", "AudioFile")


def files_of(signature: UdfSignature, columns: Mapping[str, Spec]) -> list[tuple[int, str]]:
    """The positions of parameters that are files, among columns, and what they read."""
    paths = [taken.name for taken in signature.taken if not taken.setup]
    found = []
    for at, name in enumerate(paths):
        column = readable(columns, name)
        if column is not None and _is_file(column.spec):
            found.append((at, column.path))
    return found


def settings_for(settings: Settings) -> Settings:
    """How digests are made for functions with these settings."""
    return replace(
        Settings(),
        parallel=settings.parallel,
        cache=settings.cache,
        prefetch=settings.prefetch,
        batch_size=settings.batch_size,
    )


def _is_file(spec: Spec) -> bool:
    if spec["kind"] != "model":
        return False
    from lakebed.file.file import File

    known: Any = spec.get("cls")
    is_file = isinstance(known, type) and issubclass(known, File)
    return is_file or str(spec["name"]).partition("@")[0] in _WHOLE_FILES
