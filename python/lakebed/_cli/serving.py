"""`lakebed serve`."""

from __future__ import annotations

import argparse
import re
import signal
import threading
from typing import Any

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="let other programs read datasets with SQL",
        description="Serve datasets to clients of PostgreSQL (psql, SQLAlchemy, BI tools) and of "
        "Arrow Flight SQL (ADBC, JDBC), until Ctrl-C. They are read-only unless --write. The "
        "password of every user is the token.",
    )
    parser.add_argument("--postgres", metavar="HOST:PORT", help="as 127.0.0.1:5433; port 0: any")
    parser.add_argument("--flight", metavar="HOST:PORT", help="as 127.0.0.1:50051; port 0: any")
    parser.add_argument(
        "--token", help="what clients have to know; by default $LAKEBED_TOKEN, or a new one"
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="the certificate, as PEM")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, as PEM")
    parser.add_argument(
        "--insecure", action="store_true", help="let other machines connect without TLS"
    )
    parser.add_argument(
        "--statement-timeout",
        type=_seconds,
        metavar="TIME",
        help="stop statements after, for example, 30s, 5min or 500ms",
    )
    parser.add_argument("--max-rows", type=int, metavar="N", help="no statement has more rows")
    parser.add_argument(
        "--max-connections", type=int, default=100, metavar="N", help="100 by default"
    )
    parser.add_argument(
        "--write", action="store_true", help="let clients make, change and remove datasets"
    )
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> None:
    import lakebed as dc
    from lakebed.exceptions import DataChainParamsError

    tls = (arguments.tls_cert, arguments.tls_key)
    if (tls[0] is None) != (tls[1] is None):
        msg = "--tls-cert and --tls-key belong together: give both"
        raise DataChainParamsError(msg)
    server = dc.serve(
        postgres=arguments.postgres,
        flight=arguments.flight,
        token=arguments.token,
        tls=None if tls[0] is None else tls,
        insecure=arguments.insecure,
        statement_timeout=arguments.statement_timeout,
        max_rows=arguments.max_rows,
        max_connections=arguments.max_connections,
        write=arguments.write,
    )
    with server:
        if server.postgres:
            print(f"postgres: postgresql://lakebed:{server.token}@{server.postgres}/local")
        if server.flight:
            scheme = "grpc" if tls[0] is None else "grpc+tls"
            print(f"flight: {scheme}://{server.flight}")
        print(f"token: {server.token}", flush=True)
        _await_end()


def _await_end() -> None:
    """Wait for Ctrl-C, or for whoever supervises this process to end it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("stopping", flush=True)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip())
    if found is None or found[2] not in _UNITS or not float(found[1]):
        msg = f"`{text}` is no time: write `30s`, `5min` or `500ms`"
        raise argparse.ArgumentTypeError(msg)
    return float(found[1]) * _UNITS[found[2]]
