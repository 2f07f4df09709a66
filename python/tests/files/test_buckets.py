"""Files in buckets: read by ranges, written as a whole, cached when asked to be."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

from lakebed import _storage
from lakebed.exceptions import (
    DataChainParamsError,
    ExistingFileError,
    FileChangedError,
    MissingFileError,
    NotSupportedError,
)
from lakebed.file import File, ImageFile, TextFile

if TYPE_CHECKING:
    from conftest import Buckets

KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def hello(buckets: Buckets) -> File:
    file = File.upload(b"hello", "s3://b/d/hello.txt")
    buckets.calls.clear()
    return file


def large(size: int) -> bytes:
    return bytes(i * 7 % 251 for i in range(1024)) * (size // 1024)


def test_keys_are_taken_as_they_are(buckets: Buckets) -> None:
    for key in ("a#b?c=d&e.txt", "ü %20/x.txt", "a\nb", "a b", "\u202e"):
        file = File.upload(b"x", f"s3://b/{key}")
        assert (file.source, file.path, file.get_fs_path()) == ("s3://b", key, f"s3://b/{key}")
        assert list(buckets.objects) == [f"s3://b/{key}"]
        assert file.read() == b"x"
        buckets.objects.clear()


def test_what_was_uploaded_is_known(hello: File, buckets: Buckets) -> None:
    assert (hello.size, hello.etag, hello.version) == buckets.head("s3://b/d/hello.txt")[:3]
    assert hello == File.at("s3://b/d/hello.txt").resolve()


def test_reading(hello: File, buckets: Buckets) -> None:
    assert (hello.read(), hello.read_bytes(2), hello.read_text()) == (b"hello", b"he", "hello")
    text = hello.as_text_file()
    assert (type(text), text.read(), text.read(2)) == (TextFile, "hello", "he")
    with hello.open("r", newline="", line_buffering=True) as stream:
        assert list(stream) == ["hello"]
    # what was listed is enough to read
    assert not [call for call in buckets.calls if call[0] == "head"]


def test_small_files_are_one_request(hello: File, buckets: Buckets) -> None:
    hello.read()
    assert buckets.reads() == [(0, 5)]
    with hello.open() as stream:
        assert (stream.read(1), stream.read(1), stream.seek(0), stream.read()) == (
            b"h",
            b"e",
            0,
            b"hello",
        )
    assert buckets.reads() == [(0, 5)]


def test_windows_grow_while_reading_goes_on(buckets: Buckets) -> None:
    data = large(40 * MIB)
    file = File.upload(data, "s3://b/large")
    buckets.calls.clear()
    with file.open() as stream:
        found = b"".join(iter(lambda: stream.read(10_000), b""))
    assert found == data
    reads = buckets.reads()
    lengths = [end - start for start, end in reads]
    assert lengths[:8] == [64 * KIB << n for n in range(8)]
    assert set(lengths[8:-1]) == {8 * MIB}
    assert [start for start, _ in reads[1:]] == [end for _, end in reads[:-1]]


def test_a_jump_makes_the_window_small_again(buckets: Buckets) -> None:
    data = large(4 * MIB)
    file = File.upload(data, "s3://b/large")
    with file.open() as stream:
        stream.read(300 * KIB)
        buckets.calls.clear()
        assert stream.seek(-10, io.SEEK_END) == len(data) - 10
        assert stream.read() == data[-10:]
        stream.seek(2 * MIB)
        assert stream.read(10) == data[2 * MIB : 2 * MIB + 10]
        assert (stream.seek(5 * MIB), stream.read(1)) == (5 * MIB, b"")
    assert buckets.reads() == [(4 * MIB - 10, 4 * MIB), (2 * MIB, 2 * MIB + 64 * KIB)]


def test_a_large_read_is_one_request(buckets: Buckets) -> None:
    data = large(20 * MIB)
    file = File.upload(data, "s3://b/large")
    buckets.calls.clear()
    assert file.read() == data
    assert buckets.reads() == [(0, 20 * MIB)]
    assert file.read_bytes(100_001) == data[:100_001]
    assert len(buckets.reads()) == 1
    with file.open(block_size=MIB) as stream:
        stream.read(1)
        stream.seek(10 * MIB)
        stream.read(MIB)
    assert buckets.reads() == [(0, MIB), (10 * MIB, 11 * MIB + 8 * KIB)]


def test_a_file_that_changed_is_not_the_listed_one(hello: File, buckets: Buckets) -> None:
    buckets.put("s3://b/d/hello.txt", b"other", {})
    assert hello.read() == b"hello"  # its version is still there
    for listed in (
        hello.model_copy(update={"version": ""}),
        File(source="s3://b", path="d/hello.txt", size=4),
        File(source="s3://b", path="d/hello.txt", last_modified=hello.last_modified, size=5),
        File(source="s3://b", path="d/hello.txt", etag="1"),
    ):
        with pytest.raises(FileChangedError, match=r"`s3://b/d/hello\.txt`"):
            listed.read()
        with pytest.raises(FileChangedError):
            listed.save("copy")
    assert File(source="s3://b", path="d/hello.txt", size=5).read() == b"other"
    assert hello.resolve().read() == b"other"


def test_a_stream_stays_on_the_object_that_it_began_with(buckets: Buckets) -> None:
    File.upload(large(MIB), "s3://b/a")
    with File.at("s3://b/a").open() as stream:
        stream.read(1)
        buckets.objects["s3://b/a"].clear()
        buckets.put("s3://b/a", b"x" * MIB, {})
        with pytest.raises(FileChangedError):
            stream.read()


def test_a_missing_file_says_which(buckets: Buckets) -> None:
    gone = File.at("s3://b/gone")
    for read in (gone.read, lambda: gone.save("s3://b/copy"), gone.ensure_cached):
        with pytest.raises(MissingFileError, match="`s3://b/gone`"):
            read()
    assert (gone.resolve().size, gone.get_local_path(), list(buckets.objects)) == (0, None, [])


def test_writing(buckets: Buckets) -> None:
    file = File.at("s3://b/new.txt")
    with file.open("w", content_type="text/plain", metadata={"by": "me"}) as stream:
        stream.write("hé\n" * 200_000)
        assert not buckets.objects
    assert (file.size, file.read_text()) == (800_000, "hé\n" * 200_000)
    [stored] = buckets.objects["s3://b/new.txt"]
    assert stored.attributes == {"content-type": "text/plain", "metadata:by": "me"}
    with file.open("wb") as stream:
        assert (stream.write(b"x"), stream.tell()) == (1, 1)
        stream.close()
    assert file.read() == b"x"
    with pytest.raises(ExistingFileError, match=r"`s3://b/new\.txt`"), file.open("x"):
        pass
    with pytest.raises(NotSupportedError, match="appended"), file.open("a"):
        pass


def test_what_fails_is_not_written(buckets: Buckets) -> None:
    def fail() -> None:
        with File.at("s3://b/new").open("wb") as stream:
            stream.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (buckets.objects, buckets.calls) == ({}, [("abort", "s3://b/new")])
    with (
        pytest.raises(UnicodeEncodeError),
        File.at("s3://b/new").open("w", encoding="ascii") as text,
    ):
        text.write("é")
    assert buckets.objects == {}


@pytest.mark.parametrize(
    ("mode", "options", "error", "message"),
    [
        ("r", {"content_type": "a/b"}, DataChainParamsError, "`content_type` is for writing"),
        ("w", {"content_type": 1}, DataChainParamsError, "`content_type` takes one line of text"),
        ("w", {"metadata": {"a": "b\nc"}}, DataChainParamsError, "takes one line of text"),
        ("w", {"contenttype": "a/b"}, DataChainParamsError, "did you mean `content_type`"),
        ("rb", {"encoding": "utf-8"}, DataChainParamsError, "`encoding` is for text"),
        ("w", {"write_options": {"ACL": "x"}}, NotSupportedError, "write_options is not"),
    ],
)
def test_wrong_options_say_what_is_right(
    hello: File, mode: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message), hello.open(mode, **options):
        pass


@pytest.mark.usefixtures("buckets")
def test_copies_between_places(tmp_path: Path) -> None:
    data = large(9 * MIB)
    local = File.upload(data, tmp_path / "a")
    there = local.save("s3://b/a", cache_control="no-store")
    other = there.save("gs://c/a")
    back = other.save(tmp_path / "back")
    assert {there.read(), other.read(), back.read()} == {data}
    assert [f.get_uri() for f in (there, other)] == ["s3://b/a", "gs://c/a"]
    assert back == File.at(tmp_path / "back").resolve()
    (tmp_path / "a").write_bytes(b"changed")
    with pytest.raises(FileChangedError):
        local.save("s3://b/a2")


def test_the_cache_is_read_and_filled(
    hello: File, buckets: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hello.get_local_path() is None
    hello.ensure_cached()
    path = hello.get_local_path()
    assert path is not None
    assert Path(path).read_bytes() == b"hello"
    buckets.calls.clear()
    assert (hello.read(), hello.read_text(), hello.save(tmp_path / "x").read()) == (
        b"hello",
        "hello",
        b"hello",
    )
    assert buckets.calls == []
    other = File.upload(b"other", "s3://b/other")
    monkeypatch.setattr(_storage, "keeps", lambda: True)
    assert (other.read_bytes(2), other.get_local_path()) == (b"ot", None)
    assert other.read() == b"other"
    assert other.get_local_path() is not None
    monkeypatch.setattr(_storage, "storage", lambda _=None: None)
    local = File.upload(b"x", tmp_path / "local")
    assert (local.ensure_cached(), local.get_local_path()) == (None, str(tmp_path / "local"))


def test_images(buckets: Buckets) -> None:
    encoded = io.BytesIO()
    Pillow.effect_noise((600, 400), 99).save(encoded, "PNG")
    picture = ImageFile.upload(encoded.getvalue(), "s3://b/p.png")
    assert picture.size > 100 * KIB
    buckets.calls.clear()
    assert picture.get_info().width == 600
    assert buckets.reads() == [(0, 64 * KIB)]
    saved = picture.save("s3://b/q.bmp", content_type="image/bmp")
    assert (type(saved), saved.get_info().format) == (ImageFile, "BMP")
    assert buckets.objects["s3://b/q.bmp"][0].attributes == {"content-type": "image/bmp"}
    buckets.objects.clear()
    with pytest.raises(MissingFileError):
        picture.read()


def test_exports(hello: File, buckets: Buckets, tmp_path: Path) -> None:
    assert hello.export("gs://c/out").get_uri() == "gs://c/out/b/d/hello.txt"
    assert hello.export("gs://c/out", "etag").path == f"out/{hello.etag}.txt"
    copy = hello.export(tmp_path / "out", link_type="symlink")
    path = tmp_path / "out" / "b" / "d" / "hello.txt"
    assert (copy.get_fs_path(), path.is_symlink(), path.read_text()) == (str(path), False, "hello")
    assert len(buckets.objects) == 3


@pytest.mark.usefixtures("buckets")
def test_signed_urls(hello: File, tmp_path: Path) -> None:
    assert hello.sign(60) == "s3://b/d/hello.txt?expires=60&version=v0"
    with pytest.raises(DataChainParamsError, match="at least 1"):
        hello.sign(0)
    with pytest.raises(NotSupportedError, match="only files in buckets"):
        File.upload(b"x", tmp_path / "x").sign()


def test_pickled_files_are_plain_data(hello: File) -> None:
    with hello.open() as stream:
        stream.read(1)
        assert pickle.loads(pickle.dumps(hello)) == hello  # noqa: S301


@pytest.mark.parametrize(
    ("old", "new", "options", "expected"),
    [
        ("s3://b/data", "s3://out", {}, "s3://out/day/1.tar.wav"),
        ("s3://b/data/", "/out/", {"extension": ".mp3"}, "/out/day/1.tar.mp3"),
        ("data/day", "out", {"suffix": "_x"}, "out/1.tar_x.wav"),
        ("day", "out", {"suffix": "_x", "extension": "npy"}, "out/1.tar_x.npy"),
        ("s3://b", "/o", {}, "/o/data/day/1.tar.wav"),
    ],
)
def test_rebase(old: str, new: str, options: dict[str, str], expected: str) -> None:
    assert File(source="s3://b", path="data/day/1.tar.wav").rebase(old, new, **options) == expected


@pytest.mark.parametrize("base", ["dat", "s3://b/da", "ay", "s3://other", "s3://b/data/day/1"])
def test_rebase_refuses_what_is_no_base(base: str) -> None:
    with pytest.raises(ValueError, match=f"`{base}` is no base of `s3://b/data/day/1.tar.wav`"):
        File(source="s3://b", path="data/day/1.tar.wav").rebase(base, "out")


def test_rebase_of_local_files() -> None:
    file = File(source="file:///data/in", path="a/b.txt")
    assert file.rebase("/data/in", "/out") == "/out/a/b.txt"
    assert file.rebase("file:///data", "s3://b/x") == "s3://b/x/in/a/b.txt"


def test_file_systems(hello: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = File.upload(b"x", tmp_path / "x")
    assert local.get_fs().cat_file(local.get_fs_path()) == b"x"
    with pytest.raises(ImportError, match="s3fs"):
        hello.get_fs()
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"needs fsspec; hint: pip install 'lakebed\[fsspec\]'"):
        local.get_fs()
