"""Videos: what they are, their frames, and parts of them."""

from __future__ import annotations

import io
import pickle
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, FileError, MissingFileError
from lakebed.file import ImageFile, Video, VideoFile, VideoFragment, VideoFrame

av = pytest.importorskip("av")
np = pytest.importorskip("numpy")

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Buckets

FPS = 10


def made(
    frames: int = 200, format: str = "mp4", codec: str = "libx264", *, sound: bool = False
) -> bytes:
    """A video whose frames are as bright as their number."""
    written = io.BytesIO()
    with av.open(written, "w", format=format) as output:
        video = output.add_stream(codec, rate=FPS, options={"g": "25"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = output.add_stream("aac", rate=8000) if sound else None
        for number in range(frames):
            pixels = np.full((48, 64, 3), number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(video.encode(frame))
        if audio is not None:
            tone = np.sin(np.arange(frames * 8000 // FPS) / 3).astype(np.float32)
            for at in range(0, len(tone), 1024):
                block = av.AudioFrame.from_ndarray(tone[None, at : at + 1024], "fltp", "mono")
                block.sample_rate, block.pts = 8000, at
                output.mux(audio.encode(block))
            output.mux(audio.encode(None))
        output.mux(video.encode(None))
    return written.getvalue()


@pytest.fixture(scope="module")
def content() -> bytes:
    return made()


@pytest.fixture
def video(content: bytes, tmp_path: Path) -> VideoFile:
    return VideoFile.upload(content, tmp_path / "v.mp4")


def brightness(picture: Any) -> int:
    assert picture.shape == (48, 64, 3)
    return round(float(picture.mean()))


def near(number: int) -> Any:
    return pytest.approx(number, abs=2)


def test_what_a_video_is(video: VideoFile) -> None:
    assert video.get_info() == Video(
        width=64,
        height=48,
        fps=10.0,
        duration=20.0,
        frames=200,
        format="mov,mp4,m4a,3gp,3g2,mj2",
        codec="h264",
    )


@pytest.mark.parametrize(("format", "codec"), [("matroska", "libx264"), ("webm", "libvpx-vp9")])
def test_other_formats(tmp_path: Path, format: str, codec: str) -> None:
    file = VideoFile.upload(made(30, format, codec), tmp_path / f"v.{format}")
    info = file.get_info()
    assert (info.frames, info.fps, info.duration) == (30, 10.0, pytest.approx(3.0, abs=0.11))
    assert [brightness(f.get_np()) for f in file.get_frames(step=10)] == [
        near(n) for n in (0, 10, 20)
    ]


@pytest.mark.parametrize("number", [0, 1, 24, 25, 63, 65, 99, 100, 150, 199])
def test_a_frame_by_its_number(video: VideoFile, number: int) -> None:
    frame = video.get_frame(number)
    assert frame.timestamp == pytest.approx(number / FPS)
    assert brightness(frame.get_np()) == near(number)


def test_frames_in_order(video: VideoFile) -> None:
    found = list(video.get_frames(70, 120, 7))
    assert [f.frame for f in found] == list(range(70, 120, 7))
    assert [f.timestamp for f in found] == [pytest.approx(f.frame / FPS) for f in found]
    # the last one is known, the first ones are decoded again
    assert [brightness(f.get_np()) for f in reversed(found)] == [
        near(f.frame) for f in reversed(found)
    ]
    assert sum(1 for _ in video.get_frames()) == 200
    assert list(video.get_frames(5, 5)) == []


def test_frames_are_decoded_once(buckets: Buckets, content: bytes) -> None:
    file = VideoFile.upload(content, "s3://b/v.mp4")
    found = [brightness(frame.get_np()) for frame in file.get_frames(step=50)]
    assert found == [near(n) for n in (0, 50, 100, 150)]
    read = sum(end - start for start, end in buckets.reads())  # type: ignore[operator]
    assert read < 3 * len(content)


def test_frames_whose_rate_changes_are_counted(tmp_path: Path) -> None:
    written = io.BytesIO()
    with av.open(written, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(120):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), "rgb24")
            # slow at first, fast at the end
            frame.pts = number * 200 if number < 50 else 10_000 + (number - 50) * 40
            frame.time_base = Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file = VideoFile.upload(written.getvalue(), tmp_path / "v.mp4")
    for number in (10, 70, 110):
        assert brightness(file.get_frame(number).get_np()) == near(number)


def test_turned_videos_are_seen_upright(tmp_path: Path) -> None:
    written = io.BytesIO()
    with av.open(written, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        pixels = np.zeros((48, 64, 3), np.uint8)
        pixels[:, 32:] = 200
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    content = written.getvalue()
    # a quarter to the right, as telephones write it: what was left is at the top
    at = content.index(b"tkhd") + 4 + 40
    turned = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    file = VideoFile.upload(content[:at] + turned + content[at + 36 :], tmp_path / "v.mp4")
    assert (file.get_info().width, file.get_info().height) == (48, 64)
    part = file.get_fragment(0, 0.3).save(tmp_path)
    assert (part.get_info().width, part.get_info().height) == (48, 64)
    for found in (file, part):
        picture = found.get_frame(1).get_np()
        assert picture.shape == (64, 48, 3)
        assert picture[:28].mean() < 10
        assert picture[36:].mean() > 180


def test_pictures_of_frames(video: VideoFile, tmp_path: Path) -> None:
    frame = video.get_frame(150)
    with Pillow.open(io.BytesIO(frame.read_bytes("png"))) as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 48))
    saved = frame.save(tmp_path / "out")
    assert (type(saved), saved.name, saved.get_info().format) == (ImageFile, "v_0150.jpg", "JPEG")
    with pytest.raises(DataChainParamsError, match="extension `xyz`"):
        frame.read_bytes("xyz")


def test_frames_are_plain_data(video: VideoFile) -> None:
    [frame] = video.get_frames(3, 4)
    again = pickle.loads(pickle.dumps(frame))  # noqa: S301
    assert (again, len(pickle.dumps(frame)) < 2000) == (frame, True)
    assert brightness(again.get_np()) == near(3)


def test_a_chain_of_frames(video: VideoFile, tmp_path: Path) -> None:
    def frames(file: VideoFile) -> Any:
        yield from file.get_frames(step=100)

    def bright(frame: VideoFrame) -> int:
        return brightness(frame.get_np())

    chain = dc.read_values(file=[video]).gen(frame=frames, output=VideoFrame).map(b=bright)
    kept = chain.save("frames")
    assert kept.to_list("frame.frame", "b") == [(0, near(0)), (100, near(100))]
    [first, _] = dc.read_dataset("frames").to_values("frame")
    assert (type(first), type(first.video)) == (VideoFrame, VideoFile)
    assert first.save(tmp_path / "out").size > 0


@pytest.mark.parametrize("format", ["mp4", "mkv", "webm"])
def test_a_part_as_a_video(tmp_path: Path, format: str) -> None:
    file = VideoFile.upload(made(100, sound=True), tmp_path / "v.mp4")
    fragment = file.get_fragment(2.5, 5.0)
    saved = fragment.save(tmp_path / "out", format)
    assert saved.name == f"v_{file.get_hash()[:16]}_002500_005000.{format}"
    assert [brightness(f.get_np()) for f in saved.get_frames()] == [near(n) for n in range(25, 50)]
    with av.open(saved.get_fs_path()) as container:
        assert [s.type for s in container.streams] == ["video", "audio"]
        assert container.duration / 1e6 == pytest.approx(2.5, abs=0.2)


def test_listed_videos_are_videos(video: VideoFile, tmp_path: Path) -> None:
    def length(file: VideoFile) -> float:
        return file.get_info().duration

    listed = dc.read_storage(tmp_path / "*.mp4", type="video").map(length=length).save("videos")
    assert listed.to_values("length") == [20.0]
    [found] = dc.read_dataset("videos").to_values("file")
    assert (type(found), found.get_uri()) == (VideoFile, video.get_uri())


def test_parts_of_one_length(video: VideoFile) -> None:
    def times(found: Any) -> list[tuple[float, float]]:
        return [(part.start, part.end) for part in found]

    assert times(video.get_fragments(8)) == [(0, 8), (8, 16), (16, 20)]
    assert times(video.get_fragments(2, 1, 4)) == [(1, 3), (3, 4)]
    assert len(times(video.get_fragments(0.1, 0, 1))) == 10


def test_odd_sizes_and_buckets(buckets: Buckets) -> None:
    written = io.BytesIO()
    with av.open(written, "w", format="matroska") as output:
        stream = output.add_stream("ffv1", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 33, 17, "yuv444p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((17, 33, 3), number, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file = VideoFile.upload(written.getvalue(), "s3://b/v.mkv")
    saved = file.get_fragment(0, 0.5).save("s3://c/out", "mp4")
    assert saved.get_uri() in buckets.objects
    assert (saved.get_info().width, saved.get_info().height, saved.get_info().frames) == (32, 16, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: v.get_frame(-1), "frame is a whole number, at least 0"),
        (lambda v: v.get_frame(1.5), "not `1.5`"),
        (lambda v: list(v.get_frames(step=0)), "step is a whole number, at least 1"),
        (lambda v: list(v.get_frames(5, 4)), "end is a whole number, at least 5"),
        (lambda v: v.get_fragment(2, 2), "end must be after start"),
        (lambda v: v.get_fragment(-1, 2), "start is a number of seconds"),
        (lambda v: list(v.get_fragments(0)), "duration is a number of seconds above 0"),
        (lambda v: VideoFragment(video=v, start=3, end=1).save("out"), "end must be after start"),
        (lambda v: v.get_fragment(0, 1).save("out", "xyz"), "no video format belongs to"),
    ],
)
def test_wrong_arguments_say_what_is_right(video: VideoFile, call: Any, message: str) -> None:
    with pytest.raises(DataChainParamsError, match=message):
        call(video)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: v.get_info(1), "has 1 video streams, and none with the index 1"),
        (lambda v: v.get_frame(200).get_np(), "has no frame 200"),
        (lambda v: v.get_fragment(30, 31).save("out"), "has no frame from 30.0 to 31.0 s"),
        (lambda v: v.get_fragment(0, 9).save("out", timeout=1e-9), "took too long"),
    ],
)
def test_what_a_video_lacks_is_said(
    video: VideoFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=message):
        call(video)
    assert not (tmp_path / "out").exists()


def test_no_video_is_an_error_with_the_uri(content: bytes, tmp_path: Path) -> None:
    for data in (b"no video", b"", content[: len(content) // 4]):
        file = VideoFile.upload(data, tmp_path / "bad.mp4")
        with pytest.raises(FileError, match=rf"cannot read video `{file.get_uri()}`"):
            file.get_info()
    with pytest.raises(MissingFileError):
        VideoFile.at(tmp_path / "gone.mp4").get_info()


def test_a_missing_library_is_named(video: VideoFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match=r"needs av; hint: pip install 'lakebed\[video\]'"):
        video.get_info()
