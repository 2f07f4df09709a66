"""Runs scripts as fresh programs, each in a fork of an interpreter that has imported much already.

Reads jobs from standard input, one line of JSON each, and answers each with a line.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import sys
import time
import traceback
import types
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

FOOTER = """
import lakebed as dc
SETTINGS = globals().get("SETTINGS", {})
CHAIN = globals().get("CHAIN") or dc.read_values(x=[1, 2])
CHAIN = CHAIN.settings(**SETTINGS).setup(**globals().get("SETUP", {}))
CHAIN = CHAIN.map(y=f, output=str) if "f" in globals() else CHAIN
RESULT = CHAIN.order_by("x").to_values("y") if "x" in CHAIN.schema else CHAIN.to_values("y")
"""


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The values of a script's chain, or its error."""
    import lakebed

    os.chdir(job["folder"])
    os.environ.pop("LAKEBED_IGNORE_CHECKPOINTS", None)
    os.environ.update(job["env"])
    sys.path[0] = job["folder"]
    sys.dont_write_bytecode = True
    lakebed._started = time.time()
    main = types.ModuleType("__main__")
    main.__file__ = str(Path(job["folder"]) / job["script"])
    sys.modules["__main__"] = main
    try:
        with redirect_stdout(io.StringIO()):
            source = Path(main.__file__).read_text()
            exec(compile(source, main.__file__, "exec", dont_inherit=True), vars(main))  # noqa: S102
        answer = {"values": [str(value) for value in main.RESULT]}
    except BaseException as error:  # noqa: BLE001  whatever the script raises
        trace = traceback.format_exc()
        answer = {"values": [f"{type(error).__name__}: {error}"], "trace": trace}
    return answer


def main() -> None:
    """Fork for each job until there are none."""
    for name in (*sys.argv[1:], "lakebed._fingerprint", "lakebed.chain", "lakebed.read.values"):
        __import__(name)
    for line in sys.stdin:
        out, into = os.pipe()
        if not (child := os.fork()):
            os.close(out)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            answer = json.dumps(run(json.loads(line)))
            with os.fdopen(into, "w") as pipe:
                pipe.write(answer)
            atexit._run_exitfuncs()
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        sys.stdout.write((answer or '{"values": ["the process died"]}') + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
