"""The process of one system: `python measure.py WORKLOAD SYSTEM DATA HOME SCRATCH`.

Prepares, says so, and then runs once for each line on standard input, so that the runner decides
whose turn it is. Every answer is one JSON line. What the system prints goes to standard error.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from task import Case, Measured, Task


def main() -> None:
    """Serve runs until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    workload, system, *folders = sys.argv[1:]

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    try:
        module = importlib.import_module(f"workloads.{workload}")
        task = module.SYSTEMS[system](Case(*map(Path, folders)))
        answer(ready=True)
        for _ in sys.stdin:
            answer(**_timed(task))
    except Exception:  # noqa: BLE001  whatever the system raises is the runner's to report
        answer(error=traceback.format_exc())


def _timed(task: Task) -> dict[str, Any]:
    """One run; neither its check nor the end of its result's life is timed."""
    gc.collect()
    begin, cpu_begin = perf_counter(), process_time()
    result = task.run()
    seconds, cpu = perf_counter() - begin, process_time() - cpu_begin
    if isinstance(result, Measured):
        return {"seconds": result.seconds, "cpu": None, "check": None, "detail": result.detail}
    return {"seconds": seconds, "cpu": cpu, "check": task.check(result), "detail": None}


if __name__ == "__main__":
    main()
