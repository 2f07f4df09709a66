"""What a server does not do: start unsafely, or fall over because of a client."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg
import pytest

import lakebed as dc
from lakebed import cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to serve"),
        ({"postgres": "0.0.0.0:0"}, "--insecure"),
        ({"flight": "0.0.0.0:0"}, "--insecure"),
        ({"postgres": "127.0.0.1:0", "token": "short"}, "8"),
        ({"postgres": "127.0.0.1:0", "token": "with white space"}, "ASCII"),
        ({"postgres": "127.0.0.1:0", "max_connections": 0}, "1 or more"),
        ({"postgres": "127.0.0.1:0", "max_rows": 0}, "above 0"),
        ({"postgres": "127.0.0.1"}, "127.0.0.1"),
    ],
)
def test_unsafe_options_are_refused(options, message):
    with pytest.raises(dc.LakebedError, match=message):
        dc.serve(**options)


def test_everybody_is_let_near_only_when_told():
    with dc.serve(postgres="0.0.0.0:0", insecure=True) as server:
        assert server.postgres.startswith("0.0.0.0:")


def test_a_port_in_use_is_an_error():
    with (
        dc.serve(postgres="127.0.0.1:0") as server,
        pytest.raises(dc.LakebedError, match="cannot listen on"),
    ):
        dc.serve(postgres=server.postgres)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that nobody has signed, and its key."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2"
    done = subprocess.run(  # noqa: S603
        [*command.split(), "-keyout", key, "-out", certificate], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return certificate, key


def test_with_a_certificate_nothing_is_plain(certificate, chain):
    chain.save("pets")
    with dc.serve(postgres="127.0.0.1:0", tls=certificate) as server:
        uri = f"postgresql://ada:{server.token}@{server.postgres}/local"
        with psycopg.connect(f"{uri}?sslmode=require") as connection:
            assert connection.execute("select count(*) from pets").fetchone() == (4,)
        with pytest.raises(psycopg.OperationalError, match="sslmode=require"):
            psycopg.connect(f"{uri}?sslmode=disable")


def test_a_bad_certificate_stops_the_start(certificate, tmp_path):
    good, key = certificate
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for pair in ((bad, key), (good, bad), (good, good), (tmp_path / "none", key)):
        with pytest.raises(dc.LakebedError, match="TLS"):
            dc.serve(postgres="127.0.0.1:0", flight="127.0.0.1:0", tls=pair)


def _startup(**parameters: str) -> bytes:
    words = [word.encode() + b"\0" for pair in parameters.items() for word in pair]
    body = (196608).to_bytes(4, "big") + b"".join(words) + b"\0"
    return (len(body) + 4).to_bytes(4, "big") + body


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def _answer(server: dc.Server, *sent: bytes) -> bytes:
    """What comes back until the server closes or waits."""
    host, _, port = server.postgres.rpartition(":")
    received = b""
    with socket.create_connection((host, int(port)), 5) as client:
        client.settimeout(0.02)
        try:
            for data in sent:
                client.sendall(data)
                received += client.recv(1 << 16)
        except OSError:
            pass
    return received


def test_a_thousand_broken_clients_change_nothing(chain):
    chain.save("pets")
    chance = random.Random(11)  # noqa: S311
    first = _startup(user="ada", database="local")
    sasl = _message(b"p", b"SCRAM-SHA-256\0\0\0\0\x20n,,n=ada,r=fyko+d2lbbFgONRv9qkxdawL")
    query = _message(b"Q", b"select * from pets\0")
    others = [
        _message(kind, b"\0" * 9) for kind in (b"P", b"B", b"D", b"E", b"S", b"C", b"H", b"X")
    ]
    with dc.serve(postgres="127.0.0.1:0") as server:
        for _ in range(1000):
            parts = [first, sasl, query, chance.choice(others)]
            broken = bytearray(b"".join(parts[: chance.randint(1, 4)]))
            for _ in range(chance.randint(1, 8)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            assert b"fox" not in _answer(server, bytes(broken))
        uri = f"postgresql://ada:{server.token}@{server.postgres}/local"
        with psycopg.connect(uri) as connection:
            assert connection.execute("select count(*) from pets").fetchone() == (4,)


def test_nobody_reads_without_the_password(chain):
    """Not after an error either, nor with messages that come before their turn."""
    chain.save("pets")
    query = _message(b"Q", b"select name from pets\0")
    wrong = _message(b"p", b"SCRAM-SHA-256\0\0\0\0\x02xx")
    first = _startup(user="ada")
    with dc.serve(postgres="127.0.0.1:0") as server:
        for sent in ([first, query], [first, wrong, query], [first + wrong + query], [query]):
            assert b"fox" not in _answer(server, *sent)


def test_strangers_take_nobodys_place(chain):
    """Who says nothing makes way for those that come later; who has the token has a place."""
    chain.save("pets")
    with ExitStack() as stack, dc.serve(postgres="127.0.0.1:0", max_connections=2) as server:
        host, _, port = server.postgres.rpartition(":")
        silent = [
            stack.enter_context(socket.create_connection((host, int(port)), 5)) for _ in range(200)
        ]
        uri = f"postgresql://ada:{server.token}@{server.postgres}/local"
        with psycopg.connect(uri) as first, psycopg.connect(uri) as second:
            for client in (first, second):
                assert client.execute("select count(*) from pets").fetchone() == (4,)
            with pytest.raises(psycopg.OperationalError, match="this server takes 2"):
                psycopg.connect(uri)
            with pytest.raises(psycopg.OperationalError, match="assword"):
                psycopg.connect(uri.replace(server.token, "wrong-password"))
        assert silent[0].recv(1) == b""


def test_broken_messages_of_a_client_are_its_own_affair(chain):
    chain.save("pets")
    with dc.serve(postgres="127.0.0.1:0") as server:
        uri = f"postgresql://ada:{server.token}@{server.postgres}/local"
        with psycopg.connect(uri, autocommit=True) as bystander:
            for text in (
                b"E\0\0\0\x09\0\xff\xff\xff\xff",
                b"B\0\0\0\x06\0\0",
                b"?\0\0\0\x04",
                b"Q\0\0\0\0",
            ):
                broken = psycopg.connect(uri)
                os.write(broken.fileno(), text)
                broken.close()
            assert bystander.execute("select count(*) from pets").fetchone() == (4,)


def test_the_command_serves_until_it_is_told_to_stop(chain):
    chain.save("pets")
    command = [sys.executable, "-m", "lakebed.cli", "serve", "--postgres", "127.0.0.1:0"]
    env = {**os.environ, "LAKEBED_TOKEN": "from-the-environment"}
    for stop in (signal.SIGINT, signal.SIGTERM):
        child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)  # noqa: S603
        with child:
            assert child.stdout is not None
            uri = child.stdout.readline().removeprefix("postgres: ").strip()
            assert child.stdout.readline() == "token: from-the-environment\n"
            with psycopg.connect(uri) as connection:
                assert connection.execute("select count(*) from pets").fetchone() == (4,)
            child.send_signal(stop)
            assert child.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tls-cert", "x"], "give both"),
        (["--statement-timeout", "soon"], "`soon` is no time"),
        (["--writes"], "unrecognized arguments"),
        ([], "nothing to serve"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, message, capsys):
    try:
        code = cli.main(["serve", *arguments])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 1
    assert message in capsys.readouterr().err
