"""A project of several files: what counts, wherever it lies and however it is started."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "steps.py": """
        from lakebed._fingerprint import NoFingerprint, fingerprint
        import tools
        from tools import clean
        from shop.prices import Price

        WORDS = {"a", "b", "c", clean, Price}

        def by_name(x):
            return clean(x)

        def by_module(x):
            return tools.clean(x)

        def inside(x):
            from tools import clean
            return clean(x)

        def inside_package(x):
            import shop.prices
            return shop.prices.Price(x).net()

        def whole(x):
            return getattr(tools, x)

        def of_class(x):
            return Price(x).net()

        def words(x):
            return x in WORDS

        def show():
            for function in (by_name, by_module, inside, inside_package, whole, of_class, words):
                try:
                    print(function.__name__, fingerprint(function))
                except NoFingerprint as error:
                    print(function.__name__, error)
    """,
    "main.py": """
        from steps import *

        if __name__ == "__main__":
            show()
    """,
    "tools.py": """
        import deep

        LIMIT = 3

        def clean(text):
            return deep.cut(text, LIMIT)
    """,
    "deep.py": """
        def cut(text, size):
            return text[:size]
    """,
    "shop/__init__.py": "",
    "shop/tax.py": "RATE = 7",
    "shop/prices.py": """
        from . import tax

        class Price:
            def __init__(self, gross):
                self.gross = gross

            def net(self):
                return self.gross - tax.RATE
    """,
}

TOOLS = {"by_name", "by_module", "inside", "whole", "words"}
SHOP = {"inside_package", "of_class", "words"}


def project(folder: Path, *edits: tuple[str, str, str]) -> Path:
    """The files, with texts in some of them replaced."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip())
    for name, before, after in edits:
        text = (folder / name).read_text()
        assert before in text
        (folder / name).write_text(text.replace(before, after))
    return folder


def main(folder: Path, text: str) -> None:
    """Another script for the project."""
    project(folder)
    (folder / "main.py").write_text(dedent(text).lstrip())


def digests(folder: Path, *arguments: str, path: str = "", **environment: str) -> dict[str, str]:
    """What the project prints, by the first word of the line."""
    paths = [path, str(folder), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(  # noqa: S603
        [sys.executable, *(arguments or ("main.py",))],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment},
        input=(folder / "main.py").read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the project as it is."""
    found = digests(project(tmp_path_factory.mktemp("before")))
    assert len(set(found.values())) == 7
    assert all(len(digest) == 64 for digest in found.values())
    return found


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        (("tools.py", "deep.cut(text, LIMIT)", "deep.cut(text, -LIMIT)"), TOOLS),
        (("tools.py", "LIMIT = 3", "LIMIT = 4"), TOOLS),
        (("deep.py", "text[:size]", "text[size:]"), TOOLS),
        (("shop/tax.py", "7", "8"), SHOP),
        (("shop/prices.py", "self.gross - tax", "self.gross + tax"), SHOP),
        (("shop/__init__.py", "", "LOADED = True"), {"inside_package"}),
        (("tools.py", "LIMIT = 3", "LIMIT = 3\n\ndef other():\n    pass"), {"inside", "whole"}),
        (("tools.py", "import deep", "import deep\nimport logging"), {"inside", "whole"}),
        (("steps.py", 'WORDS = {"a"', 'WORDS = {"z"'), {"words"}),
        (("tools.py", "def clean(text):", "# why\n\ndef clean(text):"), set()),
        # a value tells about itself
        (("tools.py", "def clean(text):", "def clean(text):\n    'about'"), {"words"}),
        (("deep.py", "def cut", "'''About.'''\n\ndef cut"), set()),
        (("steps.py", "def show", "def unused(x):\n    return x\n\ndef show"), set()),
    ],
)
def test_edit(
    before: dict[str, str], tmp_path: Path, edit: tuple[str, str, str], changed: set[str]
) -> None:
    after = digests(project(tmp_path, edit))
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "main"),
        ("-c", "from main import *; show()"),
        ("-c", "exec(open('steps.py').read()); show()"),
        ("-",),
        ("-i", "-q"),
        ("all_in_main.py",),
        ("-m", "all_in_main"),
    ],
    ids=" ".join,
)
def test_way_of_running(before: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]) -> None:
    project(tmp_path)
    text = (tmp_path / "steps.py").read_text()
    (tmp_path / "all_in_main.py").write_text(f"{text}\nshow()\n")
    assert digests(tmp_path, *arguments) == before


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_hash_seed(before: dict[str, str], tmp_path: Path, seed: str) -> None:
    assert digests(project(tmp_path), PYTHONHASHSEED=seed) == before


def test_module_that_is_only_imported_inside(tmp_path: Path) -> None:
    text = """
        import sys
        from lakebed._fingerprint import fingerprint

        def f(x):
            import tools
            return tools.clean(x)

        print("before", fingerprint(f))
        assert "tools" not in sys.modules
        f("a")
        print("after", fingerprint(f))
        sys.modules["tools"].LIMIT = 9
        print("set", fingerprint(f))
    """
    main(tmp_path, text)
    found = digests(tmp_path)
    assert found["before"] == found["after"] != found["set"]


def test_module_that_was_edited_while_running(tmp_path: Path) -> None:
    text = """
        from steps import *
        with open("deep.py", "a") as file:
            print("pass", file=file)
        show()
    """
    main(tmp_path, text)
    found = digests(tmp_path)
    reason = "was edited after the program started, so it may not be what runs"
    assert found["inside"] == f"`{tmp_path / 'deep.py'}` {reason}"
    assert len(found["by_name"]) == 64


def test_module_that_runs_any_code(tmp_path: Path) -> None:
    found = digests(project(tmp_path, ("deep.py", "text[:size]", "eval(text)")))
    reason = "uses `eval`, so what it does is not known before it runs"
    assert found["by_name"] == f"`cut` {reason}"
    assert found["inside"] == f"`{tmp_path / 'deep.py'}` {reason}"


def release(folder: Path, version: str, result: str) -> str:
    """A package as installers leave it, and the folder that it is found in."""
    site = folder / "site-packages"
    about = site / f"solo_dist-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Name: solo-dist\nVersion: {version}\n")
    (about / "top_level.txt").write_text("solo\n")
    (site / "solo").mkdir()
    (site / "solo" / "__init__.py").write_text("")
    (site / "solo" / "part.py").write_text(f"def run(x):\n    return {result}\n")
    return str(site)


@pytest.mark.parametrize(("version", "changed"), [("1.0", set()), ("1.1", {"f", "inside", "run"})])
def test_release(tmp_path: Path, version: str, changed: set[str]) -> None:
    text = """
        from lakebed._fingerprint import fingerprint

        def inside(x):
            from solo.part import run
            return run(x)

        print("inside", fingerprint(inside))
        import solo, solo.part

        def f(x):
            return solo.part.run(x)

        print("f", fingerprint(f))
        print("run", fingerprint(solo.part.run))
        assert fingerprint(inside) == fingerprint(inside)
    """
    main(tmp_path, text)
    one = digests(tmp_path, path=release(tmp_path / "one", "1.0", "x"))
    two = digests(tmp_path, path=release(tmp_path / "two", version, "-x"))
    assert {name for name in one if one[name] != two[name]} == changed


def test_rebuilt_without_a_new_version(tmp_path: Path) -> None:
    text = """
        from lakebed._fingerprint import fingerprint
        import solo.part
        print("run", fingerprint(solo.part.run))
    """
    main(tmp_path, text)
    found = []
    for folder in ("one", "two"):
        site = release(tmp_path / folder, "1.0", folder)
        about = tmp_path / folder / "site-packages" / "solo_dist-1.0.dist-info"
        (about / "direct_url.json").write_text("{}")
        (about / "RECORD").write_text(f"solo/part.py,sha256={folder},24\n")
        found.append(digests(tmp_path, path=site)["run"])
    assert found[0] != found[1]


def test_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    text = """
        import sys
        from lakebed._fingerprint import fingerprint

        def f(x):
            return x

        fingerprint(f)
        heavy = ("numpy", "pandas", "PIL", "polars", "pyarrow", "pydantic", "importlib.metadata")
        print("heavy", [name for name in heavy if name in sys.modules])
    """
    main(tmp_path, text)
    assert digests(tmp_path)["heavy"] == "[]"
