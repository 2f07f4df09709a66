"""`lakebed cp`: files between this machine and buckets, and between buckets.

What is to be copied is known before anything is. A file that is there already is skipped,
so that a copy that broke off goes on when it is called again.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from lakebed._cli.output import Output, existing, is_folder
from lakebed._cli.place import files_below, found_at
from lakebed._cli.same import is_same
from lakebed._cli.text import shown
from lakebed._cli.text import size as size_text
from lakebed._cli.transfer import Job, transfer
from lakebed.exceptions import DataChainParamsError, FileError, LakebedError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from lakebed._cli.place import Entry, Place
    from lakebed._native import Storage

_THREADS = 16
_AHEAD = 4 * _THREADS
"""So many files are handed to the threads at once."""

_SAMPLE = 32
"""So many files tell whether a copy was begun."""


@dataclass
class Told:
    """What became of the files."""

    copied: int = 0
    bytes: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def hear(self, job: Job, done: Future[None]) -> None:
        """Count a file that is copied, or not."""
        with self.failing(job.source):
            done.result()
            self.copied += 1
            self.bytes += job.entry.size

    @contextmanager
    def failing(self, place: Place) -> Iterator[None]:
        """One file that fails stops no other."""
        try:
            yield
        except (LakebedError, OSError) as error:
            self.fail(f"`{shown(str(place))}`: {' '.join(str(error).split())}")

    def fail(self, why: str) -> None:
        """Tell at once, and remember."""
        self.failures.append(why)
        print(f"not copied: {why}", file=sys.stderr)


def cp(arguments: argparse.Namespace) -> None:
    """Copy files; what fails is told, and all else is copied."""
    from lakebed._storage import storage

    told = Told()
    jobs = _missing([*_planned(arguments, told)], told, force=arguments.force)
    quiet = getattr(arguments, "quiet", False)
    with _bar(jobs, quiet=quiet) as show:
        _run(jobs, told, storage(), show)
    if not quiet:
        there = f"; {told.skipped:,} were there already" if told.skipped else ""
        print(f"copied {told.copied:,} files, {size_text(told.bytes)}{there}")
    if told.failures:
        msg = f"{len(told.failures):,} of what was asked for is not copied"
        raise FileError(msg)


# What is to be copied, by the rules of Unix


def _planned(arguments: argparse.Namespace, told: Told) -> Iterator[Job]:
    patterns = not arguments.no_glob
    sources = [one for given in arguments.sources for one in found_at(given, patterns=patterns)]
    output = Output(arguments.output)
    is_one = len(sources) == 1
    if not is_one and output.place.is_local and not output.is_there and output.place.path.exists():
        msg = f"several files cannot be copied to one: `{output.place}` is no folder"
        raise DataChainParamsError(msg)
    takes_names = output.is_there or output.place.is_open or not is_one
    for place, file in sources:
        if file is None and not arguments.recursive:
            told.fail(f"`{place}` is a folder; hint: -r")
        elif file is None:
            yield from _of_folder(place, output, told, is_one=is_one)
        elif takes_names:
            with told.failing(place):
                yield Job(place, file, output.target(place.name))
        else:
            yield Job(place, file, output.place)


def _of_folder(place: Place, output: Output, told: Told, *, is_one: bool) -> Iterator[Job]:
    files = [*files_below(place)]
    below = "" if _takes_contents(place, files, output, is_one=is_one) else f"{place.name}/"
    folders = {name for entry in files for name in _folders_of(entry.path)}
    for entry in files:
        if entry.size == 0 and entry.path in folders:
            continue  # an empty object as the mark of a folder
        source = place.child(entry.path)
        with told.failing(source):
            yield Job(source, entry, output.target(below + entry.path))


def _takes_contents(place: Place, files: Sequence[Entry], output: Output, *, is_one: bool) -> bool:
    """Whether files go right into the output: when it is new, or such a copy was begun."""
    if place.is_open or place.name in ("", ".", ".."):
        return True
    if not output.is_there:
        return is_one
    if is_folder(output.place.child(place.name)):
        return False
    begun = [
        Job(place.child(entry.path), entry, output.place.child(entry.path))
        for entry in islice(files, _SAMPLE)
    ]
    there = existing([job.target for job in begun])
    return any(job.target in there and _is_same(job, there[job.target]) for job in begun)


def _folders_of(path: str) -> Iterator[str]:
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _missing(jobs: Sequence[Job], told: Told, *, force: bool) -> list[Job]:
    """The files that are not there yet.

    Raises:
        FileError: Others are there in their place, and shall not be replaced.
    """
    there = existing([job.target for job in jobs])
    wanted: dict[Place, Job] = {}
    others = []
    for job in jobs:
        if job.source.uri == job.target.uri:
            msg = f"a file cannot be copied to itself: `{job.source}`"
            raise FileError(msg)
        if job.target in wanted:
            msg = f"two files would be copied to one: `{job.target}`"
            raise FileError(msg)
        if job.target in there and _is_same(job, there[job.target]):
            told.skipped += 1
            continue
        if job.target in there and not force:
            others.append(job.target)
        wanted[job.target] = job
    if others:
        count = f"{len(others):,} other files are" if len(others) > 1 else "another file is"
        msg = f"{count} there already: `{others[0]}`; hint: --force replaces them"
        raise FileError(msg)
    return list(wanted.values())


def _is_same(job: Job, there: Entry) -> bool:
    source = job.source.path if job.source.is_local else None
    target = job.target.path if job.target.is_local else None
    return is_same(job.entry, there, source, target)


# Copying


def _run(jobs: Sequence[Job], told: Told, files: Storage, show: Callable[[int], object]) -> None:
    """Copy, several files at a time; Ctrl-C ends all of them at their next piece."""
    ended = threading.Event()

    def tick(count: int) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        show(count)

    left = iter(jobs)
    running: dict[Future[None], Job] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            while True:
                for job in islice(left, _AHEAD - len(running)):
                    running[pool.submit(transfer, job, files, tick)] = job
                if not running:
                    return
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    told.hear(running.pop(done), done)
        except BaseException:
            ended.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _bar(jobs: Sequence[Job], *, quiet: bool) -> Iterator[Callable[[int], object]]:
    """What shows each copied piece, if anybody looks."""
    if quiet or not jobs or sys.stderr is None or not sys.stderr.isatty():
        yield int
        return
    from tqdm.auto import tqdm

    total = sum(job.entry.size for job in jobs)
    with tqdm(desc="copying", total=total, unit="B", unit_scale=True) as bar:
        yield bar.update
