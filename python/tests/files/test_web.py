"""Files of web servers, also of those that give files as a whole only."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from lakebed.exceptions import FileChangedError, MissingFileError, NotSupportedError
from lakebed.file import File

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = bytes(range(256)) * 1500


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a b.bin").write_bytes(DATA)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "web")
    ) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_is_read(web: str, tmp_path: Path) -> None:
    file = File.at(f"{web}/a b.bin").resolve()
    assert (file.source, file.path, file.size) == (web, "a b.bin", len(DATA))
    assert (file.read(), file.read_bytes(3)) == (DATA, DATA[:3])
    with file.open() as stream:
        assert (stream.seek(200_000), stream.read(5)) == (200_000, DATA[200_000:200_005])
    assert file.save(tmp_path / "copy").read() == DATA


def test_what_changed_or_is_missing_is_an_error(web: str, tmp_path: Path) -> None:
    file = File.at(f"{web}/a b.bin").resolve()
    (tmp_path / "web" / "a b.bin").write_bytes(b"another")
    with pytest.raises(FileChangedError, match=r"a b\.bin"):
        file.read()
    with pytest.raises(MissingFileError, match="gone"):
        File.at(f"{web}/gone").read()


def test_other_schemes_are_refused_by_name() -> None:
    with pytest.raises(NotSupportedError, match="`ftp://"):
        File.at("ftp://host/a").read()
