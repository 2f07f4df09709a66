"""Videos through PyAV: what they are, their frames in order, and parts of them encoded anew."""

from __future__ import annotations

import time
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lakebed._extras import needed
from lakebed.exceptions import DataChainParamsError, FileError, LakebedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lakebed.file.file import File

_NEAR = 64
"""Frames that are so near to the start are decoded from there."""

_EXACT = 0.05
"""How far a frame's time may be from a whole number of frames."""

_HALF_TURN = 180


def info(file: File, stream: int) -> dict[str, Any]:
    """The fields of `Video`."""
    with _opened(file) as container:
        video = _stream(file, container, stream)
        fps = float(video.average_rate or video.guessed_rate or 0)
        duration = _duration(container, video)
        first = next(container.decode(video), None)
        turned = first is not None and first.rotation % _HALF_TURN != 0
        width, height = (video.height, video.width) if turned else (video.width, video.height)
        return {
            "width": width,
            "height": height,
            "fps": fps if fps > 0 else -1.0,
            "duration": duration,
            "frames": video.frames or (round(duration * fps) if duration > 0 and fps > 0 else -1),
            "format": container.format.name,
            "codec": video.codec_context.name,
        }


def frames(file: File, wanted: range, stream: int) -> Iterator[tuple[int, float, NDArray[Any]]]:
    """Number, time in seconds and picture of frames, in order."""
    with _opened(file) as container:
        video = _stream(file, container, stream)
        video.thread_type = "AUTO"
        for number, frame in _numbered(container, video, wanted.start):
            if number >= wanted.stop:
                return
            if number in wanted:
                yield number, float(frame.time or 0.0), _picture(frame)


def cut(file: File, span: tuple[float, float], target: str, timeout: float) -> None:
    """Encode a part of a video, with its sound, into a local file.

    Args:
        file: The video.
        span: From when to when, in seconds.
        target: The file; its extension says the format.
        timeout: Give up after so many seconds, unless it is 0.
    """
    av = needed("av", "lakebed[video]")
    until = time.monotonic() + timeout if timeout else float("inf")
    with _opened(file) as container:
        try:
            output = av.open(target, "w")
        except ValueError as error:
            msg = f"no video format belongs to the extension `{target.rpartition('.')[2]}`"
            raise DataChainParamsError(msg) from error
        with output:
            tracks = [_Track(output, _stream(file, container, 0))]
            if container.streams.audio and output.default_audio_codec != "none":
                tracks.append(_Track(output, container.streams.audio[0]))
            _transcode(container, tracks, span, until)
            if not tracks[0].count:
                msg = f"video `{file.get_uri()}` has no frame from {span[0]} to {span[1]} s"
                raise FileError(msg)
            for track in tracks:
                track.finish()


class _Track:
    """A stream of a video, and what it becomes."""

    def __init__(self, output: Any, source: Any) -> None:
        self.source = source
        self.count = 0
        self._output = output
        self._made: Any = None
        self._resampler: Any = None

    def add(self, frame: Any, start: float) -> None:
        """Encode a frame, whose time is counted from the part's start."""
        self._made = self._made or self._begin(frame)
        self.count += 1
        if self.source.type == "video":
            picture = _turned(frame)
            picture.pts = round((frame.time - start) / self._made.codec_context.time_base)
            picture.time_base = self._made.codec_context.time_base
            self._encode(picture)
            return
        frame.pts = None
        for piece in self._resampler.resample(frame):
            self._encode(piece)

    def finish(self) -> None:
        """Encode what was held back."""
        if self._made is None:
            return
        if self._resampler is not None:
            for piece in self._resampler.resample(None):
                self._encode(piece)
        self._encode(None)

    def _begin(self, frame: Any) -> Any:
        output, source = self._output, self.source
        if source.type == "video":
            first = _turned(frame)
            rate = source.average_rate or Fraction(25)
            made = output.add_stream(output.default_video_codec, rate=rate)
            # what most formats hold: two pixels share a colour
            made.width, made.height = first.width // 2 * 2, first.height // 2 * 2
            made.pix_fmt = "yuv420p"
            made.codec_context.time_base = Fraction(1, 90_000)
            return made
        av = needed("av", "lakebed[video]")
        codec = av.Codec(output.default_audio_codec, "w")
        rates = sorted(codec.audio_rates or [source.rate])
        rate = next((r for r in rates if r >= source.rate), rates[-1])
        made = output.add_stream(output.default_audio_codec, rate=rate)
        made.layout = source.layout
        formats = codec.audio_formats
        self._resampler = av.AudioResampler(
            format=formats[0].name if formats else frame.format.name,
            layout=source.layout,
            rate=rate,
        )
        return made

    def _encode(self, frame: Any) -> None:
        self._output.mux(self._made.encode(frame))


def _transcode(
    container: Any, tracks: list[_Track], span: tuple[float, float], until: float
) -> None:
    start, end = span
    origin = float(tracks[0].source.start_time or 0) * float(tracks[0].source.time_base)
    container.seek(round((start + origin) * 1_000_000), backward=True)
    ended = [False] * len(tracks)
    numbers = {track.source.index: at for at, track in enumerate(tracks)}
    for frame in _decoded(container, [track.source for track in tracks]):
        if time.monotonic() > until:
            msg = f"cutting from {start} to {end} s took too long; hint: a larger timeout="
            raise FileError(msg)
        at = numbers[frame[0]]
        moment = frame[1].time
        if moment is None or moment - origin < start:
            continue
        ended[at] = ended[at] or moment - origin >= end
        if not ended[at]:
            tracks[at].add(frame[1], start + origin)
        if all(ended):
            return


def _decoded(container: Any, streams: list[Any]) -> Iterator[tuple[int, Any]]:
    for packet in container.demux(streams):
        for frame in packet.decode():
            yield packet.stream.index, frame


def _turned(frame: Any) -> Any:
    """A frame as it is to be seen."""
    if not frame.rotation:
        return frame
    av = needed("av", "lakebed[video]")
    return av.VideoFrame.from_ndarray(_picture(frame), format="rgb24")


def _picture(frame: Any) -> NDArray[Any]:
    import numpy as np

    pixels: NDArray[Any] = frame.to_ndarray(format="rgb24")
    # the rotation is counterclockwise
    return np.ascontiguousarray(np.rot90(pixels, k=round(frame.rotation / 90)))


def _numbered(container: Any, video: Any, start: int) -> Iterator[tuple[int, Any]]:
    """Frames with their numbers, from one before the wanted one on."""
    if start > _NEAR and video.average_rate and video.average_rate == video.base_rate:
        found = _sought(container, video, start)
        if found is not None:
            number, frame, rest = found
            yield number, frame
            yield from enumerate(rest, number + 1)
            return
        container.seek(0, backward=True)
    yield from enumerate(container.decode(video))


def _sought(container: Any, video: Any, start: int) -> tuple[int, Any, Iterator[Any]] | None:
    """The key frame before a frame: its number, itself, and what follows; None if unsure."""
    rate, origin = video.average_rate, video.start_time or 0
    target = round(Fraction(start) / rate / video.time_base) + origin
    container.seek(target, stream=video, backward=True)
    rest = container.decode(video)
    frame = next(rest, None)
    if frame is None or frame.pts is None:
        return None
    number = float((frame.pts - origin) * video.time_base * rate)
    if abs(number - round(number)) > _EXACT or round(number) > start:
        return None
    return round(number), frame, rest


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    """Open with PyAV; whatever it makes of bad content is a `FileError`."""
    av = needed("av", "lakebed[video]")
    with file._place().reader() as stream:
        try:
            with av.open(stream, "r") as container:
                yield container
        except LakebedError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            msg = f"cannot read video `{file.get_uri()}`: {error}"
            raise FileError(msg) from error


def _stream(file: File, container: Any, index: int) -> Any:
    found = container.streams.video
    if not 0 <= index < len(found):
        msg = f"`{file.get_uri()}` has {len(found)} video streams, and none with the index {index}"
        raise FileError(msg)
    return found[index]


def _duration(container: Any, video: Any) -> float:
    if video.duration is not None:
        return float(video.duration * video.time_base)
    return container.duration / 1_000_000 if container.duration is not None else -1.0
