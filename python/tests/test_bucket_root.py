"""The root in a bucket: datasets, results and the catalog are shared by all who reach it."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

import lakebed as dc
from lakebed.exceptions import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servers import Database, Store
    from servers.double_server import S3Double

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
SAVERS = 4
SAVES = 5


def session(store: Store) -> dc.Session:
    return dc.Session(root=f"{store.uri}/lake", client_config=store.client_config)


@pytest.fixture(params=["bucket", "postgres"])
def shared(
    request: pytest.FixtureRequest, s3: S3Double, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """What processes need to share a root in S3, whose catalog is there too, or in a database."""
    env = {**s3.env, "LAKEBED_ROOT": f"{s3.uri}/lake"}
    if request.param == "postgres":
        database: Database = request.getfixturevalue("postgres")
        env["LAKEBED_CATALOG"] = database.uri
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    yield env
    dc.Session.cleanup_for_tests()


def begin(script: str, env: Mapping[str, str], cwd: Path) -> subprocess.Popen[str]:
    """Another machine, as far as it can tell: a process with a folder of its own."""
    return subprocess.Popen(  # noqa: S603  our own script
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, **env},
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(script: str, env: Mapping[str, str], cwd: Path) -> str:
    process = begin(script, env, cwd)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def test_a_dataset_is_there_for_everybody(store: Store) -> None:
    with session(store) as one:
        chain = dc.read_values(x=[1, 2, 3], session=one).map(y=lambda x: x * 2, output=int)
        chain.save("numbers", description="doubled")
        assert chain.filter(dc.C("y") > 2).save("numbers").version == "1.0.1"
    with session(store) as other:
        assert dc.read_dataset("numbers", session=other).to_values("y") == [4, 6]
        first = dc.read_dataset("numbers", version="1.0.0", session=other)
        assert first.to_values("y") == [2, 4, 6]
        dc.delete_dataset("numbers", version="1.0.1", session=other)
        report = other.gc(ttl=0)
        assert report.removed
        assert dc.read_dataset("numbers", session=other).to_values("x") == [1, 2, 3]


def test_results_are_kept_for_everybody(shared: dict[str, str], tmp_path: Path) -> None:
    script = """
        import lakebed as dc
        from pathlib import Path
        def double(x):
            with Path("calls").open("a") as calls: calls.write("x")
            if x == 7 and not Path("repaired").exists(): raise ValueError("seven")
            return 2 * x
        chain = dc.read_values(x=list(range(10))).settings(batch_size=2)
        print(chain.map(y=double, output=int).save("doubled").sum("y"))
    """
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    failed = begin(script, shared, first)
    assert "seven" in failed.communicate()[1]
    (second / "repaired").touch()
    assert run(script, shared, second) == "90\n"
    # what the first one has done is not done again
    assert len((second / "calls").read_text()) < 10


def test_versions_are_neither_lost_nor_doubled(shared: dict[str, str], tmp_path: Path) -> None:
    script = """
        import lakebed as dc, sys
        for number in range({saves}):
            dc.read_values(x=[{saver} * 100 + number]).save("shared")
    """
    running = [
        begin(script.format(saver=saver, saves=SAVES), shared, tmp_path) for saver in range(SAVERS)
    ]
    for process in running:
        assert process.communicate()[1] == ""
    versions = dc.datasets(column="d").to_values("d.version")
    assert len(versions) == len(set(versions)) == SAVERS * SAVES
    found = sorted(
        dc.read_dataset("shared", version=version).to_values("x")[0] for version in versions
    )
    assert found == sorted(s * 100 + n for s in range(SAVERS) for n in range(SAVES))


def test_the_quickstart_runs_in_a_bucket(
    shared: dict[str, str], s3: S3Double, tmp_path: Path
) -> None:
    for number, place in enumerate(["cats", "cats/more", "dogs", ""]):
        picture = io.BytesIO()
        Image.new("RGB", (320 + number, 200), (60 * number, 90, 200)).save(picture, "PNG")
        s3.put(f"images/{place}/{number}.png".replace("//", "/"), picture.getvalue())
    (tmp_path / "2.png").write_bytes(s3.get("images/dogs/2.png"))
    steps = [
        ["create_dataset.py", f"{s3.uri}/images"],
        ["embed.py"],
        ["similar.py", "2.png"],
    ]
    for number, step in enumerate(steps):
        machine = tmp_path / str(number)
        machine.mkdir()
        (machine / "2.png").write_bytes((tmp_path / "2.png").read_bytes())
        out = subprocess.run(  # noqa: S603  our own script
            [sys.executable, str(QUICKSTART / step[0]), *step[1:]],
            env={**os.environ, **shared, "LAKEBED_CACHE": str(machine / "cache")},
            cwd=machine,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert not (machine / ".lakebed").exists()
    assert "images/dogs/2.png" in out.splitlines()[3], out


def test_credentials_are_nowhere(s3: S3Double) -> None:
    secret = "s3cr3t-of-mine"  # noqa: S105  of nobody
    config = s3.client_config | {"aws_secret": secret}
    with dc.Session(root=f"{s3.uri}/lake", client_config=config) as held:
        s3.put("pictures/a.txt", b"a")
        chain = dc.read_storage(f"{s3.uri}/pictures", type="text", session=held)
        saved = chain.map(text=lambda file: file.read(), output=str).save("texts")
        file = saved.to_values("file")[0]
        shown = [repr(held), repr(saved), saved.explain(), repr(file), str(pickle.dumps(file))]
        with pytest.raises(StorageError) as refused:
            dc.read_storage("s3://no-such-bucket/x", session=held).count()
        shown.append(repr(refused.value))
    stored = [s3.get(key) for key in s3.list()]
    assert not any(secret.encode() in data for data in stored)
    assert not any(secret in text for text in shown)


@pytest.mark.parametrize(
    "root", ["https://example.org/lake", "hf://datasets/a/b", "s3://", "s3://b/my lake"]
)
def test_a_root_that_cannot_be_one_is_refused(root: str) -> None:
    with pytest.raises((dc.DataChainError, ValueError)) as refused:
        dc.Session(root=root)
    assert root.removesuffix("/") in str(refused.value)


def test_a_database_is_the_catalog_of_one_root(
    postgres: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBED_CATALOG", postgres.uri)
    with dc.Session(root=str(tmp_path / "one")) as one:
        dc.read_values(x=[1], session=one).save("numbers")
    with pytest.raises(dc.DataChainError, match=r"is that of the root `.*/one`"):
        dc.Session(root=str(tmp_path / "two"))
    with dc.Session(root=str(tmp_path / "one")) as again:
        assert dc.read_dataset("numbers", session=again).to_values("x") == [1]
