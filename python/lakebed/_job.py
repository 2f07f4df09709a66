"""The job: what is recorded about the run that saves datasets.

Script, git commit, author, environment and arguments are collected once, at the first
save; how the run ended is told when it ends.
"""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import logging
import math
import os
import platform
import subprocess
import sys
import traceback
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from lakebed._native import Session

logger = logging.getLogger("lakebed")

_GIT_SECONDS = 2
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
"""Whole numbers that stay what they are in JSON."""
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Modules whose distribution has another name; asking for all of them is slow."""

_failures: list[BaseException] = []


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a program: what the jobs of its sessions have in common."""

    name: str
    source: str | None
    commit: str | None
    dirty: bool | None
    author: str | None

    @classmethod
    def begin(cls) -> Run:
        """The run of this process, from now on."""
        _watch_failures()
        script = _script()
        commit, dirty = _git_state(script.parent if script else Path.cwd())
        name = str(script) if script else uuid.uuid4().hex
        return cls(name, _source(script), commit, dirty, _author())


@dataclass(frozen=True)
class Job:
    """A started job: a run, as one session records it."""

    run: Run
    session: Session
    id: str
    is_joined: bool = False
    """Whether it is another process's, which ends it."""

    @property
    def name(self) -> str:
        """The script's path, or a number where there is no script."""
        return self.run.name

    @classmethod
    def begin(cls, run: Run, session: Session) -> Job:
        """The job of a run that starts to save: a new one, or that of `LAKEBED_JOB_ID`."""
        from lakebed.session import NOTES

        joined = os.environ.get("LAKEBED_JOB_ID")
        if joined:
            job = cls(run, session, session.job(joined)["id"], is_joined=True)
        else:
            job = cls._start(run, session)
        if any(NOTES.values()):
            job.note(NOTES)
        return job

    @classmethod
    def _start(cls, run: Run, session: Session) -> Job:
        started = session.start_job(
            run.name,
            run.source,
            run.commit,
            run.dirty,
            run.author,
            json.dumps(_environment()),
            json.dumps(_plain({"argv": sys.argv[1:], **_params()})),
        )
        return cls(run, session, started)

    def note(self, notes: dict[str, dict[str, Any]]) -> None:
        """Record what the run found out."""
        self.session.note_job(self.id, json.dumps({"params": {}, "metrics": {}} | _plain(notes)))

    def finish(self, error: BaseException | None) -> None:
        """Record how it ended; the process is about to end, so this cannot fail."""
        from lakebed.exceptions import LakebedError

        if self.is_joined:
            return
        status = "complete" if error is None else "failed"
        if isinstance(error, KeyboardInterrupt):
            status = "canceled"
        text = "".join(traceback.format_exception(error)) if error else None
        try:
            self.session.finish_job(self.id, status, text)
        except LakebedError as problem:
            logger.debug("cannot finish job `%s`: %s", self.id, problem)


def failure() -> BaseException | None:
    """The exception that is ending the process, if one does."""
    return _failures[-1] if _failures else None


@cache
def _watch_failures() -> None:
    """See the exception that ends the process; whoever showed it still does."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _failures.append(error)
        before(kind, error, trace)

    sys.excepthook = hook


def _params() -> dict[str, Any]:
    """The parameters of the run; what is none is told by `param()`, to whoever asks for one."""
    from lakebed.exceptions import DataChainParamsError
    from lakebed.params import given

    try:
        return given()
    except DataChainParamsError as problem:
        logger.debug("%s", problem)
        return {}


def _plain(value: Any) -> Any:
    """A value as JSON can have it; what it has no way to write is text."""
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and _SMALLEST <= value <= _LARGEST:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return str(value).encode("utf-8", "replace").decode()


def _script() -> Path | None:
    """The running script; None in a REPL, a notebook or for `-c`."""
    main = getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0]
    path = Path(main) if main and main not in ("-c", "-m") else None
    return path.resolve() if path and path.is_file() else None


def _source(script: Path | None) -> str | None:
    try:
        return script.read_text(encoding="utf-8") if script else None
    except (OSError, UnicodeDecodeError):
        # an executable, or gone since it was started
        return None


def _git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Commit of the script's repository and whether it has changes."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None, None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)


def _author() -> str | None:
    email = _git(Path.cwd(), "config", "user.email")
    if email:
        return email
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None when there is no git, no repository or no answer."""
    try:
        done = subprocess.run(  # noqa: S603  no shell, fixed arguments
            ["git", "-C", str(folder), *arguments],  # noqa: S607  the user's git
            capture_output=True,
            check=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _environment() -> dict[str, Any]:
    """Python, platform, and the versions of what is imported."""
    roots = {name.partition(".")[0] for name in list(sys.modules)}
    versions = {}
    for name in sorted(roots - set(sys.stdlib_module_names) | {"lakebed"}):
        if name.startswith("_"):
            continue
        distribution = _DISTRIBUTIONS.get(name, name)
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            # a module of the project itself
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions,
    }
