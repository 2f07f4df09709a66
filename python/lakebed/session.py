"""`Session`: a root folder with datasets, and the job that this process is in it."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import threading
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet, finalize

from lakebed import _native
from lakebed._client_config import options_of
from lakebed._worker import is_worker
from lakebed.exceptions import DataChainParamsError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from lakebed._gc import GcReport
    from lakebed._job import Job, Run
    from lakebed.catalog import Catalog

logger = logging.getLogger("lakebed")

_open: WeakSet[Session] = WeakSet()
_unfinished: dict[Session, None] = {}
"""Sessions with a job or temporary datasets, to close when the process ends."""
_of_parent: list[Session] = []
NOTES: dict[str, dict[str, Any]] = {"params": {}, "metrics": {}}
"""What this run found out: parameters that it asked for, and what it measured."""

_entered: ContextVar[tuple[Session, ...]] = ContextVar("_entered", default=())


class Session:
    """Where chains read and save: `with Session(root="data"): ...`.

    Without one, all chains share a session over `$LAKEBED_ROOT` or `./.lakebed`, opened
    on first use. Leaving the block ends the session's job and removes what `persist()`
    kept. Threads may share a session; a `with` block counts for its own thread.
    """

    # WHY: these names are what test suites of the peer's users reset for a new run.
    _CURRENT_JOB: ClassVar[Run | None] = None
    _JOB_FINALIZE_HOOK: ClassVar[Callable[[], None] | None] = None

    _default: ClassVar[Session | None] = None
    _memory: ClassVar[Session | None] = None
    _lock: ClassVar[threading.RLock] = threading.RLock()

    def __init__(
        self,
        name: str = "",
        client_config: Mapping[str, Any] | None = None,
        *,
        in_memory: bool = False,
        root: str | None = None,
        memory: int | str | None = None,
    ) -> None:
        """Open the root.

        Args:
            name: Letters and digits; part of the names of temporary datasets.
            client_config: How to reach buckets, the root's too: keys, `aws_endpoint_url`, ….
            in_memory: Keep everything in memory; it is gone with the session.
            root: A folder or URI; by default `$LAKEBED_ROOT` or `./.lakebed`.
            memory: What this process and its workers should use at most, in bytes or as text
                such as `"2GiB"`, at least `"256MiB"`; rows that do not fit are written to disk.
                By default `$LAKEBED_MEMORY`, else three quarters of what the machine has.
        """
        if name and not name.isalnum():
            msg = f"invalid session name `{name}`: only letters and digits are allowed"
            raise DataChainParamsError(msg)
        self.name = f"{name or 'default'}_{uuid.uuid4().hex[:8]}"
        self.in_memory = in_memory
        self._options = options_of(client_config)
        self._ceiling = None if memory is None else str(memory)
        self._native = _native.Session.open(root, in_memory, self._options, self._ceiling)
        self._job: Job | None = None
        self._temporary: list[str] = []
        self._functions: dict[str, tuple[Any, Any]] = {}
        _open.add(self)

    @classmethod
    def get(cls, session: Session | None = None, *, in_memory: bool = False) -> Session:
        """The given session, else that of the `with` block, else the shared one.

        Args:
            session: Returned if given.
            in_memory: The shared session in memory: the first one that is made is shared by
                all, a later one stands beside the one on disk.
        """
        if session is not None:
            return session
        if entered := _entered.get():
            return entered[-1]
        with cls._lock:
            if cls._default is None:
                cls._default = cls(in_memory=in_memory)
            if not in_memory or cls._default.in_memory:
                return cls._default
            if cls._memory is None:
                cls._memory = cls(in_memory=True)
            return cls._memory

    @classmethod
    def cleanup_for_tests(cls) -> None:
        """Close what is open and forget the shared sessions: what follows is a new run."""
        _close_unfinished()
        with cls._lock:
            cls._default = cls._memory = cls._CURRENT_JOB = None
            for noted in NOTES.values():
                noted.clear()

    def __datafusion_catalog_provider__(self, session: object = None) -> object:
        """All datasets, for `SessionContext.register_catalog_provider` of `datafusion`.

        Its schemas are the projects of the default namespace (of others
        `"namespace.project"`), its tables the newest versions; others are `"name@1.2.0"`.

        Args:
            session: Whose catalog it is to be; not needed.

        Raises:
            NotSupportedError: The package is of another major version than the engine's
                DataFusion.
        """
        from lakebed._datafusion import check_release

        check_release()
        return self._native.datafusion_catalog()

    @property
    def root(self) -> str:
        """Where the data is."""
        return self._native.root

    @property
    def catalog(self) -> Catalog:
        """Its datasets by their names."""
        from lakebed.catalog import Catalog

        return Catalog(self)

    def gc(
        self, *, ttl: float | None = None, compact: bool = False, dry_run: bool = False
    ) -> GcReport:
        """Remove files that nobody needs any more; see `lakebed.gc`.

        Args:
            ttl: Leave files that are younger than this many seconds; by default four hours,
                and seven days for results of functions.
            compact: First make new versions, in few files, of newest versions whose rows lie in
                many small ones.
            dry_run: Change nothing; the report says what would be done.
        """
        from lakebed._gc import gc

        return gc(ttl=ttl, compact=compact, dry_run=dry_run, session=self)

    def close(self, error: BaseException | None = None) -> None:
        """Remove temporary datasets and end the job; a second call does nothing."""
        from lakebed._job import failure

        _unfinished.pop(self, None)
        with self._lock:
            names, self._temporary = self._temporary, []
            job, self._job = self._job, None
        for name in names:
            self._forget(name)
        if job is not None:
            job.finish(error or failure())

    def __enter__(self) -> Self:
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _entered.set(tuple(s for s in _entered.get() if s is not self))
        self.close(error)

    def __repr__(self) -> str:
        return f"Session({self.name!r}, root={self.root!r})"

    # Inside

    @contextmanager
    def _as_current(self) -> Iterator[None]:
        """What asks for the session meanwhile gets this one."""
        token = _entered.set((*_entered.get(), self))
        try:
            yield
        finally:
            _entered.reset(token)

    @cached_property
    def _records(self) -> str:
        """The root below which it is written down what functions read."""
        if not self.root.startswith("memory:"):
            return self.root
        folder = mkdtemp(prefix="lakebed-")
        finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _job_id(self) -> str:
        """The job that saves belong to, by its id."""
        return self._started_job().id

    def _started_job(self) -> Job:
        """The job that saves belong to, started on the first one."""
        from lakebed._job import Job, Run

        with self._lock:
            run = Session._CURRENT_JOB = Session._CURRENT_JOB or Run.begin()
            if self._job is not None and self._job.run is not run:
                self._job.finish(None)
                self._job = None
            if self._job is None:
                self._job = Job.begin(run, self._native)
                self._close_at_exit()
            return self._job

    def _temporary_name(self) -> str:
        """A name for a dataset that goes when the session does."""
        with self._lock:
            name = uuid.uuid4().hex[:12]
            self._temporary.append(name)
            self._close_at_exit()
            return name

    def _close_at_exit(self) -> None:
        _unfinished[self] = None
        if Session._JOB_FINALIZE_HOOK is None:
            Session._JOB_FINALIZE_HOOK = _close_unfinished
            atexit.register(_close_unfinished)

    def _forget(self, name: str) -> None:
        """Remove a temporary dataset; what cannot be removed is left to `gc()`."""
        from lakebed.exceptions import LakebedError

        try:
            self._native.forget(self.name, name)
        except LakebedError as problem:
            logger.debug("cannot remove `%s`: %s", name, problem)


def note(kind: str, name: str, value: Any) -> None:
    """Remember one of the `params` or `metrics` of this run, and tell the jobs that it has."""
    if is_worker() and kind == "metrics":
        msg = f"metric `{name}` was set in a worker process; hint: return what is measured, and "
        raise NotSupportedError(f"{msg}set it where the script has the rows")
    with Session._lock:
        if _is_same(NOTES[kind].get(name, NOTES), value):
            # functions may ask for a parameter at each row
            return
        NOTES[kind][name] = value
        jobs = [session._job for session in list(_open)]
    for job in jobs:
        if job is not None:
            job.note({kind: {name: value}})


def _is_same(known: Any, value: Any) -> bool:
    plain = isinstance(value, (str, int, float)) and type(known) is type(value)
    return known is value or (plain and known == value)


def is_studio() -> bool:
    """Whether this runs on a hosted service of the peer: it never does."""
    return False


def is_local() -> bool:
    """Whether datasets are below a root of one's own: they always are."""
    return True


def _close_unfinished() -> None:
    """Close the sessions that have something to finish, the newest first."""
    for session in reversed(list(_unfinished)):
        session.close()


def _in_forked_child() -> None:
    """Leave the parent's jobs, temporary datasets and database connections to the parent."""
    Session._lock = threading.RLock()
    Session._CURRENT_JOB = None
    _unfinished.clear()
    for session in list(_open):
        session._job, session._temporary = None, []
    shared = Session._default
    if shared is not None and not shared.in_memory:
        # WHY: kept, because to drop it would close connections that the parent uses
        _of_parent.append(shared)
        Session._default = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
