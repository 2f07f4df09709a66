"""Samples of WebDataset archives as rows."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed.exceptions import (
    CoreFileDuplicationError,
    CoreFileNotFoundError,
    UnknownFileExtensionError,
    WDSError,
)
from lakebed.file import (
    File,
    ImageFile,
    WDSAllFile,
    WDSBasic,
    WDSReadableSubclass,
    process_webdataset,
)

if TYPE_CHECKING:
    from pathlib import Path


def made(path: Path, members: dict[str, bytes]) -> File:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return File.upload(written.getvalue(), path)


SAMPLES = {
    "d/1.jpg": b"one",
    "d/1.json": b'{"k": [1]}',
    "d/2.jpg": b"two",
    "d/1.cls": b"7\n",
    "d/2.txt": "zwölf".encode(),
    "e/1.PNG": b"three",
    "e/1.npy": b"\x93",
}


def test_files_of_one_name_are_a_sample(tmp_path: Path) -> None:
    found = list(process_webdataset()(made(tmp_path / "x.tar", SAMPLES)))
    assert [type(sample) for sample in found] == [WDSAllFile] * 3
    assert [(s.file.path, s.file.read()) for s in found] == [
        ("x.tar/d/1.jpg", b"one"),
        ("x.tar/d/2.jpg", b"two"),
        ("x.tar/e/1.PNG", b"three"),
    ]
    assert [(s.cls, s.json, s.txt, s.npy) for s in found] == [
        (7, {"k": [1]}, None, None),
        (None, None, "zwölf", None),
        (None, None, None, b"\x93"),
    ]


def test_a_chain_of_samples(tmp_path: Path) -> None:
    made(tmp_path / "x.tar", SAMPLES)
    chain = dc.read_storage(tmp_path / "x.tar").gen(sample=process_webdataset()).save("samples")
    assert chain.to_list("sample.file.path", "sample.cls") == [
        ("x.tar/d/1.jpg", 7),
        ("x.tar/d/2.jpg", None),
        ("x.tar/e/1.PNG", None),
    ]
    first = chain.to_values("sample")[0]
    assert (first.file.read(), first.json) == (b"one", {"k": [1]})


def test_a_specification_of_ones_own(tmp_path: Path) -> None:
    class Size(WDSReadableSubclass):
        width: int

        @staticmethod
        def _reader(sample: Any, info: tarfile.TarInfo) -> Size:
            return Size(width=int(sample.read_text(info).partition("x")[0]))

    class Sized(WDSBasic):
        file: ImageFile
        dim: Size
        score: float | None = None
        meta: dict[str, int] | None = None

    members = {"a.gif": b"", "a.dim": b"4x3", "a.score": b"0.5", "a.meta": b'{"n": 1}'}
    file = made(tmp_path / "x.tar", members)
    [sample] = process_webdataset(core_extensions=["gif"], spec=Sized)(file)
    assert type(sample.file) is ImageFile
    assert (sample.dim.width, sample.score, sample.meta) == (4, 0.5, {"n": 1})


class Odd(WDSBasic):
    pair: tuple[int, int] | None = None


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        (["1.jpg", "1.png"], CoreFileDuplicationError, "two core files: `1.jpg` and `1.png`"),
        (["1.txt"], CoreFileNotFoundError, "sample `1` has no file with the extension `.jpg`"),
        (["1.jpg", "1.xyz"], UnknownFileExtensionError, "`WDSAllFile` has no field `xyz`"),
        (["1.jpg", "1.file"], UnknownFileExtensionError, "has no field `file`"),
        (["1.jpg", "1.txt", "1.TXT"], WDSError, "two files with the extension `.txt`"),
        (["1.jpg", "1.cls"], WDSError, "file `1.cls`: invalid literal for int"),
        (["1.jpg", "1.json"], WDSError, "file `1.json`: Expecting value"),
    ],
)
def test_what_is_no_sample_says_why(
    tmp_path: Path, members: list[str], error: type[Exception], message: str
) -> None:
    file = made(tmp_path / "x.tar", dict.fromkeys(members, b"?"))
    with pytest.raises(error) as caught:
        list(process_webdataset()(file))
    assert message in str(caught.value)
    assert file.get_uri() in str(caught.value)


def test_a_field_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    file = made(tmp_path / "x.tar", {"1.jpg": b"", "1.pair": b""})
    with pytest.raises(WDSError, match="which is none of `str`, `int`, `float`, `bytes`, `dict`"):
        list(process_webdataset(spec=Odd)(file))
