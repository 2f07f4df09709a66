"""The peak memory of a map over five times the files, saved; `detail` tells it in MiB.

A run is a process of its own, whose memory the system tells at its end.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from itertools import count
from time import perf_counter

from task import Case, Measured, Task

DATA = "files"
COPIES = 5

LAKEBED = """
import sys
import lakebed as dc

def area(info) -> int:
    return info.width * info.height

dc.read_parquet(sys.argv[1] + "/*.parquet", source=False).map(area=area).save(sys.argv[2])
"""

DAFT = """
import sys
import daft

@daft.func
def area(width: int, height: int) -> int:
    return width * height

frame = daft.read_parquet(sys.argv[1] + "/*.parquet")
info = daft.col("info")
frame = frame.with_column("area", area(info["width"], info["height"]))
frame.write_parquet(sys.argv[1] + "/out/" + sys.argv[2])
"""


def running(code: str):
    """The workload's function for a program."""

    def system(case: Case) -> Task:
        folder = case.scratch / "files"
        folder.mkdir()
        for copy in range(COPIES):
            os.link(case.files, folder / f"{copy}.parquet")
        turn = count()
        return Task(lambda: _measure(code, str(folder), f"mapped_{next(turn)}"))

    return system


def _measure(code: str, folder: str, name: str) -> Measured:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", code, folder, name], check=True)
    seconds = perf_counter() - begin
    shutil.rmtree(f"{folder}/out", ignore_errors=True)
    # Of all runs so far the largest.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return Measured(seconds, detail={"peak_mib": peak // 1024})


SYSTEMS = {"lakebed": running(LAKEBED), "daft": running(DAFT)}
