"""`settings(by_content=True)` finds results of files by their bytes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator  # noqa: TC003  the annotations are read
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    for name in "ab":
        (made / f"{name}.txt").write_text(name * 3)
    return made


def listed(folder: Path, **settings: Any) -> dc.DataChain:
    chain = dc.read_storage(folder, update=True).settings(by_content=True, **settings)
    return chain.order_by("file.path")


def test_copied_and_touched_files_are_not_computed_again(folder: Path, calls: Calls) -> None:
    def text(file: dc.File) -> str:
        calls.note(file.path)
        return file.read_text()

    def run(**settings: Any) -> list[str]:
        return listed(folder, **settings).map(t=text).to_values("t")

    assert run() == ["aaa", "bbb"]
    assert calls.new() == ["a.txt", "b.txt"]
    shutil.copy(folder / "a.txt", folder / "c.txt")
    os.utime(folder / "b.txt", (1, 1))
    # the k-th equal row takes the k-th result, unless equal rows are one call
    assert run(distinct=True) == ["aaa", "bbb", "aaa"]
    assert calls.new() == []
    assert run() == ["aaa", "bbb", "aaa"]
    assert len(calls.new()) == 1
    (folder / "b.txt").rename(folder / "z.txt")
    (folder / "a.txt").write_text("new")
    assert run() == ["new", "aaa", "bbb"]
    assert calls.new() == ["a.txt"]
    # without the setting, files count as what they are listed as
    plain = dc.read_storage(folder, update=True).map(t=text)
    assert sorted(plain.to_values("t")) == ["aaa", "bbb", "new"]
    assert calls.new() == ["a.txt", "c.txt", "z.txt"]


def test_other_arguments_count(folder: Path, calls: Calls) -> None:
    def cut(file: dc.File, n: int) -> str:
        calls.note(file.path)
        return file.read_text()[:n]

    made = listed(folder).mutate(n=2).map(t=cut)
    assert made.to_values("t") == ["aa", "bb"]
    os.utime(folder / "a.txt", (1, 1))
    calls.new()
    assert listed(folder).mutate(n=2).map(t=cut).to_values("t") == ["aa", "bb"]
    assert calls.new() == []
    assert listed(folder).mutate(n=1).map(t=cut).to_values("t") == ["a", "b"]
    assert calls.new() == ["a.txt", "b.txt"]


def one(file: object) -> int:
    return 1 if file else 0


def second(file: dc.File, n: int) -> int:
    return n if file else 0


def ones(file: dc.File) -> list[int]:
    return [1] if file else []


def test_nothing_shows_of_it(folder: Path) -> None:
    plain = dc.read_storage(folder)
    chain = plain.settings(by_content=True)
    assert chain.map(n=one, m=second).schema.keys() == {"file", "n", "m"}
    assert chain.gen(n=ones, keep=True).schema.keys() == {"file", "n"}
    assert chain.map(n=one, params="file.path").to_values("n") == [1, 1]
    saved = chain.map(n=one).save("made")
    assert saved.schema == plain.map(n=one).schema


def test_groups_and_many_results(folder: Path, calls: Calls) -> None:
    def letters(file: dc.File) -> Iterator[str]:
        calls.note(file.path)
        yield from file.read_text()

    def joined(file: list[dc.File]) -> Iterator[str]:
        for one in file:
            calls.note(one.path)
        yield "".join(one.read_text() for one in file)

    def run() -> tuple[list[str], list[str]]:
        files = listed(folder, parallel=2)
        made = files.gen(t=letters).to_values("t")
        return made, files.agg(t=joined, partition_by=C("file.size")).to_values("t")

    assert run() == (list("aaabbb"), ["aaabbb"])
    assert len(calls.new()) == 4
    for name in "ab":
        os.utime(folder / f"{name}.txt", (1, 1))
    assert run() == (list("aaabbb"), ["aaabbb"])
    assert calls.new() == []


class Pair(dc.DataModel):
    left: dc.File
    more: list[dc.TextFile]
    label: str = ""


class Labelled(dc.File):
    label: str = ""


def test_files_within_models_and_lists(folder: Path, calls: Calls) -> None:
    def both(pair: Pair) -> str:
        texts = [file.read_text() for file in (pair.left, *pair.more)]
        calls.note(pair.label)
        return f"{pair.label}{''.join(texts)}"

    def joined(files: list[dc.File]) -> str:
        calls.note(len(files))
        return "".join(file.read_text() for file in files)

    def labelled(other: Labelled) -> str:
        calls.note(other.label)
        return other.label + other.read_text()

    def run(label: str = "x", **kinds: Any) -> list[list[str]]:
        names = sorted(path.name for path in folder.iterdir())
        files = [dc.File.at(folder / name).resolve() for name in names]
        fields = [file.model_dump() for file in files]
        pair = Pair(left=files[0], more=[dc.TextFile(**f) for f in fields[1:]], label=label)
        other = Labelled(**fields[0], label=label)
        chain = dc.read_values(pair=[pair], files=[files], other=[other], **kinds)
        made = chain.settings(by_content=True).map(p=both, f=joined, o=labelled)
        assert made.schema.keys() >= {"pair", "files", "other"}
        return made.to_list("p", "f", "o")

    assert run() == [("xaaabbb", "aaabbb", "xaaa")]
    assert calls.new() == ["2", "x", "x"]
    for name in "ab":
        os.utime(folder / f"{name}.txt", (1, 1))
        (folder / f"{name}.txt").rename(folder / f"{name}{name}.txt")
    assert run() == [("xaaabbb", "aaabbb", "xaaa")]
    assert calls.new() == []
    # what else is in a model counts
    assert run(label="y") == [("yaaabbb", "aaabbb", "yaaa")]
    assert calls.new() == ["y", "y"]
    (folder / "bb.txt").write_text("new")
    assert run() == [("xaaanew", "aaanew", "xaaa")]
    assert calls.new() == ["2", "x"]


def test_a_file_of_many_rows_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    opened = dc.File.open

    def noted(file: dc.File, *given: Any, **named: Any) -> Any:
        read.append(file.path)
        return opened(file, *given, **named)

    monkeypatch.setattr(dc.File, "open", noted)
    file = dc.File.at(folder / "a.txt").resolve()
    pairs = [Pair(left=file, more=[], label=str(at)) for at in range(20)]
    chain = dc.read_values(pair=pairs).settings(by_content=True)
    assert len(set(chain.map(n=lambda pair: pair.label, output=str).to_values("n"))) == 20
    assert len(read) == 1


def test_a_copy_is_found_in_a_later_run(folder: Path, calls: Calls, tmp_path: Path) -> None:
    def text(file: dc.File) -> str:
        calls.note(file.path)
        return file.read_text()

    assert listed(folder).map(t=text).to_values("t") == ["aaa", "bbb"]
    assert len(calls.new()) == 2
    copies = tmp_path / "copies"
    copies.mkdir()
    for name in "ab":
        shutil.copy(folder / f"{name}.txt", copies / f"copy of {name}.txt")
    assert listed(copies).map(t=text).to_values("t") == ["aaa", "bbb"]
    assert calls.new() == []


@pytest.mark.parametrize("kind", ["s3", "ministack"])
def test_files_of_a_bucket(
    kind: str, request: pytest.FixtureRequest, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue(kind)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    folder = f"{server.uri}/texts"
    for name in "ab":
        dc.File.upload(name.encode() * 3, f"{folder}/{name}.txt")

    def text(file: dc.File) -> str:
        calls.note(file.path)
        return file.read_text()

    def both(files: list[dc.File]) -> str:
        calls.note("both")
        return "".join(file.read_text() for file in files)

    def run() -> tuple[list[str], list[str]]:
        chain = dc.read_storage(folder, update=True).settings(by_content=True)
        files = sorted(chain.to_values("file"), key=lambda file: file.path)
        listed = dc.read_values(files=[files]).settings(by_content=True)
        texts = chain.order_by("file.path").map(t=text).to_values("t")
        return texts, listed.map(t=both).to_values("t")

    assert run() == (["aaa", "bbb"], ["aaabbb"])
    assert calls.new() == ["both", "texts/a.txt", "texts/b.txt"]
    # another object of the same bytes
    dc.File.upload(b"aaa", f"{folder}/0.txt")
    dc.File.upload(b"new", f"{folder}/a.txt")
    assert run() == (["aaa", "new", "bbb"], ["aaanewbbb"])
    assert calls.new() == ["both", "texts/a.txt"]


def test_files_that_cannot_be_read(folder: Path, calls: Calls) -> None:
    def text(file: dc.File) -> str:
        calls.note(file.path)
        return file.read_text()

    files = listed(folder, on_error="null").persist()
    (folder / "a.txt").unlink()
    made = files.map(t=text)
    assert made.to_values("t") == [None, "bbb"]
    assert calls.new() == ["a.txt", "b.txt"]
    with pytest.raises(FileNotFoundError):
        files.settings(on_error="raise").map(t=text).to_list()
