"""Files of a chain copied into a folder: names, what is there already, and what is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import (
    DataChainParamsError,
    FileChangedError,
    FileError,
    MissingFileError,
    NotSupportedError,
    SignalResolvingError,
    SignalResolvingTypeError,
)
from lakebed.file import File, ImageFile, process_tar

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Buckets


def tree(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): path.read_text() for path in found}


SOURCE = {"a.txt": "aa", "b.md": "bbb", "sub/c.txt": "c"}


@pytest.mark.parametrize("placement", ["fullpath", "filepath"])
def test_paths_are_kept(files: Path, tmp_path: Path, placement: Any) -> None:
    chain = dc.read_storage(files)
    assert chain.to_storage(tmp_path / "out", placement=placement) is None  # type: ignore[func-returns-value]
    assert tree(tmp_path / "out") == SOURCE
    [*originals] = (File.at(files / name).resolve().last_modified for name in SOURCE)
    copies = (File.at(tmp_path / "out" / name).resolve().last_modified for name in SOURCE)
    assert [c.replace(microsecond=0) for c in copies] == [
        o.replace(microsecond=0) for o in originals
    ]


def test_names_and_etags(files: Path, tmp_path: Path) -> None:
    chain = dc.read_storage(files).save("texts")
    chain.to_storage(tmp_path / "names", placement="filename", num_threads=None)
    assert tree(tmp_path / "names") == {"a.txt": "aa", "b.md": "bbb", "c.txt": "c"}
    chain.to_storage(tmp_path / "tags", placement="etag")
    assert set(tree(tmp_path / "tags")) == {
        f"{file.etag}{file.get_file_suffix()}" for file in chain.to_values("file")
    }
    with pytest.raises(NotSupportedError, match="`checksum`"):
        chain.to_storage(tmp_path / "sums", placement="checksum")


def test_links(files: Path, tmp_path: Path) -> None:
    for _ in range(2):
        dc.read_storage(files).to_storage(tmp_path / "out", link_type="symlink")
    assert tree(tmp_path / "out") == SOURCE
    assert (tmp_path / "out" / "a.txt").readlink() == files / "a.txt"
    # a copy takes the place of a link
    dc.read_storage(files).to_storage(tmp_path / "out")
    assert not (tmp_path / "out" / "a.txt").is_symlink()


def test_fields_and_missing_files(files: Path, tmp_path: Path) -> None:
    class Framed(dc.DataModel):
        picture: ImageFile | None

    given = [File.at(files / "a.txt").as_image_file(), None]
    chain = dc.read_values(box=[Framed(picture=file) for file in given], n=[1, 2])
    chain.to_storage(tmp_path / "out", signal="box.picture")
    assert tree(tmp_path / "out") == {"a.txt": "aa"}
    with pytest.raises(SignalResolvingTypeError, match="column `n` has none"):
        chain.to_storage(tmp_path / "out", signal="n")
    with pytest.raises(SignalResolvingError, match="`file`"):
        chain.to_storage(tmp_path / "out")


def versions(folder: Path) -> dict[str, int]:
    """The files that are there; one that is written anew is another."""
    return {path.name: path.stat().st_ino for path in folder.rglob("*.*")}


def test_what_is_there_is_left(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    dc.read_storage(files).to_storage(out)
    first = versions(out)
    (out / "b.md").unlink()
    dc.read_storage(files).to_storage(out)
    second = versions(out)
    assert (first | {"b.md": second["b.md"]}, tree(out)) == (second, SOURCE)
    # one of the same size at the source, and one that somebody changed
    (files / "a.txt").write_text("AA")
    (out / "sub" / "c.txt").write_text("x")
    dc.read_storage(files).to_storage(out)
    assert tree(out) == SOURCE | {"a.txt": "AA"}
    assert {name for name, file in versions(out).items() if file != second[name]} == {
        "a.txt",
        "c.txt",
    }


def test_another_file_of_the_same_name_size_and_time_is_copied(tmp_path: Path) -> None:
    for name in ("one", "two"):
        File.upload(name.encode(), tmp_path / name / "a.txt")
        os.utime(tmp_path / name / "a.txt", ns=(0, 1_700_000_000_000_000_000))
        dc.read_storage(tmp_path / name).to_storage(tmp_path / "out")
        assert tree(tmp_path / "out") == {"a.txt": name}


def test_an_interrupted_run_goes_on(files: Path, tmp_path: Path) -> None:
    chain = dc.read_storage(files).save("texts")
    (files / "sub" / "c.txt").rename(tmp_path / "moved")
    with pytest.raises(MissingFileError, match=r"sub/c\.txt"):
        chain.to_storage(tmp_path / "out", num_threads=1)
    assert tree(tmp_path / "out") == {"a.txt": "aa", "b.md": "bbb"}
    first = versions(tmp_path / "out")
    (tmp_path / "moved").rename(files / "sub" / "c.txt")
    chain.to_storage(tmp_path / "out")
    assert first.items() < versions(tmp_path / "out").items()
    assert tree(tmp_path / "out") == SOURCE
    (files / "a.txt").write_text("changed")
    with pytest.raises(FileChangedError):
        chain.to_storage(tmp_path / "other")


def test_names_that_collide_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    given = [File.upload(name.encode(), tmp_path / name / "a.txt") for name in ("one", "two")]
    chain = dc.read_values(file=given)
    for placement in ("filename", "filepath", "fullpath"):
        with pytest.raises(ValueError, match="two files would be written") as caught:
            chain.to_storage(tmp_path / "out", placement=placement)  # type: ignore[arg-type]
        assert all(file.get_uri() in str(caught.value) for file in given)
    assert not (tmp_path / "out").exists()
    # the same file in two rows is one
    dc.read_values(file=[given[0], given[0]]).to_storage(tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.txt": "one"}


def test_a_file_that_is_a_folder_of_another_is_refused(buckets: Buckets, tmp_path: Path) -> None:
    given = [File.upload(b"x", f"s3://b/{key}") for key in ("d/a/b", "d/a", "d/ab")]
    chain = dc.read_values(file=given)
    with pytest.raises(DataChainParamsError, match="`s3://b/d/a` and `s3://b/d/a/b`"):
        chain.to_storage(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    chain.to_storage("s3://c/out")
    assert len(buckets.objects) == 6


@pytest.mark.parametrize("path", ["../up", "/abs", "a/../../up", "a//b", ".", "a/", "a\0b", ""])
def test_nothing_is_written_outside(tmp_path: Path, path: str) -> None:
    (tmp_path / "in").mkdir()
    good = File.upload(b"x", tmp_path / "in" / "good.txt")
    bad = good.model_copy(update={"path": path})
    chain = dc.read_values(file=[good, bad])
    before = {p for p in tmp_path.rglob("*") if "root" not in p.parts}
    with pytest.raises(FileError, match="unsafe path"):
        chain.to_storage(tmp_path / "out", placement="filepath")
    assert {p for p in tmp_path.rglob("*") if "root" not in p.parts} == before


def test_a_link_in_the_folder_does_not_lead_out(files: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileError, match=r"unsafe path `sub/c\.txt`: it leads out of the folder"):
        dc.read_storage(files).to_storage(tmp_path / "out")
    assert tree(tmp_path / "elsewhere") == {}


def test_names_of_all_kinds(tmp_path: Path) -> None:
    names = ["a\nb", "\uff0e\uff0e/up", "\u2025/up", "ü", "~", "a b", "-rf", "file:x", "%2e%2e"]
    given = [File.upload(b"x", tmp_path / "in" / name) for name in names]
    chain = dc.read_values(
        file=[
            file.model_copy(update={"source": f"file://{tmp_path}/in", "path": name, "size": 1})
            for file, name in zip(given, names, strict=True)
        ]
    )
    chain.to_storage(tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == sorted(names)


def test_members_of_archives(tmp_path: Path) -> None:
    import tarfile

    (tmp_path / "a.txt").write_text("a")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.add(tmp_path / "a.txt", "d/a.txt")
        tar.add(tmp_path / "a.txt", "./b.txt")
    members = dc.read_storage(tmp_path / "x.tar").gen(file=process_tar)
    for _ in range(2):
        members.to_storage(tmp_path / "out", link_type="symlink")
    assert tree(tmp_path / "out") == {"x.tar/d/a.txt": "a", "x.tar/b.txt": "a"}


def test_buckets(buckets: Buckets, files: Path, tmp_path: Path) -> None:
    chain = dc.read_storage(files)
    chain.to_storage("s3://b/out", anon=True, client_config={"endpoint": "x"})
    assert set(buckets.objects) == {f"s3://b/out/{name}" for name in SOURCE}
    buckets.calls.clear()
    chain.to_storage("s3://b/out")
    assert not [call for call in buckets.calls if call[0] == "put"]
    there = [File.at(uri).resolve() for uri in buckets.objects]
    listed = dc.read_values(file=there)
    listed.to_storage("gs://c", placement="filename")
    listed.to_storage(tmp_path / "back")
    first = versions(tmp_path / "back")
    buckets.calls.clear()
    listed.to_storage("gs://c", placement="filename")
    listed.to_storage(tmp_path / "back")
    assert {call[0] for call in buckets.calls} == {"head"}
    assert versions(tmp_path / "back") == first
    assert tree(tmp_path / "back") == {f"b/out/{name}": text for name, text in SOURCE.items()}
    buckets.put("s3://b/out/a.txt", b"AA", {})
    dc.read_values(file=[File.at("s3://b/out/a.txt").resolve()]).to_storage(tmp_path / "back")
    assert tree(tmp_path / "back")["b/out/a.txt"] == "AA"


@pytest.mark.usefixtures("buckets")
def test_one_content_may_have_one_name(tmp_path: Path) -> None:
    given = [File.upload(b"same", f"s3://b/{name}.txt") for name in "ab"]
    dc.read_values(file=given).to_storage(tmp_path / "out", placement="etag")
    assert tree(tmp_path / "out") == {f"{given[0].etag}.txt": "same"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_threads": 0}, "num_threads is a number of threads"),
        ({"link_type": "hard"}, "unknown link_type `hard`"),
        ({"placement": "flat"}, "unknown placement `flat`"),
        ({"output": ""}, "no folder was given"),
    ],
)
def test_wrong_options_say_what_is_right(
    files: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataChainParamsError, match=message):
        dc.read_storage(files).to_storage(**{"output": tmp_path / "out"} | options)
