"""Members of tar archives as files that are read by their range."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import FileChangedError, FileError, VFileError
from lakebed.file import File, FileSlice, TarVFile, VFile, VFileRegistry, process_tar

if TYPE_CHECKING:
    from conftest import Buckets

KIB = 1 << 10


def archive(
    members: dict[str, bytes], mode: str = "w", format: int = tarfile.PAX_FORMAT, **info: Any
) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode, format=format) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in info.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def content_of(file: File) -> dict[str, bytes]:
    return {member.path: member.read() for member in process_tar(file)}


SMALL = {"a.txt": b"aa", "d/b.txt": b"", "d/c.bin": bytes(range(256)) * 100}
INSIDE = {f"d/x.tar/{name}": content for name, content in SMALL.items()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_members_are_files(tmp_path: Path, mode: str) -> None:
    File.upload(archive(SMALL, mode), tmp_path / "d" / "x.tar")
    file = File(source=f"file://{tmp_path}", path="d/x.tar").resolve()
    assert content_of(file) == INSIDE
    member = list(process_tar(file))[2]
    assert (member.name, member.size, member.source) == ("c.bin", 25600, file.source)
    assert TarVFile.parent(member, member.location) == file  # type: ignore[arg-type]
    with member.open() as stream:
        assert (stream.seek(255), stream.read(2), stream.seek(-1, 2)) == (255, b"\xff\0", 25599)
        assert (stream.read(), stream.read()) == (b"\xff", b"")
    assert member.read_bytes(3) == b"\0\1\2"
    assert member.as_text_file().read(encoding="latin-1")[65] == "A"


def test_a_chain_of_members(tmp_path: Path) -> None:
    for name in "xy":
        File.upload(archive({"a.txt": name.encode()}), tmp_path / f"{name}.tar")

    def text(file: File) -> str:
        return file.read_text()

    chain = (
        dc.read_storage(f"{tmp_path}/*.tar").gen(file=process_tar).map(text=text).save("members")
    )
    assert sorted(chain.to_list("file.path", "text")) == [
        ("x.tar/a.txt", "x"),
        ("y.tar/a.txt", "y"),
    ]
    assert {file.read() for file in dc.read_dataset("members").to_values("file")} == {b"x", b"y"}


def test_only_the_range_of_a_member_is_read(buckets: Buckets) -> None:
    file = File.upload(archive({"a": b"a" * 200 * KIB, "b": b"b" * 2000}), "s3://b/x.tar")
    buckets.calls.clear()
    first, second = process_tar(file)
    # headers, and what follows them, but not the contents
    assert sum(end - start for start, end in buckets.reads()) < 150 * KIB  # type: ignore[operator]
    assert second.read() == b"b" * 2000
    [place] = second.location  # type: ignore[misc]
    assert buckets.reads() == [(place["offset"], place["offset"] + 2000)]
    assert first.read() == b"a" * 200 * KIB
    assert buckets.reads() == [(512, 512 + 200 * KIB)]
    with first.open() as stream:
        assert stream.read(1) == b"a"
    assert buckets.reads() == [(512, 512 + 64 * KIB)]


def test_members_of_a_cached_archive_are_read_there(buckets: Buckets) -> None:
    file = File.upload(archive(SMALL), "s3://b/d/x.tar")
    member = list(process_tar(file))[2]
    member.ensure_cached()
    assert [call for call in buckets.calls if call[0] == "fetch"] == [("fetch", "s3://b/d/x.tar")]
    buckets.calls.clear()
    assert content_of(file) == INSIDE
    assert (buckets.calls, member.get_local_path()) == ([], None)


def test_an_archive_in_an_archive(tmp_path: Path) -> None:
    file = File.upload(archive({"in.tar": archive(SMALL)}), tmp_path / "out.tar")
    [inner] = process_tar(file)
    assert content_of(inner) == {f"out.tar/in.tar/{name}": SMALL[name] for name in SMALL}


def test_an_archive_that_changed_is_another(tmp_path: Path) -> None:
    file = File.upload(archive(SMALL), tmp_path / "x.tar")
    [member, *_] = process_tar(file)
    File.upload(archive({"a.txt": b"bb"}), tmp_path / "x.tar")
    for read in (member.read, lambda: list(process_tar(file))):
        with pytest.raises(FileChangedError):
            read()


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_of_all_kinds(tmp_path: Path, format: int) -> None:
    names = ["long/" * 60 + "name" * 40, "ü/€.txt", "a\nb", "../up", "/abs", "./here", "a b"]
    file = File.upload(archive({n: n.encode() for n in names}, format=format), tmp_path / "x.tar")
    expected = [name.removeprefix("./") for name in names]
    assert [member.path for member in process_tar(file)] == [f"x.tar/{name}" for name in expected]
    assert list(content_of(file).values()) == [name.encode() for name in names]


def test_names_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    data = archive({"XY": b"1"}, format=tarfile.USTAR_FORMAT)
    info = tarfile.TarInfo("XY")
    info.size = 1
    bad = tarfile.TarInfo("\udcff\udcfe")
    bad.size = 1
    header = bad.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
    file = File.upload(header + data[512:], tmp_path / "x.tar")
    assert content_of(file) == {"x.tar/\\xff\\xfe": b"1"}


@pytest.mark.parametrize("placement", ["fullpath", "filepath"])
@pytest.mark.parametrize("name", ["../../up", "/abs", "a/../../../up"])
def test_no_member_is_written_outside(tmp_path: Path, name: str, placement: Any) -> None:
    file = File.upload(archive({name: b"evil"}), tmp_path / "in" / "x.tar")
    [member] = process_tar(file)
    assert member.read() == b"evil"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileError, match="unsafe path"):
        member.export(tmp_path / "out", placement)
    assert sorted(tmp_path.rglob("*")) == before


def test_links_are_what_they_link_to(tmp_path: Path) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("d"), None)
        info = tarfile.TarInfo("a")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
        for name, kind, target in [
            ("hard", tarfile.LNKTYPE, "a"),
            ("dangling", tarfile.LNKTYPE, "/etc/passwd"),
            ("soft", tarfile.SYMTYPE, "/etc/passwd"),
            ("device", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("folder", tarfile.DIRTYPE, ""),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    file = File.upload(written.getvalue(), tmp_path / "x.tar")
    assert content_of(file) == {"x.tar/d": b"", "x.tar/a": b"abc", "x.tar/hard": b"abc"}
    exported = [
        member.export(tmp_path / "out", link_type="symlink") for member in process_tar(file)
    ]
    assert [Path(copy.get_fs_path()).is_symlink() for copy in exported] == [False] * 3


@pytest.mark.parametrize("format", ["gnu", "posix"])
def test_files_with_holes(tmp_path: Path, format: str) -> None:
    with (tmp_path / "holes").open("wb") as holes:
        for at, text in [(10_000, b"one"), (2_000_000, b"two")]:
            holes.seek(at)
            holes.write(text)
        holes.truncate(3_000_000)
    command = ["tar", "--sparse", "--hole-detection=raw", f"--format={format}"]
    made = subprocess.run(  # noqa: S603
        [*command, "-cf", "x.tar", "holes"], cwd=tmp_path, check=False
    )
    if made.returncode:
        pytest.skip("needs GNU tar")
    file = File.at(tmp_path / "x.tar").resolve()
    assert file.size < 200_000
    [member] = process_tar(file)
    assert member.read() == (tmp_path / "holes").read_bytes()
    with member.open() as stream:
        assert (stream.seek(1_999_999), stream.read(5)) == (1_999_999, b"\0two\0")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda _: b"no tar at all" * 100, "cannot read tar archive"),
        (lambda _: b"", "cannot read tar archive"),
        (lambda data: data[:1600], "cannot read tar archive"),
        (lambda data: data[:1024] + b"x" * 512 + data[1536:], "damaged at byte 1024"),
        (lambda data: data[:2000], "cannot read tar archive"),
        (lambda data: b"\x28\xb5\x2f\xfd" + data, "zstd"),
        (lambda data: b"\x1f\x8b" + data, "cannot read tar archive"),
    ],
)
def test_damage_is_an_error_with_the_uri(tmp_path: Path, damage: Any, message: str) -> None:
    data = archive({"a": b"a" * 10, "b": b"b" * 900})
    file = File.upload(damage(data), tmp_path / "x.tar")
    with pytest.raises(FileError, match=f"{message}.*") as caught:
        list(process_tar(file))
    assert file.get_uri() in str(caught.value)


def test_a_member_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    file = File.upload(archive({"a": b"a" * 1000}), tmp_path / "x.tar")
    [member] = process_tar(file)
    cut = File.upload(b"x" * 800, tmp_path / "x.tar")
    where = member.location[0] | {"parent": cut.model_dump(mode="json")}  # type: ignore[index, operator]
    with pytest.raises(VFileError, match="`a` ends after 288 of 1000 bytes"):
        member.model_copy(update={"location": where}).read()


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ([], "`location` is a list of dicts"),
        ([{}], "`vtype` is not specified"),
        ([{"vtype": "zip"}], "of vtype `zip`: there is no reader for it: known are `tar`"),
        ([{"vtype": "tar"}], "`parent` is not specified"),
        ([{"vtype": "tar"}, {"vtype": "tar"}], "several locations"),
        ([{"vtype": "tar", "parent": {"path": "a"}, "size": 1}], "`offset` of a tar member"),
        ({"vtype": "tar", "parent": {"path": "a"}, "offset": -1, "size": 1}, "`-1`"),
        ({"vtype": "tar", "parent": {"path": "a"}, "offset": 0, "size": "1"}, "`size` of a tar"),
    ],
)
def test_malformed_locations_say_why(location: Any, message: str) -> None:
    with pytest.raises(VFileError, match=message):
        File(source="file:///d", path="x.tar/a", location=location).read()


def test_members_are_only_read(tmp_path: Path) -> None:
    [member, *_] = process_tar(File.upload(archive(SMALL), tmp_path / "x.tar"))
    with pytest.raises(VFileError, match="cannot be opened with mode `w`"), member.open("w"):
        pass
    with pytest.raises(VFileError, match="cannot be looked up"):
        member.resolve()
    copy = member.save(tmp_path / "copy")
    assert (copy.location, copy.read()) == (None, b"aa")


def test_other_kinds_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lines(VFile):
        @classmethod
        def get_vtype(cls) -> str:
            return "line"

        @classmethod
        def open(cls, file: File, location: list[dict[str, Any]]) -> Any:
            with cls.parent(file, location).open() as stream:
                return io.BytesIO(stream.read().splitlines()[location[0]["number"]])

    monkeypatch.setattr(VFileRegistry, "_readers", dict(VFileRegistry._readers))
    VFileRegistry.register(Lines)
    place = {"vtype": "line", "number": 2, "parent": File.at(__file__).resolve().model_dump()}
    line = File(path="x", location=place)
    assert line.read() == b"from __future__ import annotations"
    assert line.read_text() == "from __future__ import annotations"
    assert VFileRegistry.parent(line, place).name == Path(__file__).name


def test_slices() -> None:
    piece = FileSlice(io.BytesIO(b"0123456789"), 2, 5, "name", [(1, 2), (4, 1)])
    assert (piece.name, piece.read(), piece.seek(3), piece.read(9)) == (
        "name",
        b"\x0023\x004",
        3,
        b"\0",
    )
    with pytest.raises(ValueError, match="negative"):
        piece.seek(-1)
