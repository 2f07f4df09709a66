"""`AudioFile` and its parts; needs soundfile."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lakebed._extras import needed
from lakebed.exceptions import DataChainParamsError, FileError, LakebedError
from lakebed.file import _times
from lakebed.file.file import File
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32}
"""Bits of a sample where it is not compressed."""

_SETTLING = 8192
"""How many samples an MP3 may be wrong for after a jump."""

_SIDES = {
    1: ("Mono",),
    2: ("Left", "Right"),
    4: ("W", "X", "Y", "Z"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


class Audio(DataModel):
    """What a sound is; -1 and empty when not known."""

    sample_rate: int = Field(default=-1)
    channels: int = Field(default=-1)
    duration: float = Field(default=-1.0)
    samples: int = Field(default=-1)
    format: str = Field(default="")
    codec: str = Field(default="")
    bit_rate: int = Field(default=-1)

    @staticmethod
    def get_channel_name(num_channels: int, channel_idx: int) -> str:
        """What a channel is called: `Left` for the first of two."""
        names = _SIDES.get(num_channels, ())
        known = 0 <= channel_idx < len(names)
        return names[channel_idx] if known else f"Ch{channel_idx + 1}"


class AudioFile(File):
    """A file that is read as sound; needs `lakebed[audio]`."""

    def get_info(self) -> Audio:
        """Length, rate and format, from the header only.

        Raises:
            FileError: The content is no sound, or a damaged one.
        """
        with self._sound() as sound:
            bits = _BITS.get(sound.subtype)
            duration = sound.frames / sound.samplerate
            if bits:
                bit_rate = bits * sound.samplerate * sound.channels
            else:
                bit_rate = round(self.size * 8 / duration) if self.size and duration else -1
            return Audio(
                sample_rate=sound.samplerate,
                channels=sound.channels,
                duration=duration,
                samples=sound.frames,
                format=sound.format.lower(),
                codec=sound.subtype.lower(),
                bit_rate=bit_rate,
            )

    def get_fragment(self, start: float, end: float) -> AudioFragment:
        """The part between two times in seconds."""
        _times.check_span(start, end)
        return AudioFragment(audio=self, start=start, end=end)

    def get_fragments(
        self, duration: float, start: float = 0, end: float | None = None
    ) -> Iterator[AudioFragment]:
        """Parts of one length, the last one perhaps shorter.

        Args:
            duration: How many seconds each has.
            start: Where the first one begins.
            end: Where the last one ends; by default the end of the sound.
        """
        _times.check_span(start, end)
        stop = self.get_info().duration if end is None else end
        for begin, until in _times.spans(duration, start, stop):
            yield AudioFragment(audio=self, start=begin, end=until)

    def save(  # type: ignore[override]  # the peer's parameters
        self,
        destination: str | os.PathLike[str],
        format: str | None = None,
        start: float = 0,
        end: float | None = None,
        client_config: Mapping[str, Any] | None = None,
    ) -> AudioFile:
        """Encode the sound, or a part of it, into a folder and return its file.

        Args:
            destination: The folder; the file is called by this one and the times.
            format: An extension, such as `flac`; by default that of this file.
            start: Where the part begins, in seconds.
            end: Where it ends; by default at the end.
            client_config: Another way to connect to the bucket than the session's.
        """
        _times.check_span(start, end)
        ending = (format or self.get_file_ext()).removeprefix(".")
        times = ""
        if start or end is not None:
            until = "end" if end is None else _times.milliseconds(end)
            times = f"_{_times.milliseconds(start)}_{until}"
        path = f"{os.fspath(destination).rstrip('/')}/{self.get_file_stem()}{times}.{ending}"
        return AudioFile.upload(self._encoded(start, end, ending), path, client_config)

    def _samples(self, start: float, end: float | None) -> tuple[NDArray[Any], int]:
        with self._sound() as sound:
            first = round(start * sound.samplerate)
            last = sound.frames if end is None else round(end * sound.samplerate)
            if first >= sound.frames and sound.frames:
                length = sound.frames / sound.samplerate
                msg = f"sound `{self.get_uri()}` lasts {length:g} s: nothing is at {start} s"
                raise FileError(msg)
            before = min(first, _SETTLING if sound.format == "MP3" else 0)
            sound.seek(first - before)
            count = min(last, sound.frames) - first + before
            samples: NDArray[Any] = sound.read(count, dtype="float32")
            return samples[before:], int(sound.samplerate)

    def _encoded(self, start: float, end: float | None, format: str) -> bytes:
        module = needed("soundfile", "lakebed[audio]")
        kind = format.upper().removeprefix(".")
        if kind not in module.available_formats():
            known = ", ".join(sorted(name.lower() for name in module.available_formats()))
            msg = f"sound cannot be written as `{format}`: use one of {known}"
            raise DataChainParamsError(msg)
        samples, rate = self._samples(start, end)
        encoded = io.BytesIO()
        try:
            module.write(encoded, samples, rate, format=kind)
        except (module.LibsndfileError, ValueError, TypeError) as error:
            msg = f"cannot write sound as `{format}`: {error}: `{self.get_uri()}`"
            raise FileError(msg) from error
        return encoded.getvalue()

    @contextmanager
    def _sound(self) -> Iterator[Any]:
        """Open with soundfile; whatever it makes of bad content is a `FileError`."""
        module = needed("soundfile", "lakebed[audio]")
        with self._place().reader() as stream:
            try:
                with module.SoundFile(stream) as sound:
                    yield sound
            except LakebedError:
                raise
            except (module.LibsndfileError, OSError, ValueError, RuntimeError) as error:
                msg = f"cannot read sound `{self.get_uri()}`: {error}"
                raise FileError(msg) from error


class AudioFragment(DataModel):
    """A part of a sound, from `start` to `end` in seconds."""

    audio: AudioFile
    start: float
    end: float

    def get_np(self) -> tuple[NDArray[Any], int]:
        """The samples as numbers from -1 to 1, and how many there are in a second.

        Several channels are columns.
        """
        return self.audio._samples(self.start, self.end)

    def read_bytes(self, format: str = "wav") -> bytes:
        """The part, encoded.

        Args:
            format: An extension, such as `flac`.
        """
        return self.audio._encoded(self.start, self.end, format)

    def save(
        self,
        destination: str | os.PathLike[str],
        format: str | None = None,
        client_config: Mapping[str, Any] | None = None,
    ) -> AudioFile:
        """Encode the part into a folder and return its file; see `AudioFile.save`."""
        return self.audio.save(destination, format, self.start, self.end, client_config)
