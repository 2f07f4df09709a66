"""Files in the buckets of each cloud, through the engine."""

from __future__ import annotations

import io
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

import lakebed as dc
from lakebed import _storage
from lakebed.exceptions import ExistingFileError, FileChangedError, MissingFileError
from lakebed.file import File, ImageFile, TextFile, process_tar

if TYPE_CHECKING:
    from pathlib import Path

    from servers import Store

MIB = 1 << 20


@pytest.fixture
def bucket(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in store.env.items():
        monkeypatch.setenv(name, value)
    return store


def test_a_file_goes_there_and_back(bucket: Store, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40_000
    there = File.upload(data, tmp_path / "a.bin").save(f"{bucket.uri}/d/a b#ü.bin")
    assert bucket.get("d/a b#ü.bin") == data
    assert (there.size, there.etag != "", there.read()) == (len(data), True, data)
    assert there == there.resolve()
    with there.open() as stream:
        assert (stream.seek(-3, io.SEEK_END), stream.read()) == (len(data) - 3, data[-3:])
        assert (stream.seek(5 * MIB), stream.read(4)) == (5 * MIB, b"\0\1\2\3")
    assert there.save(tmp_path / "back.bin").read() == data
    copy = there.export(f"{bucket.uri}/copies", "filename", content_type="image/x")
    assert (copy.read(), bucket.head("copies/a b#ü.bin")["content-type"]) == (data, "image/x")


def test_streams_are_written_whole_or_not_at_all(bucket: Store) -> None:
    file = TextFile.at(f"{bucket.uri}/a.txt")
    with file.open("w", metadata={"by": "me"}) as stream:
        for number in range(1_000_000):
            stream.write(f"{number:09}\n")
        assert bucket.list() == []
    assert (file.size, file.read(10)) == (10_000_000, "000000000\n")
    assert "me" in bucket.head("a.txt").values()

    def fail() -> None:
        with File.at(f"{bucket.uri}/b").open("wb") as half:
            half.write(bytes(12 * MIB))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert bucket.list() == ["a.txt"]
    with pytest.raises(ExistingFileError), file.open("x"):
        pass


def test_what_changed_or_is_missing_is_an_error(bucket: Store, tmp_path: Path) -> None:
    file = File.upload(b"one", f"{bucket.uri}/a")
    file.version = ""
    bucket.put("a", b"two")
    with pytest.raises(FileChangedError, match=r"/a"):
        file.read()
    with pytest.raises(FileChangedError):
        file.save(tmp_path / "copy")
    gone = File.at(f"{bucket.uri}/gone")
    with pytest.raises(MissingFileError, match=r"/gone"):
        gone.read()
    assert (gone.resolve().size, gone.get_local_path()) == (0, None)
    assert not list(tmp_path.glob("c*"))


def test_the_cache_is_read_and_filled(bucket: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    file = File.upload(b"content", f"{bucket.uri}/a")
    assert file.get_local_path() is None
    monkeypatch.setattr(_storage, "keeps", lambda: True)
    assert file.read() == b"content"
    path = file.get_local_path()
    assert path is not None
    bucket.delete("a")
    assert (file.read(), File.at(path).read()) == (b"content", b"content")


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_signed_urls_need_no_credentials(bucket: Store) -> None:
    file = File.upload(b"content", f"{bucket.uri}/a b")
    with urllib.request.urlopen(file.sign(60)) as answer:  # noqa: S310  our own server's
        assert answer.read() == b"content"


@pytest.mark.parametrize("store", ["gcs"], indirect=True)
def test_a_version_that_was_replaced_is_not_signed(bucket: Store) -> None:
    file = File.upload(b"content", f"{bucket.uri}/a")
    assert file.version
    bucket.put("a", b"another")
    with pytest.raises(FileChangedError):
        file.sign()


def test_images_and_archives(bucket: Store, tmp_path: Path) -> None:
    import tarfile

    Pillow.new("RGB", (4, 3), "red").save(tmp_path / "p.png")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.add(tmp_path / "p.png", "d/p.png")
    archive = File.at(tmp_path / "x.tar").save(f"{bucket.uri}/x.tar")
    [member] = process_tar(archive)
    assert member.as_image_file().get_info().width == 4
    saved = member.as_image_file().save(f"{bucket.uri}/q.bmp")
    assert (type(saved), saved.read().getpixel((0, 0))) == (ImageFile, (255, 0, 0))


def test_a_chain_copies_its_files(bucket: Store, files: Path, tmp_path: Path) -> None:
    dc.read_storage(files).to_storage(f"{bucket.uri}/out")
    assert sorted(bucket.list()) == ["out/a.txt", "out/b.md", "out/sub/c.txt"]
    there = [File.at(f"{bucket.uri}/{key}").resolve() for key in bucket.list()]
    for _ in range(2):
        dc.read_values(file=there).to_storage(tmp_path / "back", placement="filename")
    assert {path.name: path.read_text() for path in (tmp_path / "back").iterdir()} == {
        "a.txt": "aa",
        "b.md": "bbb",
        "c.txt": "c",
    }


@pytest.mark.parametrize("parallel", [None, 2])
def test_functions_read_files(bucket: Store, parallel: Any) -> None:
    given = [File.upload(bytes(n), f"{bucket.uri}/{n}") for n in range(4)]

    def length(file: File) -> int:
        return len(file.read())

    chain = dc.read_values(file=given).settings(parallel=parallel).map(n=length)
    assert sorted(chain.to_values("n")) == [0, 1, 2, 3]


def test_a_session_says_how_to_connect(store: Store, tmp_path: Path) -> None:
    session = dc.Session(root=str(tmp_path / "own"), client_config=store.client_config)
    with session:
        file = File.upload(b"x", f"{store.uri}/a")
        assert store.client_config.keys().isdisjoint(repr(file))
    chain = dc.read_values(file=[file], session=session)
    chain.to_storage(tmp_path / "out")
    assert (tmp_path / "out" / store.bucket / "a").read_bytes() == b"x"
    assert (
        File.at(file.get_uri()).save(tmp_path / "y", client_config=store.client_config).read()
        == b"x"
    )
