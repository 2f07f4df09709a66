"""The commands that look at storage and copy files: on this machine and in each cloud."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lakebed import _storage
from lakebed.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from servers import Proxy, Store
    from servers.double_server import S3Double

FILES = {"a.txt": b"aa", "b b.md": b"bbb", "sub/c.txt": b"c", "sub/deep/d.bin": b"d" * 2000}
LARGE = 20 << 20


@pytest.fixture
def lakebed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command: exit code, output, errors."""

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `FILES` in `in`."""
    for name, data in FILES.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cloud(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A bucket of each cloud that the environment tells how to reach."""
    reach(store, monkeypatch)
    return store


@pytest.fixture
def bucket(cloud: Store) -> Store:
    """The same with `FILES` in `in`."""
    fill(cloud)
    return cloud


@pytest.fixture
def s3_bucket(s3: S3Double, monkeypatch: pytest.MonkeyPatch) -> S3Double:
    """The same in S3 alone."""
    reach(s3, monkeypatch)
    fill(s3)
    return s3


def reach(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in store.env.items():
        monkeypatch.setenv(name, value)


def fill(store: Store) -> None:
    for name, data in FILES.items():
        store.put(f"in/{name}", data)


def below(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def held(store: Store, prefix: str) -> dict[str, bytes]:
    return {name.removeprefix(prefix): store.get(name) for name in store.list(prefix)}


# ls, find, du


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("is_local", [True, False])
def test_ls(lakebed: Any, bucket: Store, *, is_local: bool):
    top = "in" if is_local else f"{bucket.uri}/in"
    assert lakebed("ls", top) == (0, "a.txt\n'b b.md'\nsub/\n", "")
    assert lakebed("ls", f"{top}/sub/") == (0, "c.txt\ndeep/\n", "")
    assert lakebed("ls", f"{top}/a.txt") == (0, f"{top}/a.txt\n", "")
    assert lakebed("ls", f"{top}/*.*") == (0, f"{top}/a.txt\n'{top}/b b.md'\n", "")
    assert lakebed("ls", f"{top}/s?b/*") == (
        0,
        f"{top}/sub/c.txt\n\n{top}/sub/deep:\nd.bin\n",
        "",
    )
    assert lakebed("ls", top, f"{top}/sub/deep") == (
        0,
        f"{top}:\na.txt\n'b b.md'\nsub/\n\n{top}/sub/deep:\nd.bin\n",
        "",
    )
    code, out, _ = lakebed("ls", "-l", top)
    assert code == 0
    assert re.fullmatch(r"(20\d\d-\d\d-\d\d \d\d:\d\d \S.*\n){2} {17}sub/\n", out)
    for absent in ("none", "none/", "a.tx", "*.none"):
        error = f"error: no such file or directory: `{top}/{absent.rstrip('/')}`\n"
        assert lakebed("ls", f"{top}/{absent}") == (1, "", error)


def test_ls_of_names_that_a_terminal_would_act_upon(lakebed: Any, here: Path):
    (here / "in" / "sub" / "\x1b[31m\n'").touch()
    _, out, _ = lakebed("ls", "in/sub")
    assert out == "$'\\x1b[31m\\n\\''\nc.txt\ndeep/\n"


@pytest.mark.usefixtures("here")
def test_ls_of_listings(lakebed: Any):
    import lakebed as dc

    assert lakebed("ls") == (0, "", "")
    dc.read_storage("in").save("files")
    code, out, err = lakebed("ls")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"\S+@v1\.0\.0\n", out)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["a.txt", "b b.md", "sub", "sub/c.txt", "sub/deep", "sub/deep/d.bin"]),
        (["--type", "d"], ["sub", "sub/deep"]),
        (["--type", "f", "--size", "+3"], ["b b.md", "sub/deep/d.bin"]),
        (["--type", "f", "--size", "1.5K"], ["sub/deep/d.bin"]),
        (["--type", "f", "--size", "-2", "--size", "2"], ["a.txt"]),
        (["--name", "*.txt"], ["a.txt", "sub/c.txt"]),
        (["--name", "*.TXT", "--name", "*.md"], ["b b.md"]),
        (["--iname", "*.TXT", "--path", "sub/*"], ["sub/c.txt"]),
        (["--ipath", "SUB/D*", "--name", "d*"], ["sub/deep", "sub/deep/d.bin"]),
    ],
)
def test_find(
    lakebed: Any, s3_bucket: Store, options: list[str], expected: list[str],
    *, is_local: bool,
):  # fmt: skip
    top = "in" if is_local else f"{s3_bucket.uri}/in"
    code, out, _ = lakebed("find", top, *options)
    assert code == 0
    assert sorted(out.splitlines()) == [f"{top}/{name}" for name in expected]


@pytest.mark.usefixtures("here")
def test_find_columns(lakebed: Any, bucket: Store):
    for top in ("in", f"{bucket.uri}/in"):
        out = lakebed("find", f"{top}/", "-c", "du,size,type,name,path")[1]
        assert sorted(out.splitlines()) == [
            f"1\t1\tf\tc.txt\t{top}/sub/c.txt",
            f"2\t2\tf\ta.txt\t{top}/a.txt",
            f"2000\t0\td\tdeep\t{top}/sub/deep",
            f"2000\t2000\tf\td.bin\t{top}/sub/deep/d.bin",
            f"2001\t0\td\tsub\t{top}/sub",
            f"3\t3\tf\tb b.md\t{top}/b b.md",
        ]
        assert lakebed("find", f"{top}/a.txt", "-c", "name,path") == (
            0, f"a.txt\t{top}/a.txt\n", "",
        )  # fmt: skip
        assert lakebed("find", top, "--name", "none") == (0, "No results\n", "")


def test_du(lakebed: Any, here: Path, bucket: Store):
    for top in ("in", f"{bucket.uri}/in"):
        assert lakebed("du", top) == (0, f"   2.0K {top}\n", "")
        assert lakebed("du", "-b", top, f"{top}/a.txt") == (0, f"2006 {top}\n2 {top}/a.txt\n", "")
        lines = f"2000 {top}/sub/deep\n2001 {top}/sub\n2006 {top}\n"
        assert lakebed("du", "-b", "-d", 5, top) == (0, lines, "")
        assert lakebed("du", "-b", "-d", 1, top)[1] == lines.partition("\n")[2]
    (here / "large").write_bytes(b"x" * 10_000)
    assert lakebed("du", "--si", "large")[1] == "  10.0K large\n"
    assert lakebed("du", "large")[1] == "   9.8K large\n"


# cp


def test_cp_to_a_bucket_and_back(lakebed: Any, here: Path, cloud: Store):
    assert lakebed("cp", "-r", "in", f"{cloud.uri}/x/") == (0, "copied 4 files, 2.0 KB\n", "")
    assert held(cloud, "x/") == FILES
    assert "text/plain" in cloud.head("x/a.txt")["content-type"]
    assert lakebed("cp", "-r", f"{cloud.uri}/x", "out") == (0, "copied 4 files, 2.0 KB\n", "")
    assert below(here / "out") == FILES


def test_cp_goes_on(lakebed: Any, here: Path, cloud: Store):
    again = (0, "copied 1 files, 3 B; 3 were there already\n", "")
    copies = (
        ("in", f"{cloud.uri}/x"),
        (f"{cloud.uri}/x", f"{cloud.uri}/y"),
        (f"{cloud.uri}/x", "out"),
    )
    for source, target in (*copies, ("in", "local")):
        assert lakebed("cp", "-r", source, target) == (0, "copied 4 files, 2.0 KB\n", "")
        lakebed_removes(cloud, here, target)
        assert lakebed("cp", "-r", source, target) == again
        skipped = (0, "copied 0 files, 0 B; 4 were there already\n", "")
        assert lakebed("cp", "-r", f"{source}/", target) == skipped
    assert held(cloud, "y/") == below(here / "out") == below(here / "local") == FILES


def lakebed_removes(store: Store, here: Path, target: str) -> None:
    """One file of a copy."""
    if target.startswith(store.uri):
        store.delete(f"{target.rpartition('/')[2]}/b b.md")
    else:
        (here / target / "b b.md").unlink()


def test_cp_of_one_file(lakebed: Any, here: Path, bucket: Store):
    (here / "folder").mkdir()
    uri = f"{bucket.uri}/in/a.txt"
    for target, expected in (("new", "new"), ("folder", "folder/a.txt"), ("n/m/", "n/m/a.txt")):
        assert lakebed("cp", uri, target)[:2] == (0, "copied 1 files, 2 B\n")
        assert (here / expected).read_bytes() == b"aa"
    for target, key in (
        ("p/q", "p/q"),
        ("in/sub", "in/sub/a.txt"),
        ("", "a.txt"),
        ("r/", "r/a.txt"),
    ):
        assert lakebed("cp", "in/a.txt", f"{bucket.uri}/{target}")[0] == 0
        assert bucket.get(key) == b"aa"
    assert lakebed("cp", uri, f"{bucket.uri}/s")[0] == 0
    assert bucket.get("s") == b"aa"


def test_cp_of_several(lakebed: Any, here: Path, s3_bucket: Store):
    top = f"{s3_bucket.uri}/in"
    assert lakebed("cp", "-r", f"{top}/*.txt", f"{top}/sub", "out")[0] == 0
    expected = {name: data for name, data in FILES.items() if name != "b b.md"}
    assert below(here / "out") == expected
    assert lakebed("cp", f"{top}/a.txt", f"{top}/b b.md", "out/a.txt")[2] == (
        "error: several files cannot be copied to one: `out/a.txt` is no folder\n"
    )
    code, out, err = lakebed("cp", f"{top}/a.txt", f"{top}/sub", "out2")
    assert (code, out) == (1, "copied 1 files, 2 B\n")
    assert err.startswith(f"not copied: `{top}/sub` is a folder; hint: -r\nerror: 1 of what")


def test_a_folder_goes_into_one_that_is_there(lakebed: Any, here: Path, s3_bucket: Store):
    (here / "out").mkdir()
    (here / "out" / "other").touch()
    assert lakebed("cp", "-r", f"{s3_bucket.uri}/in", "out")[0] == 0
    assert below(here / "out" / "in") == FILES
    assert lakebed("cp", "-r", "in", s3_bucket.uri)[1].startswith("copied 0 files, 0 B; 4 were")
    assert lakebed("cp", "-r", "in/sub/deep", f"{s3_bucket.uri}/in/sub")[1].startswith("copied 0")
    assert lakebed("cp", "-r", "in/sub/deep", f"{s3_bucket.uri}/in")[0] == 0
    assert s3_bucket.get("in/deep/d.bin") == FILES["sub/deep/d.bin"]


def test_cp_replaces_no_other_file(lakebed: Any, here: Path, bucket: Store):
    (here / "out").mkdir()
    (here / "out" / "a.txt").write_text("xx")
    os.utime(here / "out" / "a.txt", (1, 1))
    code, out, err = lakebed("cp", "-r", f"{bucket.uri}/in/", "out")
    assert (code, out) == (1, "")
    assert err == "error: another file is there already: `out/a.txt`\nhint: --force replaces them\n"
    assert below(here / "out") == {"a.txt": b"xx"}
    assert lakebed("cp", "-rf", f"{bucket.uri}/in/", "out")[0] == 0
    assert below(here / "out") == FILES
    bucket.put("in/a.txt", b"newer")
    assert lakebed("cp", f"{bucket.uri}/in/a.txt", "out")[0] == 1
    assert lakebed("cp", "-f", "out/a.txt", f"{bucket.uri}/in")[0] == 0
    assert bucket.get("in/a.txt") == b"aa"


def test_cp_of_large_files(lakebed: Any, here: Path, cloud: Store):
    data = os.urandom(LARGE)
    (here / "large").write_bytes(data)
    assert lakebed("cp", "large", f"{cloud.uri}/large")[0] == 0
    assert lakebed("cp", f"{cloud.uri}/large", f"{cloud.uri}/copy")[0] == 0
    assert lakebed("cp", f"{cloud.uri}/copy", "copy")[0] == 0
    assert (here / "copy").read_bytes() == data
    for source, target in (("large", f"{cloud.uri}/large"), (f"{cloud.uri}/copy", "copy")):
        assert lakebed("cp", source, target)[1].startswith("copied 0 files, 0 B; 1 were")


def test_cp_needs_one_request_for_each_small_file(
    lakebed: Any, here: Path, s3: S3Double, monkeypatch: pytest.MonkeyPatch
):
    reach(s3, monkeypatch)
    s3.fill(2500, 10, "many/{d}/{n}")
    s3.reset()
    assert lakebed("cp", "-r", f"{s3.uri}/many", "out") == (0, "copied 2,500 files, 25.0 KB\n", "")
    counts = s3.counts()
    assert counts.pop("GET") == 2500
    assert sum(counts.values()) <= 6
    assert len(below(here / "out")) == 2500


def test_one_file_that_fails_stops_no_other(lakebed: Any, here: Path, s3_bucket: S3Double):
    (here / "out" / "sub").mkdir(parents=True)
    (here / "out" / "sub" / "deep").touch()
    code, out, err = lakebed("cp", "-r", f"{s3_bucket.uri}/in/", "out")
    assert (code, out) == (1, "copied 3 files, 6 B\n")
    assert err.startswith(f"not copied: `{s3_bucket.uri}/in/sub/deep/d.bin`: ")


def test_a_download_that_ends_early_leaves_nothing(
    lakebed: Any, here: Path, faulty: Proxy[S3Double], monkeypatch: pytest.MonkeyPatch
):
    reach(faulty.store, monkeypatch)
    faulty.behind.put("a", b"x" * 1000)
    faulty.set(truncate=1, only="GET .*/a$")
    code, out, err = lakebed("cp", f"{faulty.store.uri}/a", "out")
    assert (code, out) == (1, "copied 0 files, 0 B\n")
    assert err.startswith(f"not copied: `{faulty.store.uri}/a`: ")
    assert [path.name for path in here.iterdir()] == ["in"]
    faulty.set()
    assert lakebed("cp", f"{faulty.store.uri}/a", "out")[0] == 0
    assert (here / "out").read_bytes() == b"x" * 1000


def test_ctrl_c_leaves_no_part_of_a_file(
    here: Path, faulty: Proxy[S3Double], monkeypatch: pytest.MonkeyPatch
):
    reach(faulty.store, monkeypatch)
    faulty.behind.fill(1, 200 << 20, "large")
    faulty.set(bandwidth=20 << 20)
    words = [sys.executable, "-m", "lakebed.cli", "cp", f"{faulty.store.uri}/large", "out"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603
        while faulty.methods().get("GET", 0) < 4 and child.poll() is None:
            pass
        assert [path.name for path in here.iterdir() if path.suffix == ".tmp"]
        child.send_signal(signal.SIGINT)
        assert (child.communicate()[1], child.returncode) == ("", 130)
    assert [path.name for path in here.iterdir()] == ["in"]


def test_quiet_and_verbose(lakebed: Any, here: Path):
    assert lakebed("cp", "-q", "in/a.txt", "out") == (0, "", "")
    assert (here / "out").read_bytes() == b"aa"
    code, out, err = lakebed("-v", "cp", "none", "out")
    assert (code, out) == (1, "")
    assert err.startswith("Traceback")
    assert err.endswith("error: no such file or directory: `none`\n")


def test_names_with_brackets(lakebed: Any, here: Path, s3_bucket: Store):
    (here / "in" / "[a]").write_text("1")
    s3_bucket.put("in/[b]", b"2")
    assert lakebed("cp", "in/[a]", f"{s3_bucket.uri}/in/[b]", "out")[0] == 0
    assert below(here / "out") == {"[a]": b"1", "[b]": b"2"}
    assert lakebed("cp", "--no-glob", "in/*", "out")[0] == 1


def test_marks_of_folders_are_no_files(lakebed: Any, here: Path, s3_bucket: S3Double):
    s3_bucket.put("in/", b"")
    s3_bucket.put("in/sub/", b"")
    assert lakebed("cp", "-r", f"{s3_bucket.uri}/in", "out")[0] == 0
    assert below(here / "out") == FILES
    assert lakebed("ls", f"{s3_bucket.uri}/in")[1] == "a.txt\n'b b.md'\nsub/\n"


def test_a_link_leads_nowhere(lakebed: Any, here: Path, s3_bucket: S3Double):
    (here / "elsewhere").mkdir()
    (here / "elsewhere" / "secret").write_text("kept")
    (here / "out").mkdir()
    (here / "out" / "sub").symlink_to("../elsewhere")
    (here / "out" / "a.txt").symlink_to("../elsewhere/secret")
    code, _, err = lakebed("cp", "-rf", f"{s3_bucket.uri}/in/", "out")
    assert code == 1
    assert err.count("`out/sub` is a link: nothing is written to where it leads") == 2
    assert below(here / "elsewhere") == {"secret": b"kept"}
    assert (here / "out" / "a.txt").read_bytes() == b"aa"
    assert not (here / "out" / "a.txt").is_symlink()


class Hostile:
    """A store whose listings are full of tricks; it has all that it lists."""

    NAMES = ("../up", "a/../../up", "/abs", "ok", "a//b", ".", "a/..", "new\nline", "nul\0")

    def list(self, _: str, *__: object) -> Iterator[list[tuple[Any, ...]]]:
        yield [(name, 3, "", "", 1) for name in self.NAMES]

    def head(self, uri: str) -> object:
        raise FileNotFoundError(uri)

    def read(self, *_: object, **__: object) -> bytes:
        return b"abc"


def test_names_that_lead_out_of_the_folder(
    lakebed: Any, here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_storage, "storage", Hostile)
    inside = below(here / "in")
    code, out, err = lakebed("cp", "-r", "s3://b/d", "deep/out")
    assert (code, out) == (1, "copied 2 files, 6 B\n")
    assert len(re.findall("(?m)^not copied: .* unsafe name", err)) == 7
    assert below(here) == {
        "deep/out/ok": b"abc",
        "deep/out/new\nline": b"abc",
        **{f"in/{name}": data for name, data in inside.items()},
    }


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cp", "in/a.txt", "in/a.txt"], "a file cannot be copied to itself: `in/a.txt`"),
        (["cp", "in/a.txt", "in/sub/../a.txt", "out"], "two files would be copied to one"),
        (["cp", "in/a.txt", "https://host/a"], "nothing can be written to a web server"),
        (["cp", "none", "out"], "no such file or directory: `none`"),
        (["cp", "s3:///a", "out"], "`s3:///a` names no bucket: give one, as `s3://bucket`"),
        (["ls", "s3://"], "`s3://` names no bucket"),
        (["find", "in", "-c", "path,owner"], "there is no column `owner`: choose of du, name"),
        (["find", "in", "--size", "big"], "size is a number of bytes, as `1000`, `+10K`"),
        (["du", "in", "-d", "-1"], "argument -d/--depth/--max-depth: a depth is 0 or more"),
        (["bucket", "status", "s3://b/key"], "`s3://b/key` is no bucket: name one without"),
        (["bucket", "status", "folder"], "`folder` is no bucket"),
    ],
)
def test_errors(lakebed: Any, words: list[str], message: str):
    code, out, err = lakebed(*words)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {message}")


# Buckets as a whole


def test_status(lakebed: Any, s3: S3Double, monkeypatch: pytest.MonkeyPatch):
    reach(s3, monkeypatch)
    for is_public, access in ((True, "anonymous"), (False, "authenticated")):
        store = s3.fresh(public=is_public)
        expected = f"Status: exists\nAccess: {access}\n"
        assert lakebed("bucket", "status", store.uri) == (0, expected, "")


def test_status_of_no_bucket(lakebed: Any, monkeypatch: pytest.MonkeyPatch):
    class Nothing:
        def status(self, _: str) -> tuple[bool, str, str | None]:
            return False, "denied", "no such bucket: `s3://none`"

    monkeypatch.setattr(_storage, "storage", Nothing)
    assert lakebed("bucket", "status", "s3://none") == (
        1, "Status: not found\n", "error: no such bucket: `s3://none`\n",
    )  # fmt: skip


def test_anon(lakebed: Any, s3: S3Double, monkeypatch: pytest.MonkeyPatch):
    reach(s3, monkeypatch)
    for store, code in ((s3.fresh(public=True), 0), (s3, 1)):
        store.put("a", b"x")
        assert lakebed("ls", store.uri) == (0, "a\n", "")
        assert lakebed("ls", "--anon", store.uri)[0] == code


def test_nothing_is_left_in_the_current_folder(lakebed: Any, here: Path, s3_bucket: Store):
    for words in (["ls"], ["find"], ["du"]):
        assert lakebed(*words, s3_bucket.uri)[0] == 0
    assert lakebed("cp", f"{s3_bucket.uri}/in/a.txt", "out")[0] == 0
    assert {path.name for path in here.iterdir()} == {"in", "out"}


def test_clear_cache(lakebed: Any, root: Path):
    assert lakebed("clear-cache") == (0, "removed 0 files, 0 B\n", "")
    for name in ("ab/cdef", "ab/0123", "run-1/ff"):
        (root / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "cache" / name).write_bytes(b"xyz")
    assert lakebed("clear-cache") == (0, "removed 2 files, 6 B\n", "")
    # what a process left that is gone goes too
    assert below(root / "cache") == {}


@pytest.mark.usefixtures("here")
def test_index(lakebed: Any):
    assert lakebed("index", "in") == (0, "", "")
    assert lakebed("index", "none")[0] == 1


# clone


@pytest.mark.usefixtures("here")
def test_clone_copies_and_saves(lakebed: Any, here: Path):
    import lakebed as dc

    code, out, err = lakebed("clone", "-r", "in/", "out")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "saved out@1.0.0"
    assert (here / "out" / "sub" / "c.txt").read_bytes() == b"c"
    paths = dc.read_dataset("out").to_values("file.path")
    assert sorted(path.rpartition("/in/")[2] for path in paths) == sorted(FILES)
    assert lakebed("clone", "--no-cp", "in/a.txt", "in/sub/c.txt", "some")[0] == 0
    assert not (here / "some").exists()
    assert dc.read_dataset("some").count() == 2


@pytest.mark.usefixtures("here")
def test_a_clone_that_could_not_be_saved_copies_nothing(lakebed: Any, here: Path):
    code, _, err = lakebed("clone", "-r", "in", "a:b")
    assert (code, err) == (
        1,
        'error: invalid dataset name `a:b`: the characters . @ / \\ : * ? " < > | are reserved\n',
    )
    assert not (here / "a:b").exists()
    code, out, err = lakebed("clone", "in", "folder")
    assert (code, "saved" in out) == (1, False)
    assert "hint: -r" in err
