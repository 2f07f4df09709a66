"""`File` and its kinds: a row's pointer to bytes, with the ways to read and write them.

A file object is plain data: where the bytes are and what the listing said about them.
What is read is the file of the listing: one that changed since is an error. Listing and
caching are the engine's.
"""

from __future__ import annotations

from lakebed.file._export import Placement
from lakebed.file._slice import FileSlice
from lakebed.file.arrow_row import ArrowRow
from lakebed.file.audio import Audio, AudioFile, AudioFragment
from lakebed.file.file import File
from lakebed.file.image import Image, ImageFile
from lakebed.file.kinds import type_for
from lakebed.file.tar import TarVFile, process_tar
from lakebed.file.text import TextFile
from lakebed.file.video import Video, VideoFile, VideoFragment, VideoFrame
from lakebed.file.virtual import VFile, VFileRegistry
from lakebed.file.webdataset import WDSAllFile, WDSBasic, WDSReadableSubclass, process_webdataset

__all__ = [
    "ArrowRow",
    "Audio",
    "AudioFile",
    "AudioFragment",
    "File",
    "FileSlice",
    "Image",
    "ImageFile",
    "Placement",
    "TarVFile",
    "TextFile",
    "VFile",
    "VFileRegistry",
    "Video",
    "VideoFile",
    "VideoFragment",
    "VideoFrame",
    "WDSAllFile",
    "WDSBasic",
    "WDSReadableSubclass",
    "process_tar",
    "process_webdataset",
    "type_for",
]
