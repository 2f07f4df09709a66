"""`settings(by_content=True)`: files count by the digest of their bytes, not by where and when.

The digest (`file/content.py`) is made by a stage of its own, whose results are kept for as long
as a file is the same: so it is read once to be told apart, and again when it was copied, touched
or changed. A parameter with files in its fields or items has one digest of all that it holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakebed._columns import readable
from lakebed._settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakebed._schema import Spec
    from lakebed._udf.signature import UdfSignature

_WHOLE_FILES = ("File", "TextFile", "ImageFile", "VideoFile", "AudioFile")


def files_of(
    signature: UdfSignature, columns: Mapping[str, Spec]
) -> list[tuple[int, str, Callable[[Any], str | None]]]:
    """The parameters that are or hold files.

    For each its position among columns, what it reads, and what makes the digest of that.
    """
    paths = [taken.name for taken in signature.taken if not taken.setup]
    found = []
    for at, name in enumerate(paths):
        column = readable(columns, name)
        digest = _digest(column.spec) if column is not None else None
        if column is not None and digest is not None:
            found.append((at, column.path, digest))
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


def _digest(spec: Spec) -> Callable[[Any], str | None] | None:
    from lakebed.file.content import content_of, contents_of
    from lakebed.file.file import File

    if not _holds_files(spec):
        return None
    is_plain = _is_file(spec) and {name for name, _ in spec["fields"]} <= set(File.model_fields)
    return content_of if is_plain else contents_of


def _holds_files(spec: Spec) -> bool:
    match spec["kind"]:
        case "model":
            return _is_file(spec) or any(_holds_files(field) for _, field in spec["fields"])
        case "list" | "tuple":
            return _holds_files(spec["item"])
    return False


def _is_file(spec: Spec) -> bool:
    if spec["kind"] != "model":
        return False
    from lakebed.file.file import File

    known: Any = spec.get("cls")
    is_file = isinstance(known, type) and issubclass(known, File)
    return is_file or str(spec["name"]).partition("@")[0] in _WHOLE_FILES
