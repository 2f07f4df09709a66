"""`Contestant`: one system in one workload, seen by the runner: a process that runs on request."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from peers import Python
from task import Case

HERE = Path(__file__).parent
# A run longer than this is not repeated, and a warm-up that long counts as a run.
ONCE_IS_ENOUGH = 5.0


class Failed(Exception):
    """The system raised, died, or took too long."""


@dataclass
class Contestant:
    """A system, its process and its times."""

    workload: str
    system: str
    python: Python
    case: Case
    timeout: float
    times: list[float] = field(default_factory=list)
    cpu_times: list[float] = field(default_factory=list)
    check: Any = None
    detail: Any = None
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the process and wait until it has prepared everything."""
        folders = (self.case.data, self.case.home, self.case.scratch)
        for folder in folders[1:]:
            folder.mkdir(parents=True, exist_ok=True)
        command = [self.python.path, str(HERE / "measure.py"), self.workload, self.system]
        with open(self.case.scratch / "stderr", "wb") as log:
            self.process = subprocess.Popen(
                [*command, *map(str, folders)], env=self._environment(), cwd=self.case.scratch,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self._answer()

    def warm_up(self) -> None:
        """One run that counts only if it is too long to repeat."""
        seconds = self._run()
        if seconds > ONCE_IS_ENOUGH:
            self.times.append(seconds)

    def take_turn(self) -> None:
        """One run, unless the last was too long."""
        if not self.times or self.times[-1] <= ONCE_IS_ENOUGH:
            self.times.append(self._run())

    def take_cold_turn(self) -> None:
        """The first run of a new process, whose files have to be read from the disk."""
        self.start()
        forget(self.case.home)
        forget(self.case.data)
        self.times.append(self._run())
        self.stop()

    def stop(self) -> None:
        """End the process."""
        if self.process is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it is over already
            self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def record(self) -> dict[str, Any]:
        """The measured part of the JSON line."""
        seconds = {"min": round(min(self.times), 6), "median": round(median(self.times), 6)}
        return {
            "workload": self.workload,
            "system": self.system,
            "seconds": seconds,
            "cpu_seconds": round(min(self.cpu_times), 6) if self.cpu_times else None,
            "runs": len(self.times),
            "check": self.check,
            "detail": self.detail,
        }

    def _run(self) -> float:
        with contextlib.suppress(BrokenPipeError):  # that there is no answer is said below
            self.process.stdin.write("run\n")
            self.process.stdin.flush()
        answer = self._answer()
        if self.check is not None and answer["check"] != self.check:
            raise Failed(f"two runs differ: {self.check} and {answer['check']}")
        self.check, self.detail = answer["check"], answer["detail"]
        if answer["cpu"] is not None:
            self.cpu_times.append(answer["cpu"])
        return answer["seconds"]

    def _answer(self) -> dict[str, Any]:
        """The next line of the process; a watchdog ends a process that takes too long."""
        watchdog = threading.Timer(self.timeout, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            raise Failed(f"{self._ending()}: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def _ending(self) -> str:
        """By itself, by a signal of somebody, or by the watchdog."""
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it answers no more"
        return f"ended with code {code}, or was ended after {self.timeout:g} s"

    def _last_words(self) -> str:
        return (self.case.scratch / "stderr").read_text(errors="replace")[-2000:]

    def _environment(self) -> dict[str, str]:
        """Own roots, and no reuse of earlier results: a run is to do the work."""
        home = str(self.case.home)
        return os.environ | {
            "LAKEBED_ROOT": home,
            "LAKEBED_IGNORE_CHECKPOINTS": "1",
            "DATACHAIN_ROOT_DIR": home,
            "DATACHAIN_IGNORE_CHECKPOINTS": "1",
            "DATACHAIN_NO_ANALYTICS": "1",
            "DO_NOT_TRACK": "1",
        }


def forget(folder: Path) -> None:
    """Let the system's cache of files go, for these files alone."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)  # what is not yet on the disk stays
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)
