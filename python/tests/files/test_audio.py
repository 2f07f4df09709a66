"""Sounds: what they are, and parts of them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, FileError
from lakebed.file import Audio, AudioFile, AudioFragment

soundfile = pytest.importorskip("soundfile")
np = pytest.importorskip("numpy")

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Buckets

RATE = 8000


def made(format: str = "WAV", channels: int = 2, seconds: int = 4) -> bytes:
    """A tone that grows louder; the second channel the other way."""
    time = np.arange(RATE * seconds) / RATE
    tone = np.sin(time * 200) * time / seconds
    written = io.BytesIO()
    soundfile.write(written, np.stack([tone, -tone][:channels], 1), RATE, format=format)
    return written.getvalue()


@pytest.fixture
def sound(tmp_path: Path) -> AudioFile:
    return AudioFile.upload(made(), tmp_path / "s.wav")


def test_what_a_sound_is(sound: AudioFile, tmp_path: Path) -> None:
    assert sound.get_info() == Audio(
        sample_rate=8000,
        channels=2,
        duration=4.0,
        samples=32000,
        format="wav",
        codec="pcm_16",
        bit_rate=256_000,
    )
    info = AudioFile.upload(made("OGG"), tmp_path / "s.ogg").get_info()
    assert (info.format, info.codec, info.samples) == ("ogg", "vorbis", 32000)
    assert 0 < info.bit_rate < 256_000


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_parts_of_formats(tmp_path: Path, format: str) -> None:
    file = AudioFile.upload(made(format), tmp_path / f"s.{format.lower()}")
    samples, rate = file.get_fragment(1, 1.5).get_np()
    assert (samples.shape, samples.dtype, rate) == ((4000, 2), np.float32, RATE)
    everything, _ = file.get_fragment(0, 4).get_np()
    assert everything.shape == (32000, 2)
    assert np.abs(everything).max() > 0.7
    assert np.abs(samples - everything[8000:12000]).max() < 1e-3


def test_one_channel_is_one_row_of_numbers(tmp_path: Path) -> None:
    file = AudioFile.upload(made(channels=1), tmp_path / "s.wav")
    samples, _ = file.get_fragment(0, 9).get_np()
    assert samples.shape == (32000,)


def test_only_the_part_is_read(buckets: Buckets) -> None:
    file = AudioFile.upload(made(seconds=60), "s3://b/s.wav")
    samples, _ = file.get_fragment(30, 30.5).get_np()
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)
    assert sum(end - start for start, end in buckets.reads()) < file.size / 3  # type: ignore[operator]


def test_listed_sounds_are_sounds(sound: AudioFile, tmp_path: Path) -> None:
    [found] = dc.read_storage(tmp_path / "*.wav", type="audio").to_values("file")
    assert (type(found), found.get_info()) == (AudioFile, sound.get_info())


def test_parts_of_one_length(sound: AudioFile) -> None:
    found = [(part.start, part.end) for part in sound.get_fragments(1.5)]
    assert found == [(0, 1.5), (1.5, 3.0), (3.0, 4.0)]


def test_saving(sound: AudioFile, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = sound.save(out, "flac")
    part = sound.save(out, start=1, end=2.5)
    rest = sound.save(out, start=3.25)
    piece = sound.get_fragment(0, 0.5).save(out, "ogg")
    assert [(type(f), f.name, f.get_info().duration) for f in (whole, part, rest, piece)] == [
        (AudioFile, "s.flac", 4.0),
        (AudioFile, "s_001000_002500.wav", 1.5),
        (AudioFile, "s_003250_end.wav", 0.75),
        (AudioFile, "s_000000_000500.ogg", 0.5),
    ]
    assert AudioFile.upload(piece.read(), tmp_path / "x").get_info().format == "ogg"


def test_parts_are_stored(sound: AudioFile, buckets: Buckets) -> None:
    def parts(file: AudioFile) -> Any:
        yield from file.get_fragments(2)

    dc.read_values(file=[sound]).gen(part=parts, output=AudioFragment).save("parts")
    found = dc.read_dataset("parts").to_values("part")
    assert [(type(p), type(p.audio), p.start) for p in found] == [
        (AudioFragment, AudioFile, 0.0),
        (AudioFragment, AudioFile, 2.0),
    ]
    assert found[1].save("s3://b/out").get_uri() in buckets.objects
    assert found[1].read_bytes("flac").startswith(b"fLaC")


def test_channels_have_names() -> None:
    names = [Audio.get_channel_name(2, i) for i in range(3)]
    assert names == ["Left", "Right", "Ch3"]
    assert (Audio.get_channel_name(1, 0), Audio.get_channel_name(3, 0)) == ("Mono", "Ch1")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.get_fragment(2, 1), DataChainParamsError, "end must be after start"),
        (lambda s: s.save("out", start=-1), DataChainParamsError, "start is a number of seconds"),
        (lambda s: s.save("out", "xyz"), DataChainParamsError, "written as `xyz`: use one of aiff"),
        (lambda s: s.get_fragment(4, 5).get_np(), FileError, "lasts 4 s: nothing is at 4.0 s"),
        (lambda s: list(s.get_fragments(-1)), DataChainParamsError, "duration is a number"),
    ],
)
def test_wrong_arguments_say_what_is_right(
    sound: AudioFile, call: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(sound)


def test_no_sound_is_an_error_with_the_uri(tmp_path: Path) -> None:
    for data in (b"no sound", b""):
        file = AudioFile.upload(data, tmp_path / "bad.wav")
        with pytest.raises(FileError, match=f"cannot read sound `{file.get_uri()}`"):
            file.get_info()


def test_a_missing_library_is_named(sound: AudioFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(ImportError, match=r"needs soundfile; hint: pip install 'lakebed\[audio\]'"):
        sound.get_info()
