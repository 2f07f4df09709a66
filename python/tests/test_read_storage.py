"""Files below folders and patterns as rows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import lakebed as dc
from lakebed.exceptions import DataChainParamsError, NotSupportedError


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("", ["a.txt", "b.md", "c.txt"]),
        ("/**/*.txt", ["a.txt", "c.txt"]),
        ("/*.txt", ["a.txt"]),
        ("/*.{txt,md}", ["a.txt", "b.md"]),
        ("/sub", ["c.txt"]),
        ("/a.txt", ["a.txt"]),
    ],
)
def test_what_is_listed(files: Path, uri: str, names: list[str]) -> None:
    for start in (str(files), f"file://{files}"):
        chain = dc.read_storage(f"{start}{uri}", update=True)
        assert sorted(file.name for file in chain.to_values("file")) == names


def test_options(files: Path) -> None:
    chain = dc.read_storage(files, recursive=False, column="doc", type="text")
    docs = sorted(chain.to_values("doc"), key=lambda doc: doc.path)
    assert [doc.read() for doc in docs] == ["aa", "bbb"]
    assert isinstance(docs[0], dc.TextFile)
    assert dc.read_storage([files / "sub", files / "b.md"]).count() == 2


def test_listing_happens_when_the_chain_runs(files: Path) -> None:
    chain = dc.read_storage(files)
    (files / "d.txt").write_text("d")
    assert chain.count() == 4


def test_refuses(files: Path) -> None:
    with pytest.raises(ValueError):
        dc.read_storage([])
    with pytest.raises(DataChainParamsError) as caught:
        dc.read_storage(files, type="imag")
    assert "did you mean `image`" in str(caught.value)
    with pytest.raises(NotSupportedError):
        dc.read_storage(files, nothing_like_it=1)


def test_options_that_mean_nothing_here_are_harmless(files: Path) -> None:
    """Scripts move between buckets and folders."""
    defaults = {
        "delta": False,
        "delta_on": ("file.path", "file.etag", "file.version"),
        "delta_unsafe": False,
        "delta_retry": None,
        "versions": True,
    }
    harmless = ({"anon": True}, {"client_config": {"aws_key": "a"}}, {"update": True}, defaults)
    for options in harmless:
        assert dc.read_storage(files, **options).count() == dc.read_storage(files).count()


def test_special_files_are_no_objects(files: Path) -> None:
    os.mkfifo(files / "pipe.txt")
    (files / "link.txt").symlink_to(files / "pipe.txt")
    for uri in (files, f"{files}/*.txt"):
        names = [file.name for file in dc.read_storage(uri).to_values("file")]
        assert "a.txt" in names
        assert not {"pipe.txt", "link.txt"} & set(names)
    with pytest.raises(NotSupportedError, match=r"`.*pipe.txt`, which is neither a file nor"):
        dc.read_storage(files / "pipe.txt").to_list()


def test_names_that_are_no_text(files: Path) -> None:
    path = os.fsdecode(os.fsencode(files) + b"/caf\xe9.txt")
    with pytest.raises(NotSupportedError) as caught:
        dc.read_storage(path)
    assert r"caf\xe9.txt" in str(caught.value)
    assert "is not UTF-8; hint: rename" in str(caught.value)
    Path(path).write_text("")
    with pytest.raises(NotSupportedError, match=r"caf.*.txt`, which is not UTF-8, is not"):
        dc.read_storage(files).to_list()


@pytest.mark.parametrize(
    "name",
    ["a{b,c}", "run[1]", "run[1", "d%20e", "q?", "star*", "two\nlines", "tab\t", "ü#;", "~x"],
)
def test_what_exists_literally_is_meant_literally(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / f"{name}.txt").write_text("x")
    (folder / "other.md").write_text("y")
    assert dc.read_storage(folder).count() == 2
    assert dc.read_storage(f"{folder}/*.txt").count() == 1
    assert dc.read_storage(f"{folder}/*.{{txt,md}}").count() == 2
    (file,) = dc.read_storage(folder / f"{name}.txt").to_values("file")
    assert file.read() == b"x"
    assert dc.read_storage(file.get_uri()).to_values("file.path") == [file.path]
    assert dc.read_storage(folder.as_uri()).count() == 2
