"""`VideoFile` and its parts: frames as pictures, fragments as videos; needs PyAV."""

from __future__ import annotations

import io
import os
import threading
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lakebed.exceptions import DataChainParamsError, FileError
from lakebed.file import _times
from lakebed.file.file import File
from lakebed.file.image import ImageFile
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_decoded = threading.local()
"""The frame that this thread decoded last: who iterates over frames looks at it next."""


class Video(DataModel):
    """What a video is; -1 and empty when not known."""

    width: int = Field(default=-1)
    height: int = Field(default=-1)
    fps: float = Field(default=-1.0)
    duration: float = Field(default=-1.0)
    frames: int = Field(default=-1)
    format: str = Field(default="")
    codec: str = Field(default="")


class VideoFile(File):
    """A file that is read as a video; needs `lakebed[video]`."""

    def get_info(self, video_stream_index: int = 0) -> Video:
        """Size, length and codec; width and height are as it is to be seen.

        Raises:
            FileError: The content is no video, or a damaged one.
        """
        from lakebed.file import _av

        return Video(**_av.info(self, video_stream_index))

    def get_frame(self, frame: int, video_stream_index: int = 0) -> VideoFrame:
        """One frame by its number, from 0; nothing is read until its picture is."""
        _check_number("frame", frame)
        fps = self.get_info(video_stream_index).fps
        return VideoFrame(
            video=self,
            frame=frame,
            video_stream_index=video_stream_index,
            timestamp=frame / fps if fps > 0 else 0.0,
        )

    def get_frames(
        self,
        start: int = 0,
        end: int | None = None,
        step: int = 1,
        video_stream_index: int = 0,
    ) -> Iterator[VideoFrame]:
        """The frames of a part, in order; decoded once while they are iterated over.

        Args:
            start: The number of the first one.
            end: The number to stop before; by default the end of the video.
            step: Take only each so many-th.
            video_stream_index: Which of the file's videos.
        """
        _check_number("start", start)
        _check_number("step", step, 1)
        if end is not None:
            _check_number("end", end, start)
        return self._frames(range(start, 2**62 if end is None else end, step), video_stream_index)

    def get_fragment(self, start: float, end: float) -> VideoFragment:
        """The part between two times in seconds."""
        _times.check_span(start, end)
        return VideoFragment(video=self, start=start, end=end)

    def get_fragments(
        self, duration: float, start: float = 0, end: float | None = None
    ) -> Iterator[VideoFragment]:
        """Parts of one length, the last one perhaps shorter.

        Args:
            duration: How many seconds each has.
            start: Where the first one begins.
            end: Where the last one ends; by default the end of the video.
        """
        _times.check_span(start, end)
        stop = self.get_info().duration if end is None else end
        for begin, until in _times.spans(duration, start, stop):
            yield VideoFragment(video=self, start=begin, end=until)

    def _frames(self, wanted: range, stream: int) -> Iterator[VideoFrame]:
        from lakebed.file import _av

        for number, timestamp, picture in _av.frames(self, wanted, stream):
            frame = VideoFrame(
                video=self, frame=number, video_stream_index=stream, timestamp=timestamp
            )
            _decoded.last = (frame._key(), picture)
            yield frame


class VideoFrame(DataModel):
    """A frame of a video.

    Attributes:
        video: The video.
        frame: The frame's number, from 0.
        video_stream_index: Which of the file's videos.
        timestamp: When it is shown, in seconds.
    """

    video: VideoFile
    frame: int
    video_stream_index: int = 0
    timestamp: float = 0.0

    def get_np(self) -> NDArray[Any]:
        """The picture as it is to be seen: an array of height, width and 3 colours.

        Raises:
            FileError: The video is damaged, or has no such frame.
        """
        from lakebed.file import _av

        last: tuple[Any, NDArray[Any]] | None = getattr(_decoded, "last", None)
        if last is not None and last[0] == self._key():
            return last[1].copy()
        wanted = range(self.frame, self.frame + 1)
        for _, _, decoded in _av.frames(self.video, wanted, self.video_stream_index):
            return decoded
        msg = f"video `{self.video.get_uri()}` has no frame {self.frame}"
        raise FileError(msg)

    def read_bytes(self, format: str = "jpg") -> bytes:
        """The picture, encoded.

        Args:
            format: An extension, such as `png`.
        """
        from PIL import Image as pillow  # noqa: N813

        kind = pillow.registered_extensions().get(f".{format.lower().removeprefix('.')}")
        if kind is None:
            msg = f"no image format belongs to the extension `{format}`"
            raise DataChainParamsError(msg)
        encoded = io.BytesIO()
        pillow.fromarray(self.get_np()).save(encoded, format=kind)
        return encoded.getvalue()

    def save(
        self,
        destination: str | os.PathLike[str],
        format: str = "jpg",
        client_config: Mapping[str, Any] | None = None,
    ) -> ImageFile:
        """Write the picture into a folder and return its file.

        Args:
            destination: The folder; the file is called `{name of the video}_{frame}.{format}`.
            format: An extension, such as `png`.
            client_config: Another way to connect to the bucket than the session's.
        """
        name = f"{self.video.get_file_stem()}_{self.frame:04d}.{format}"
        path = f"{os.fspath(destination).rstrip('/')}/{name}"
        return ImageFile.upload(self.read_bytes(format), path, client_config)

    def _key(self) -> tuple[str, int, int]:
        return self.video.get_hash(), self.video_stream_index, self.frame


class VideoFragment(DataModel):
    """A part of a video, from `start` to `end` in seconds."""

    video: VideoFile
    start: float
    end: float

    def save(
        self,
        destination: str | os.PathLike[str],
        format: str | None = None,
        client_config: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> VideoFile:
        """Encode the part anew, into a folder, and return its file.

        Args:
            destination: The folder; the file is called by the video and the times.
            format: An extension, such as `mp4`; by default that of the video.
            client_config: Another way to connect to the bucket than the session's.
            timeout: Give up after this many seconds; by default 10 times what it lasts and at
                least a minute. 0 means never.

        Raises:
            FileError: The video is damaged, there is no such part, or it took too long.
        """
        from lakebed.file import _av

        _times.check_span(self.start, self.end)
        if timeout is None:
            timeout = max(60.0, 10 * (self.end - self.start))
        ending = (format or self.video.get_file_ext()).removeprefix(".")
        times = f"{_times.milliseconds(self.start)}_{_times.milliseconds(self.end)}"
        name = f"{self.video.get_file_stem()}_{self.video.get_hash()[:16]}_{times}.{ending}"
        with TemporaryDirectory(prefix="lakebed-") as folder:
            scratch = f"{folder}/fragment.{ending}"
            _av.cut(self.video, (self.start, self.end), scratch, timeout)
            path = f"{os.fspath(destination).rstrip('/')}/{name}"
            return VideoFile.at(scratch).save(path, client_config)


def _check_number(name: str, value: object, least: int = 0) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        msg = f"{name} is a whole number, at least {least}, not `{value!r}`"
        raise DataChainParamsError(msg)
