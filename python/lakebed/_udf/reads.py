"""`Reads`: what is opened for one function or set-up, as far as it may decide results.

What is heard at all is `observe.py`'s. Files of Python and its packages, of the system, or below
the root do not count, nor what the function itself made or wrote.
"""

from __future__ import annotations

import glob
import json
import os
import re
import sys
import sysconfig
import time
from typing import TYPE_CHECKING, Any

from lakebed._native import born
from lakebed._udf import inputs
from lakebed._udf.inputs import Seen
from lakebed._udf.notes import name_of

if TYPE_CHECKING:
    from lakebed._udf.listeners import Listeners
    from lakebed._udf.notes import Notes

_MOST_IN_CALLS = 64
"""Calls that open more than this read a file for each row."""

_LONGEST = 4096
"""No name of a file is longer."""

_CLOCK = 5 if sys.platform == "linux" else time.CLOCK_REALTIME
"""That of file systems, `CLOCK_REALTIME_COARSE`; the other is a little ahead of it."""

_CODE = (".pyc", ".pyi", ".so", ".pyd")
"""What a function's digest covers, or a release."""

_SECRETS = re.compile(
    r"(^|_)((API|ACCESS|PRIVATE)_?KEY|SECRETS?|TOKEN|PASSW\w*|CREDENTIALS?)(_|$)", re.IGNORECASE
)
"""Variables that let in, and do not decide what is found."""

LIBRARY = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep  # noqa: PTH120

ELSEWHERE = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {
        *("/dev", "/etc", "/proc", "/sys", sys.prefix),
        *(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


class Reads:
    """What is opened for one function or set-up; while there are any, there is hearing.

    Args:
        listeners: All that listen.
        root: What is below it does not count.
        notes: Where what was read is written down, if it is.

    Attributes:
        files: What was read and not written, by the names that `inputs.py` gives.
        in_setup: Whether rows are not called yet.
    """

    def __init__(
        self, listeners: Listeners, root: str | None = None, notes: Notes | None = None
    ) -> None:
        self.files: dict[str, Seen] = {}
        self.in_setup = True
        self._root = None if root is None else os.path.realpath(root) + os.sep
        self._notes = notes
        self._left = _MOST_IN_CALLS
        self._own: set[str] = set()
        self._shared: set[str] = set()
        self.covered: frozenset[str] = frozenset()
        self._since = time.clock_gettime_ns(_CLOCK)
        self._listeners = listeners
        self._place = listeners.add(self)

    def opened(self, path: Any, mode: Any, flags: Any) -> None:
        """Note a file that is being opened."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        text = os.fsdecode(path)
        if text.startswith("<") and text.endswith(">"):
            # the place of code without a file, which Python 3.13 looks for
            return
        is_written = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        if self._left < 0 and not (is_written or text.endswith((".py", ".pyc"))):
            # of no use any more
            return
        name = os.path.realpath(text)
        if mode is None and not (os.path.isabs(text) or os.path.lexists(name)):  # noqa: PTH117
            # by `os.open`, perhaps in a folder that is given as a number
            return
        if is_written:
            self.wrote(name)
        elif name.endswith((".py", ".pyc")):
            if _is_import():
                self.ran(inputs.source_of(name))
        else:
            self._read(name)

    def named(self, path: Any) -> str | None:
        """Note files that something else opens, a single one perhaps to write into it."""
        text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not text or "\0" in text or len(text) > _LONGEST or self._left < 0:
            return None
        name = os.path.realpath(text.removeprefix("file://"))
        if name in self.files:
            return None
        if os.path.isdir(name):  # noqa: PTH112  pathlib is slow
            return self.noted(inputs.FOLDER + name)
        if inputs.is_database(name):
            self.written(self.connected(name))
        elif os.path.exists(name):  # noqa: PTH110
            self._shared.add(name)
            self._read(name)
        elif inputs.is_pattern(text):
            return self.noted(inputs.FOLDER + os.path.abspath(text))  # noqa: PTH100
        return None

    def commanded(self, path: Any) -> None:
        """Note files that a command names, perhaps to write into them."""
        self.written(self.named(path))

    def connected(self, database: Any) -> str | None:
        """Note a database of SQLite; the name of the note, if it has a file."""
        text = os.fsdecode(database) if isinstance(database, (str, bytes, os.PathLike)) else ""
        path = os.path.realpath(inputs.database_of(text))
        if path in self._own or not os.path.isfile(path):  # noqa: PTH113
            return None
        self.noted(inputs.SQLITE + path)
        return inputs.SQLITE + path

    def written(self, name: str | None) -> None:
        """What has this note may be written to."""
        if name is not None:
            self._shared.add(name)

    def listed(self, folder: Any) -> None:
        """Note which names a folder holds."""
        if isinstance(folder, int):
            # of what is being removed
            return
        name = os.path.realpath(os.fsdecode(folder or "."))
        if not self._is_new(name):
            self.noted(inputs.NAMES + name)

    def matched(self, folder: Any, pattern: Any) -> None:
        """Note which names match a pattern."""
        base = glob.escape(os.path.abspath(os.fsdecode(folder)))  # noqa: PTH100
        self.noted(inputs.NAMES + os.path.join(base, os.fsdecode(pattern)))  # noqa: PTH118

    def asked(self, variable: str) -> None:
        """Note a variable of the environment."""
        if not _SECRETS.search(variable):
            self.noted(inputs.VARIABLE + variable)

    def ran(self, file: str) -> None:
        """Note code of the project that was not known to run."""
        if file in self.covered or file.startswith((*ELSEWHERE, LIBRARY)):
            return
        from lakebed._fingerprint.releases import is_installed

        if not is_installed(file):
            self.noted(inputs.CODE + file)

    def noted(self, name: str) -> str | None:
        """Note what is no file; its name, if it is there and new."""
        is_of_files = name.startswith((inputs.FOLDER, inputs.NAMES, inputs.SQLITE))
        if name in self.files or (is_of_files and not self._counts(name.partition(":")[2])):
            return None
        now = inputs.look(name)
        if now is None and name.startswith(inputs.NAMES):
            now = Seen(inputs.GONE, inputs.GONE)
        if now is not None:
            self.add(name, now)
        return name

    def _read(self, name: str) -> None:
        if name in self._own or name in self.files or not self._counts(name):
            return
        if seen := inputs.look(name):
            self.add(name, seen._replace(is_made=self._is_new(name)))
        elif not os.path.lexists(name):
            self.add(name, Seen(inputs.GONE, inputs.GONE))

    def _counts(self, path: str) -> bool:
        """Whether a place may be an input, and is not one of too many."""
        if _is_elsewhere(path) or (self._root and f"{path}{os.sep}".startswith(self._root)):
            return False
        if not self.in_setup:
            self._left -= 1
        return self._left >= 0

    def add(self, name: str, seen: Seen) -> None:
        """Note what held this."""
        if name in self.files:
            return
        self.files[name] = seen
        if self._notes is not None:
            self._notes.put(name_of(name), json.dumps([name, *seen]))

    def end(self) -> None:
        """The function is not called any more: what it made or wrote was no input."""
        for name, seen in list(self.files.items()):
            if self._is_own(name, seen):
                self._forget(name)
            elif name.startswith(inputs.NAMES) and self._differs_by_own(name, seen):
                self._forget(name)
                if now := inputs.look(name):
                    # as the next run finds it
                    self.add(name, now)
        self.close()

    def _is_own(self, name: str, seen: Seen) -> bool:
        path = name.removeprefix(inputs.NAMES)
        if seen.is_made:
            is_own = not os.path.exists(path)  # noqa: PTH110  pathlib is slow
        else:
            is_own = seen.content == inputs.GONE and self._is_new(path)
        return is_own or (name in self._shared and inputs.changed(name, seen) is not None)

    def _differs_by_own(self, name: str, seen: Seen) -> bool:
        """Whether what the function wrote is all that is other in a listing."""
        path = name.removeprefix(inputs.NAMES)
        is_other = inputs.changed(name, seen) is not None
        return is_other and inputs.names(path, self._own) == seen.content

    def _is_new(self, path: str) -> bool:
        """Whether a file or folder came into being since this listens."""
        try:
            found = born(path)
            # where that is not known, when anything about it changed last
            return (os.stat(path).st_ctime_ns if found is None else found) >= self._since  # noqa: PTH116
        except OSError:
            return False

    def close(self) -> None:
        """Nothing is noted any more."""
        self._listeners.remove(self._place)

    def wrote(self, path: Any) -> None:
        """What a function writes is its result, also where it reads that again."""
        if isinstance(path, (str, bytes, os.PathLike)):
            name = os.path.realpath(os.fsdecode(path))
            self._own.add(name)
            self._forget(name)

    def made(self, folder: Any) -> None:
        """The same for a folder that was not there."""
        if not os.path.exists(folder):  # noqa: PTH110  pathlib is slow
            self.wrote(folder)

    def _forget(self, name: str) -> None:
        if self.files.pop(name, None) and self._notes is not None:
            self._notes.remove(name_of(name))


def _is_import() -> bool:
    """Whether a file is opened to run it, and not to be shown."""
    frame: Any = sys._getframe(1)
    for _ in range(12):
        if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
            break
        frame = frame.f_back
    else:
        return False
    return frame is not None


def _is_elsewhere(name: str) -> bool:
    return name.startswith(ELSEWHERE) or name.endswith(_CODE) or "/__pycache__/" in name
