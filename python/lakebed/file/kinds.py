"""Which class `read_storage(type=...)` reads files as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed._hint import did_you_mean
from lakebed.exceptions import DataChainParamsError
from lakebed.file.audio import AudioFile
from lakebed.file.file import File
from lakebed.file.image import ImageFile
from lakebed.file.text import TextFile
from lakebed.file.video import VideoFile

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: Mapping[str, type[File]] = {
    "binary": File,
    "text": TextFile,
    "image": ImageFile,
    "video": VideoFile,
    "audio": AudioFile,
}


def type_for(type: str) -> type[File]:
    """The file class for `read_storage(type=...)`.

    Raises:
        DataChainParamsError: There is no such type.
    """
    if type not in KINDS:
        msg = f"unknown file type `{type}`{did_you_mean(str(type), KINDS)}"
        raise DataChainParamsError(msg)
    return KINDS[type]
