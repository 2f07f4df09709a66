"""Runs the Python examples of a folder of documents, and writes down which of them work.

    python documents.py FOLDER [--out documents.md]

FOLDER holds Markdown files and scripts for the peer, as its source distribution does. Each
example runs in a process and a root of its own, with `lakebed` in place of the peer, local
files in place of buckets, and SQLite in place of other databases. Many examples are parts: they
get what they take for granted (`chain`, `compute_embedding`) from `documents_setup.py`. A few are
not complete, or wrong: what is changed in them is in `documents_edits.py`. In place of models and
of services that cost there are those of `stand_ins`, which always answer the same. Nothing else of
the documents is kept; the table has their headings.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from documents_edits import EDITS, FAILS, WRONG

HERE = Path(__file__).parent
STAND_INS = HERE / "stand_ins"
SECONDS = 90

_FENCE = re.compile(r"(?P<margin> *)``` ?(?P<language>\w*)")
_HEADING = re.compile(r"#+ +(.*)$")
_BUCKET = re.compile(r"\b(s3|gs|az|hf)://")
_SERVER = re.compile(r"\b(?:postgresql|mysql|snowflake)://[\w./-]+")
_IMPORT = re.compile(r"^(?:import (?P<all>.+)|from (?P<one>\w+))", re.MULTILINE)
_MISSING = re.compile(r"No module named '([\w.]+)'")
_PARTS = ("README.md", "docs/concepts", "docs/getting-started", "docs/guide", "examples")

KEYS = dict.fromkeys(("MISTRAL_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"), "none")
"""What stand-ins for services are given."""

REFUSED = dict.fromkeys(("open_clip", "torch"), "needs PyTorch")


@dataclass(frozen=True)
class Example:
    """One example: the file, the heading above it, its place below that, and the code.

    A script may import others `beside` it.
    """

    file: str
    heading: str
    number: int
    code: str
    beside: Path | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """Which one it is."""
        return self.file, self.heading, self.number


def examples(folder: Path) -> list[Example]:
    """The examples of all documents, in order."""
    found: list[Example] = []
    for part in _PARTS:
        place = folder / part
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for file in files:
            name = str(file.relative_to(folder))
            if file.suffix == ".md":
                found += blocks(name, file.read_text())
            elif file.suffix == ".py":
                found.append(Example(name, "", 1, file.read_text(), file.parent))
    return found


def blocks(name: str, text: str) -> list[Example]:
    """The blocks of Python in a document. One that nobody closed ends with its margin."""
    found: list[Example] = []
    heading, fence, lines = "", None, []
    for line in text.splitlines():
        begins = _FENCE.match(line)
        if fence is None:
            title = _HEADING.match(line)
            heading = title[1] if title else heading
            fence, lines = begins, []
            continue
        if not begins and (line.startswith(fence["margin"]) or not line.strip()):
            lines.append(line.removeprefix(fence["margin"]))
            continue
        if fence["language"] in ("python", "py"):
            number = 1 + sum(example.heading == heading for example in found)
            found.append(Example(name, heading, number, "\n".join(lines)))
        fence = None
    return found


def translated(code: str, data: Path) -> str:
    """The code with other imports, and with files of this machine in place of buckets."""
    code = re.sub(r"\bdatachain\b(?!-)", "lakebed", code)
    code = _SERVER.sub(f"sqlite:///{data}/server.db", code)
    code = code.replace("sqlite:///local.db", f"sqlite:///{data}/server.db")
    code = code.replace("/local/output/", f"{data}/output/")
    return _BUCKET.sub(f"{data}/", code)


def ran(example: Example, made: Path) -> str:
    """`ran`, perhaps with what was changed; or why it could not.

    Args:
        example: What to run.
        made: A folder with the files and the datasets that examples find.
    """
    if example.key in WRONG:
        return WRONG[example.key]
    before, after, why = EDITS.get(example.key, ("", "", ""))
    models = stand_ins(example.code)
    if models:
        why = f"with a stand-in for {' and '.join(f'`{name}`' for name in models)}"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        shutil.copytree(made, folder, dirs_exist_ok=True)
        for script in example.beside.glob("*.py") if example.beside else ():
            shutil.copy(script, work)
        code = example.code.replace(before, after) if before else example.code
        (work / "example.py").write_text(translated(code, Path(folder) / "data"))
        try:
            path = str(STAND_INS) if models else ""
            done = setup(Path(folder), work, path, "example.py", example.file, example.heading)
        except subprocess.TimeoutExpired:
            return f"did not end within {SECONDS} seconds"
    fails = FAILS.get(example.key)
    if fails:
        return "ran: its error is raised" if fails in done.stderr else "its error is not raised"
    if done.returncode:
        return reason(done.stderr.strip() or done.stdout)
    return f"ran: {why}" if why else "ran"


def stand_ins(code: str) -> list[str]:
    """What an example imports that there is a stand-in for; none where it needs PyTorch itself."""
    if "torch.utils" in code:
        return []
    lines = _IMPORT.finditer(code)
    names = {name for line in lines for name in re.findall(r"\w+", line["all"] or line["one"])}
    return sorted(path.stem for path in STAND_INS.iterdir() if path.stem in names)


def setup(
    folder: Path, work: Path, path: str = "", *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Runs `documents_setup.py` for the data and the root in a folder, with modules at a path."""
    return subprocess.run(  # noqa: S603
        [sys.executable, HERE / "documents_setup.py", str(folder / "data"), *arguments],
        cwd=work,
        env=os.environ | {"LAKEBED_ROOT": str(folder / "root"), "STAND_INS": path} | KEYS,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def reason(errors: str) -> str:
    """The last line of a traceback, in short."""
    last = [
        line for line in errors.strip().splitlines() if re.match(r"[\w.]+(Error|Exception)", line)
    ]
    line = last[-1] if last else errors.strip().splitlines()[-1]
    missing = _MISSING.search(line)
    if missing:
        package = missing[1].partition(".")[0]
        if package == "lakebed":
            return f"`{missing[1]}` is not there"
        return f"{REFUSED.get(package, 'needs another package')} (`{package}`)"
    text = line.rpartition("lakebed.exceptions.")[2].replace("|", "\\|")
    return re.sub(r"/[\w/]*?/(data|work)\b", r"\1", text)[:160]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=HERE / "documents.md")
    parser.add_argument("--only", default="", help="part of a file's name or heading")
    given = parser.parse_args()
    found = [one for one in examples(given.folder) if given.only in f"{one.file} {one.heading}"]
    if not found:
        sys.exit(f"there are no examples in {given.folder}")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        made = Path(folder)
        (made / "work").mkdir()
        done = setup(made, made / "work")
        if done.returncode:
            sys.exit(done.stderr)
        results = list(pool.map(lambda example: ran(example, made), found))
    number = sum(result.startswith("ran") for result in results)
    lines = [
        "# The peer's documents",
        "",
        "Written by `documents.py`: each Python example in the README, the guides, the concepts",
        "and the scripts of DataChain 0.62.0, run with lakebed. What examples take for granted is",
        "in `documents_setup.py`, what is changed in a few of them in `documents_edits.py`. In",
        "place of models and of services that cost there are stand-ins, which always answer the",
        "same.",
        "",
        f"{number} of {len(results)} ran.",
        "",
        "| document | example | result |",
        "|---|---|---|",
    ]
    for example, result in zip(found, results, strict=True):
        title = f"{example.heading} ({example.number})" if example.heading else ""
        lines.append(f"| {example.file} | {title} | {result} |")
    given.out.write_text("\n".join(lines) + "\n")
    print(f"{number} of {len(results)} ran")  # noqa: T201  what it is for


if __name__ == "__main__":
    main()
