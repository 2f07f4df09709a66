"""A worker process: calls functions for the process that started it, until that one is gone."""

from __future__ import annotations

import signal
import sys

_MAIN = (
    "import json, sys; sys.path[:], sys.argv[:] = json.loads(sys.argv.pop()); "
    "from lakebed._worker import main; main()"
)


_serving: list[bool] = []


def is_worker() -> bool:
    """Whether this process calls functions for another one."""
    return bool(_serving)


def command() -> tuple[str, list[str]] | None:
    """Program and arguments of a worker with this interpreter's options, module path and arguments.

    None where there is no interpreter to start, as inside another program.
    """
    if not sys.executable:
        return None
    # Workers import this module too, and start the sooner the less it imports.
    import json
    import subprocess

    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    path = [entry for entry in sys.path if isinstance(entry, str)]
    # as in the script, for functions that ask for its parameters
    return sys.executable, [*options, "-c", _MAIN, json.dumps([path, sys.argv])]


def main() -> None:
    """Serve the process at the other end of standard input."""
    _serving.append(True)
    # Ctrl-C reaches the whole group of processes; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        # What users print is seen even when the process has to be killed.
        reconfigure(line_buffering=True)
    from lakebed._native import serve

    serve()
