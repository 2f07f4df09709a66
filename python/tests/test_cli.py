"""The `lakebed` command, but for what it does with storage."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    try:
        code = main(line.split())
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def words(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


@pytest.fixture
def pets(chain: lakebed.DataChain) -> None:
    """Two versions of `pets`, and another dataset elsewhere."""
    chain.save("pets", attrs=["stage=test"], description="four of them")
    chain.filter(lakebed.C("size") > 3).save("pets", update_version="minor")
    chain.limit(1).save("ns.p.cars")


@pytest.mark.usefixtures("pets")
def test_show_prints_rows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "show pets --limit 1 --version 1.0.0")
    assert (code, err) == (0, "")
    assert words(out)[:2] == [["name", "size", "tame"], ["0", "cat", "3", "True"]]
    assert "dog" not in out
    assert [line[1] for line in words(run(capsys, "show pets@1.0.0 --offset 2")[1])[1:]] == [
        "eel",
        "fox",
    ]
    assert run(capsys, "show ds://local.local.pets@v1.0.0 --limit 1") == (code, out, err)
    out = run(capsys, "show pets --columns tame,name --columns size")[1]
    assert words(out)[0] == ["tame", "name", "size"]
    assert run(capsys, "show pets --schema --columns size")[1] == "size: Optional[int]\n"


def test_show_has_no_more_than_ten_rows(capsys: pytest.CaptureFixture[str]) -> None:
    lakebed.read_values(x=list(range(12))).save("many")
    assert "[Limited by 10 rows]" in run(capsys, "show many")[1]
    assert len(words(run(capsys, "show many --limit 0")[1])) == 13


def test_show_of_models(capsys: pytest.CaptureFixture[str], files: Path) -> None:
    lakebed.read_storage(files).save("files")
    assert words(run(capsys, "show files")[1])[0] == ["file"] * 2
    flat = run(capsys, "show files --no-collapse --hidden --columns file.path,file.etag")[1]
    assert words(flat)[0] == ["file.path", "file.etag"]
    assert "etag" not in run(capsys, "show files")[1]
    assert "etag" in run(capsys, "show files --hidden")[1]


def test_show_script(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = "import lakebed as dc\ndc.read_values(x=[1]).save('made')\n"
    (tmp_path / "make.py").write_text(text)
    subprocess.run([sys.executable, "make.py"], check=True, cwd=tmp_path)
    assert run(capsys, "show made --script")[:2] == (0, f"{text}\n")
    assert run(capsys, "dataset rm made")[0] == 0
    assert run(capsys, "show made@1.0.0 --script")[:2] == (0, f"{text}\n")


@pytest.mark.usefixtures("pets")
def test_list_shows_the_latest_or_all_versions(capsys: pytest.CaptureFixture[str]) -> None:
    latest = [line[:3] for line in words(run(capsys, "dataset ls")[1])]
    assert latest == [
        ["NAME", "VERSION", "ROWS"],
        ["pets", "1.1.0", "2"],
        ["ns.p.cars", "1.0.0", "1"],
    ]
    for line in ("dataset ls -a", "ds ls -L", "ds ls --local --all"):
        assert [row[:3] for row in words(run(capsys, line)[1])] == latest
    pets = words(run(capsys, "ds ls pets")[1])
    assert [line[:3] for line in pets[1:]] == [["pets", "1.0.0", "4"], ["pets", "1.1.0", "2"]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", " ".join(pets[1][-2:]))
    assert len(words(run(capsys, "ds ls --versions")[1])) == 4
    code, out, _ = run(capsys, "ds ls -l")
    assert code == 0
    assert words(out)[0][-3:] == ["BY", "ATTRS", "DESCRIPTION"]
    assert words(out)[1][-4:] == ["stage=test", "four", "of", "them"]


@pytest.mark.usefixtures("pets")
def test_removed_versions_are_listed_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "dataset rm pets@1.0.0") == (0, "removed pets, version 1.0.0\n", "")
    assert run(capsys, "ds rm ns.p.cars --no-force") == (
        0,
        "removed ns.p.cars, version latest\n",
        "",
    )
    assert [row[:2] for row in words(run(capsys, "ds ls --versions")[1])[1:]] == [["pets", "1.1.0"]]
    rows = [row[:3] for row in words(run(capsys, "ds ls --versions --include-removed")[1])[1:]]
    assert rows == [
        ["pets", "1.0.0", "(removed)"],
        ["pets", "1.1.0", "2"],
        ["ns.p.cars", "1.0.0", "(removed)"],
    ]
    assert run(capsys, "ds remove pets --force") == (0, "removed pets, all versions\n", "")
    assert run(capsys, "ds ls") == (0, "no datasets yet\n", "")


@pytest.mark.usefixtures("pets")
def test_edit(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "dataset edit pets --new-name zoo.animals --attrs a b=1") == (
        0,
        "edited zoo.animals\n",
        "",
    )
    assert run(capsys, "ds edit zoo.animals --description two")[0] == 0
    rows = lakebed.datasets(attrs=["a", "b=*"]).to_list("project", "name", "description")
    assert set(rows) == {("zoo", "animals", "two")}
    assert run(capsys, "ds edit zoo.animals --attrs")[0] == 0
    assert lakebed.datasets(attrs=["a"]).empty


@pytest.mark.usefixtures("pets")
def test_lineage(capsys: pytest.CaptureFixture[str]) -> None:
    lakebed.read_dataset("pets").limit(1).save("one")
    assert [
        line[:2][-1 if line[0] != "one@1.0.0" else 0]
        for line in words(run(capsys, "dataset lineage one")[1])
    ] == ["one@1.0.0", "pets@1.1.0"]
    down = run(capsys, "ds lineage pets --version 1.1.0 --down --depth 1")[1]
    assert [line.split("  ")[0] for line in down.splitlines()] == ["pets@1.1.0", "└─ one@1.0.0"]
    assert len(words(run(capsys, "ds lineage one --depth 0")[1])) == 1


@pytest.mark.usefixtures("pets")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show pet", "error: dataset `pet` does not exist; did you mean `pets`?\n"),
        ("ds ls pet", "error: dataset `pet` does not exist\nhint: did you mean `pets`?\n"),
        ("show pets@9 --script", "error: dataset `pets` has no version `9`\nhint: there are"),
        ("ds rm pets@1.2.0 --force", "error: --force removes all versions, but version `1.2.0`"),
        ("ds rm pets@1.2.0 --version 2", "error: two versions were given"),
        ("ds edit pets", "error: nothing to change\nhint: give --new-name"),
        ("ds edit nope --description x", "error: dataset `nope` does not exist"),
        ("ds ls --studio", "error: --studio is not supported: datasets are local\n"),
        ("ds rm pets --team us", "error: --team is not supported: datasets are local\n"),
        ("ds diff pets@1.0.0 1 2", "error: diff takes a name and then two versions"),
        ("ds diff pets 1.0.0 7.0.0", "error: dataset `pets` has no version `7.0.0`"),
        (
            "show pets --limit -1",
            "error: argument --limit: a number of rows is 0 or more, not -1\n",
        ),
        ("show", "error: the following arguments are required"),
    ],
)
def test_errors_are_short(capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    code, out, err = run(capsys, line)
    assert (code, out) == (1, "")
    assert err.startswith(message)


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "lakebed dataset rm pets --version 1.0.0" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(capsys, "-V") == run(capsys, "--version") == (0, f"lakebed {lakebed.__version__}\n", "")
    )


# diff


@pytest.fixture
def versions() -> None:
    """1.0.0 and 1.1.0 of `items`, with other columns and rows."""
    old = lakebed.read_values(id=[1, 2, 3, 3], x=["a", "b", "c", "c"], gone=[1, 2, 3, 4])
    new = lakebed.read_values(id=[1, 2, 3, 4], x=["a", "B", "c", "d"], new=[[1], [], [2], [3]])
    old.save("items")
    new.save("items", update_version="minor")


def test_diff_by_key(capsys: pytest.CaptureFixture[str], versions: None) -> None:
    del versions
    code, out, err = run(capsys, "dataset diff items 1.0.0 1.1.0 --on id")
    assert (code, err) == (0, "")
    assert out.splitlines()[:5] == [
        "items  1.0.0 → 1.1.0",
        "  - gone: int",
        "  + new: list[int]",
        "rows: 1 added, 1 removed, 1 changed, 2 same",
        "",
    ]
    rows = sorted(line[1:4] for line in words(out)[6:])
    assert rows == [["A", "4", "d"], ["D", "3", "c"], ["M", "2", "B"]]
    assert len(words(run(capsys, "ds diff items 1.0.0 1.1.0 --on id --limit 1")[1])) == 9


def test_diff_of_whole_rows(capsys: pytest.CaptureFixture[str], versions: None) -> None:
    del versions
    out = run(capsys, "ds diff items 1.0.0 1.1.0")[1]
    assert "rows: 2 added, 2 removed, 2 same" in out
    assert sorted(line[1:4] for line in words(out)[6:]) == [
        ["A", "2", "B"],
        ["A", "4", "d"],
        ["D", "2", "b"],
        ["D", "3", "c"],
    ]
    assert run(capsys, "ds diff items 1.0.0 1.0.0")[1].splitlines() == [
        "items  1.0.0 → 1.0.0",
        "rows: 4 same",
    ]


def test_diff_of_other_types(capsys: pytest.CaptureFixture[str]) -> None:
    lakebed.read_values(a=[1, 2], diff=["x", "y"]).save("odd")
    lakebed.read_values(a=["1", "2"], diff=["x", None]).save("odd", update_version="major")
    out = run(capsys, "ds diff odd 1.0.0 2.0.0")[1].splitlines()
    assert out[1:4] == [
        "  ~ a: int → str",
        "  ~ diff: str → Optional[str]",
        "rows: 1 added, 1 removed, 1 same",
    ]
    lakebed.read_values(b=[1]).save("odd", update_version="major")
    out = run(capsys, "ds diff odd 2.0.0 3.0.0")[1]
    assert out.endswith("rows: not compared, for the versions share no column\n")


def test_diff_of_models_and_dicts(capsys: pytest.CaptureFixture[str], files: Path) -> None:
    told = {"data": [{"k": 1}, {"k": 2}, {"k": 3}]}
    chain = lakebed.read_storage(files).order_by("file.path")
    paths = [row[0] for row in chain.to_list("file.path")]
    both = chain.merge(lakebed.read_values(p=paths, **told), on="file.path", right_on="p")
    both.save("files")
    (files / "b.md").write_text("changed")
    both.filter(lakebed.C("p") != paths[0]).save("files")
    out = run(capsys, "ds diff files 1.0.0 1.0.1 --on file.path")[1]
    assert "rows: 1 removed, 1 changed, 1 same" in out
    assert "rows: 1 added, 2 removed, 1 same" in run(capsys, "ds diff files 1.0.0 1.0.1")[1]


# completion


def completed(script: str, *typed: str) -> list[str]:
    ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lakebed; echo "${COMPREPLY[@]}"'
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(  # noqa: S603
        [bash, "-c", f"{script}\n{ask}", "-", *typed], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(capsys: pytest.CaptureFixture[str]) -> None:
    script = run(capsys, "completion")[1]
    assert {"show", "dataset", "cp", "gc", "--version"} <= {*completed(script, "lakebed", "")}
    assert completed(script, "lakebed", "dataset", "r") == ["rm", "remove"]
    assert completed(script, "lakebed", "-q", "ds", "ls", "pets", "--incl") == ["--include-removed"]
    assert completed(script, "lakebed", "show", "pets", "--lim") == ["--limit"]
    assert "--studio" not in completed(script, "lakebed", "ls", "--")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_knows_all_commands(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    code, out, _ = run(capsys, f"completion -s {shell}")
    assert code == 0
    for word in ("show", "lineage", "clear-cache", "include-removed"):
        assert re.search(rf"\b{word}\b", out), word
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=out, text=True, check=True)  # noqa: S603


# gc


def test_gc_reports_what_was_removed_and_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def gc(*, ttl: float | None, compact: bool, dry_run: bool) -> lakebed.GcReport:
        calls.append((ttl, compact, dry_run))
        removed = [lakebed.Garbage("pets", "no version needs it", 3, 1_234_567)]
        kept = [lakebed.Garbage(name, "its versions need it", 2, 500) for name in ("a", "b")]
        kept.append(lakebed.Garbage("cars", "a save or a session uses it", 1, 10))
        many = [lakebed.Garbage("pets@1.0.9", "its rows lay in many small files", 12, 4000)]
        return lakebed.GcReport(removed, kept, dry_run, many if compact else ())

    monkeypatch.setattr(lakebed, "gc", gc, raising=False)
    code, out, _ = run(capsys, "gc")
    assert code == 0
    assert out.splitlines() == [
        "         WHAT        FILES    SIZE  BECAUSE",
        "removed  pets            3  1.2 MB  no version needs it",
        "kept     2 datasets      4  1.0 KB  its versions need it",
        "kept     cars            1    10 B  a save or a session uses it",
        "freed: 1.2 MB",
    ]
    _, out, _ = run(capsys, "gc --ttl 60 --dry-run")
    assert out.startswith("              WHAT")
    assert "would remove  pets" in out
    assert out.endswith("to free: 1.2 MB\n")
    _, out, _ = run(capsys, "gc --compact")
    line = "compacted  pets@1.0.9     12  4.0 KB  its rows lay in many small files"
    assert out.splitlines()[1] == line
    _, out, _ = run(capsys, "gc --compact --dry-run")
    assert "would compact  pets@1.0.9" in out
    last = [(None, True, False), (None, True, True)]
    assert calls == [(None, False, False), (60, False, True), *last]


def test_gc_of_an_empty_root(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "gc") == (0, "freed: 0 B\n", "")
    code, _, err = run(capsys, "gc --ttl=-1")
    assert (code, err) == (1, "error: ttl is a number of seconds, 0 or more, not `-1.0`\n")
