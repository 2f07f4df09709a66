"""`File` and its kinds on local storage."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

import lakebed as dc
from lakebed.exceptions import (
    DataChainParamsError,
    ExistingFileError,
    FileChangedError,
    FileError,
    MissingFileError,
    NotSupportedError,
    VFileError,
)
from lakebed.file import AudioFile, File, Image, ImageFile, TextFile, VideoFile, type_for


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


def test_reading_without_a_block(hello: File, tmp_path: Path) -> None:
    stream = hello.as_text_file().open()
    assert (stream.read(), stream.closed) == ("hello", False)
    stream.close()
    assert stream.closed
    picture = tmp_path / "a.png"
    Pillow.new("RGB", (3, 2)).save(picture)
    with Pillow.open(File.at(picture).open()) as opened:
        assert opened.size == (3, 2)
        opened.fp.close()


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
    with pytest.raises(NotSupportedError, match="placement `checksum`"):
        hello.export(tmp_path, "checksum")
    with pytest.raises(DataChainParamsError, match="unknown link_type `hard`"):
        hello.export(tmp_path, link_type="hard")  # type: ignore[arg-type]


def test_links_can_be_made_again(hello: File, tmp_path: Path) -> None:
    for _ in range(2):
        link = hello.export(tmp_path / "links", link_type="symlink")
        assert link.read() == b"hello"
    # a link to itself would be the end of it
    assert hello.export(tmp_path / "in", link_type="symlink").read() == b"hello"
    assert not (tmp_path / "in" / hello.name).is_symlink()


def test_an_export_replaces_a_link_and_not_what_it_leads_to(hello: File, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / hello.name).symlink_to(tmp_path / "other")
    assert hello.export(tmp_path / "out").read() == b"hello"
    assert (tmp_path / "other").read_text() == "other"


def test_names_may_be_as_long_as_the_system_allows(hello: File, tmp_path: Path) -> None:
    name = "長" * 84
    assert hello.save(tmp_path / name).read() == b"hello"
    assert [path.name for path in tmp_path.glob("長*")] == [name]


def test_what_is_in_the_way_is_named(hello: File, tmp_path: Path) -> None:
    (tmp_path / "out" / hello.name).mkdir(parents=True)
    with pytest.raises(FileError, match=f"cannot write `file://{tmp_path}/out/{hello.name}`"):
        hello.export(tmp_path / "out")
    with pytest.raises(FileError, match="cannot write"):
        hello.save(f"{hello.get_fs_path()}/below")
    with pytest.raises(ExistingFileError, match="exists already"), hello.open("x"):
        pass


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"source": "file:///d", "path": ""}, FileError, "it is empty"),
        ({"source": "file:///d", "path": "a/"}, FileError, "it names a folder"),
        ({"source": "file:///d", "path": "/a"}, FileError, "must not be absolute"),
        ({"source": "file:///d", "path": "a/../b"}, FileError, "must not contain"),
        ({"source": "d", "path": "a"}, FileError, "must start with a scheme"),
        ({"source": "file:///none", "path": "a"}, FileNotFoundError, "`file:///none/a`"),
        ({"source": "file:///d", "path": "a\0"}, FileError, "must not contain a zero byte"),
        ({"source": "file:///d", "path": "a", "location": [{}]}, VFileError, "vtype"),
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


WAYS = {
    "read": lambda file: file.read(),
    "read_bytes": lambda file: file.read_bytes(3),
    "read_text": lambda file: file.read_text(),
    "open": lambda file: file.open().__enter__(),
    "get_fs_path": lambda file: file.get_fs_path(),
    "save": lambda file: file.save("copy"),
    "export": lambda file: file.export("out"),
    "link": lambda file: file.export("out", link_type="symlink"),
    "as text": lambda file: file.as_text_file().read(),
    "as image": lambda file: file.as_image_file().get_info(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_changed_is_not_the_listed_one(
    hello: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content = Path(hello.get_fs_path())
    os.utime(content, (0, 1))
    with pytest.raises(FileChangedError) as changed:
        WAYS[way](hello)
    assert str(changed.value) == (
        f"file `{hello.get_uri()}` was of {hello.last_modified} when it was listed and is of "
        "1970-01-01 00:00:01+00:00 now; hint: list it again with "
        "`read_storage(..., update=True)`, or take it as it is with `file.resolve()`"
    )
    content.write_text("hello!")
    with pytest.raises(FileChangedError, match="had 5 bytes when it was listed and has 6 now"):
        WAYS[way](hello)
    assert not list(tmp_path.glob("copy*")) + list(tmp_path.glob("out/**/*.gz"))
    assert hello.resolve().read() == b"hello!"


def test_an_empty_file_that_was_listed_is_empty(tmp_path: Path) -> None:
    empty = File.upload(b"", tmp_path / "a")
    assert empty.read() == b""
    time = empty.last_modified.timestamp()
    (tmp_path / "a").write_text("a")
    os.utime(tmp_path / "a", (time, time))
    with pytest.raises(FileChangedError, match="had 0 bytes"):
        empty.read()


def test_a_file_of_the_year_1970_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    os.utime(tmp_path / "a", (0, 0))
    file = File.at(tmp_path / "a").resolve()
    assert file.read() == b"a"
    (tmp_path / "a").write_text("b")
    with pytest.raises(FileChangedError):
        file.read()


def test_a_file_of_the_same_size_and_second_is_another(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    os.utime(tmp_path / "a", ns=(0, 1_700_000_000_000_000_000))
    file = File.at(tmp_path / "a").resolve()
    # a second that its time has lost its digits to
    os.utime(tmp_path / "a", ns=(0, 1_700_000_000_987_654_321))
    with pytest.raises(FileChangedError, match="was written anew since it was listed"):
        file.read()


def test_what_is_not_known_is_not_checked(hello: File) -> None:
    Path(hello.get_fs_path()).write_text("another")
    assert File(source=hello.source, path=hello.path).read() == b"another"
    assert File(source=hello.source, path=hello.path, size=7).read() == b"another"
    assert File(source=hello.source, path=hello.path, etag="of-a-cloud").read() == b"another"
    with pytest.raises(FileChangedError, match="had 5 bytes"):
        File(source=hello.source, path=hello.path, size=5).read()


def test_another_place_is_another_file(hello: File, tmp_path: Path) -> None:
    (tmp_path / "in" / "b").write_text("beside")
    assert hello.model_copy(update={"path": "b"}).read() == b"beside"
    assert hello.model_copy(update={"path": "b", "size": 6}).size == 6
    assert hello.model_copy() == hello
    Path(hello.get_fs_path()).write_text("another")
    with pytest.raises(FileChangedError):
        hello.model_copy().read()


@pytest.mark.parametrize("digits", [0, 3, 6])
@pytest.mark.parametrize("zone", [dt.UTC, dt.timezone(dt.timedelta(hours=5)), None])
def test_times_may_have_lost_digits(tmp_path: Path, digits: int, zone: dt.tzinfo | None) -> None:
    (tmp_path / "a").write_text("a")
    os.utime(tmp_path / "a", ns=(0, 1_700_000_000_987_654_321))
    unit = 10 ** (9 - digits)
    time = dt.datetime.fromtimestamp(1_700_000_000_987_654_321 // unit * unit / 1e9, zone)
    if zone is None:
        time = time.astimezone(dt.UTC).replace(tzinfo=None)
    file = File(source=f"file://{tmp_path}", path="a", size=1, last_modified=time)
    assert file.read() == b"a"
    os.utime(tmp_path / "a", (0, 1_700_000_002))
    with pytest.raises(FileChangedError):
        file.read()


def test_what_was_written_is_known(tmp_path: Path) -> None:
    file = File.upload(b"one", tmp_path / "a")
    with file.open("wb") as stream:
        stream.write(b"three")
    assert file.read() == b"three"
    assert (file.size, file) == (5, File.at(tmp_path / "a").resolve())


def test_a_listed_file_is_as_it_resolves(hello: File) -> None:
    [listed] = dc.read_storage(Path(hello.get_fs_path()).parent).to_values("file")
    assert listed.resolve() == listed
    assert listed.read() == b"hello"


def test_types_by_name() -> None:
    types = [type_for(t) for t in ("binary", "text", "image", "video", "audio")]
    assert types == [File, TextFile, ImageFile, VideoFile, AudioFile]
    with pytest.raises(DataChainParamsError, match="`imag`; hint: did you mean `image`"):
        type_for("imag")
