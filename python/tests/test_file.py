"""`File` and its kinds on local storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from lakebed.exceptions import (
    DataChainParamsError,
    FileError,
    MissingFileError,
    NotSupportedError,
)
from lakebed.file import File, Image, ImageFile, TextFile, type_for


@pytest.fixture
def hello(tmp_path: Path) -> File:
    return File.upload(b"hello", tmp_path / "in" / "a.tar.gz")


@pytest.fixture
def picture(tmp_path: Path) -> ImageFile:
    Pillow.new("RGB", (4, 3), "red").save(tmp_path / "p.png")
    return ImageFile.at(tmp_path / "p.png")


def test_names_and_paths(tmp_path: Path) -> None:
    file = File(source=f"file://{tmp_path}", path="x/c.tar.gz")
    assert (file.name, file.parent) == ("c.tar.gz", "x")
    parts = (file.get_file_suffix(), file.get_file_ext(), file.get_file_stem())
    assert parts == (".gz", "gz", "c.tar")
    assert file.get_fs_path() == f"{tmp_path}/x/c.tar.gz"
    assert file.get_uri() == f"file://{tmp_path}/x/c.tar.gz"


def test_at_splits_paths_and_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert File.at("d/a.txt") == File(source=f"file://{tmp_path}/d", path="a.txt")
    assert File.at("s3://bucket/d/a.txt") == File(source="s3://bucket", path="d/a.txt")
    with pytest.raises(DataChainParamsError, match="names a folder"):
        File.at("d/")


def test_the_hash_follows_the_version_not_the_content() -> None:
    one = File(source="file:///d", path="a", etag="1")
    assert one.get_hash() == File(source="file:///d", path="a", etag="1", size=9).get_hash()
    assert one.get_hash() != File(source="file:///d", path="a", etag="2").get_hash()


def test_reading(hello: File) -> None:
    assert (hello.size, hello.read(), hello.read_bytes(2)) == (5, b"hello", b"he")
    assert hello.read_text() == "hello"
    text = hello.as_text_file()
    assert (type(text), text.read(), text.read(2)) == (TextFile, "hello", "he")
    with text.open() as stream:
        assert stream.read() == "hello"


def test_writing_creates_folders_and_refreshes(tmp_path: Path) -> None:
    file = File.at(tmp_path / "new" / "b.txt")
    with file.open("w", encoding="utf-16-le") as stream:
        stream.write("hé")
    assert file.size == 4
    assert file.etag
    assert file.read_text(encoding="utf-16-le") == "hé"
    with pytest.raises(DataChainParamsError, match="invalid mode"), file.open("rw"):
        pass


def test_save_copies_also_onto_itself(hello: File, tmp_path: Path) -> None:
    copy = hello.save(tmp_path / "out" / "b.bin")
    assert (type(copy), copy.name, copy.size, copy.read()) == (File, "b.bin", 5, b"hello")
    assert hello.save(hello.get_fs_path()).read() == b"hello"
    with pytest.raises(MissingFileError):
        File(source=hello.source, path="gone").save(tmp_path / "out" / "b.bin")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b.bin"]


def test_resolve_gives_current_metadata_or_zeros(hello: File) -> None:
    stale = File(source=hello.source, path=hello.path)
    assert stale.resolve() == hello
    gone = File(source=hello.source, path="gone", size=3).resolve()
    assert (gone.size, gone.etag) == (0, "")


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("fullpath", "d/a.txt"),
        ("filepath", "d/a.txt"),
        ("filename", "a.txt"),
        ("etag", "{etag}.txt"),
    ],
)
def test_export_places(tmp_path: Path, placement: Any, expected: str) -> None:
    File.upload(b"x", tmp_path / "in" / "d" / "a.txt")
    file = File(source=f"file://{tmp_path}/in", path="d/a.txt").resolve()
    file.export(tmp_path / "out", placement)
    assert (tmp_path / "out" / expected.format(etag=file.etag)).read_bytes() == b"x"


def test_export_links_and_stays_in_its_folder(hello: File, tmp_path: Path) -> None:
    hello.export(tmp_path / "links", link_type="symlink")
    assert (tmp_path / "links" / hello.name).is_symlink()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "away").symlink_to(tmp_path)
    for path in ("../a.txt", "/a.txt", "away/a.txt"):
        with pytest.raises(FileError, match="unsafe path"):
            File(source=hello.source, path=path).export(tmp_path / "out", "filepath")
    with pytest.raises(DataChainParamsError, match="unknown placement `flat`"):
        hello.export(tmp_path, "flat")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"source": "file:///d", "path": ""}, FileError, "it is empty"),
        ({"source": "file:///d", "path": "a/"}, FileError, "it names a folder"),
        ({"source": "file:///d", "path": "/a"}, FileError, "must not be absolute"),
        ({"source": "file:///d", "path": "a/../b"}, FileError, "must not contain"),
        ({"source": "d", "path": "a"}, FileError, "must start with a scheme"),
        ({"source": "file:///none", "path": "a"}, FileNotFoundError, "`file:///none/a`"),
        ({"source": "s3://b", "path": "a"}, NotSupportedError, "scheme `s3://` cannot"),
        ({"source": "file:///d", "path": "a", "location": [{}]}, NotSupportedError, "inside"),
    ],
)
def test_bad_files_say_why(fields: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        File(**fields).read()


def test_images(picture: ImageFile, tmp_path: Path) -> None:
    assert picture.get_info() == Image(width=4, height=3, format="PNG")
    assert picture.read().getpixel((0, 0)) == (255, 0, 0)
    saved = picture.save(tmp_path / "q.bmp")
    assert (type(saved), saved.get_info().format) == (ImageFile, "BMP")
    assert picture.save(tmp_path / "noext", format="GIF").get_info().format == "GIF"
    with pytest.raises(FileError, match=r"belongs to the extension `\.zz`"):
        picture.save(tmp_path / "q.zz")


def test_no_image_is_an_error_with_the_uri(hello: File, picture: ImageFile) -> None:
    image = hello.as_image_file()
    for read in (image.read, image.get_info):
        with pytest.raises(FileError, match=f"cannot read image `{hello.get_uri()}`: "):
            read()
    content = Path(picture.get_fs_path()).read_bytes()
    Path(picture.get_fs_path()).write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="cannot read image"):
        picture.read()
    with pytest.raises(MissingFileError):
        ImageFile.at("/none/a.png").read()


def test_types_by_name() -> None:
    assert [type_for(t) for t in ("binary", "text", "image")] == [File, TextFile, ImageFile]
    with pytest.raises(NotSupportedError, match="not supported yet"):
        type_for("video")
    with pytest.raises(DataChainParamsError, match="`imag`; hint: did you mean `image`"):
        type_for("imag")
