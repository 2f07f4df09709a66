"""`PytorchDataset`: the rows of a saved version, for a `DataLoader`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cloudpickle
import torch
from PIL import Image
from torch import distributed
from torch.utils.data import IterableDataset, get_worker_info

from lakebed._coerce import seed_number, version_number, whole
from lakebed._columns import resolved
from lakebed._native import Session as NativeSession
from lakebed._native import Storage
from lakebed._settings import Settings
from lakebed._training.ahead import read_ahead
from lakebed._training.order import Position, Shard, shuffled
from lakebed.exceptions import DataChainParamsError, NotSupportedError
from lakebed.session import Session
from lakebed.torch.convert import convert_text, image_to_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lakebed._native import Chain

_AHEAD = 2
"""Rows that are read ahead, unless `settings(prefetch=…)` says it."""


class PytorchDataset(IterableDataset[list[Any]]):  # type: ignore[misc]
    """The rows of a saved version, for a `DataLoader`; see `DataChain.to_pytorch`."""

    def __init__(  # noqa: PLR0917  the peer's order
        self,
        name: str,
        version: str | int | None = None,
        transform: Callable[[Any], Any] | None = None,
        tokenizer: Callable[..., Any] | None = None,
        tokenizer_kwargs: Mapping[str, Any] | None = None,
        num_samples: int = 0,
        *,
        remove_prefetched: bool = False,
        shuffle: int = 0,
        seed: int | None = None,
        session: Session | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Look the version up.

        Args:
            name: The dataset.
            version: Its version; the latest by default.
            transform: As for `to_pytorch`, like all that follow.
            tokenizer: For texts.
            tokenizer_kwargs: More arguments for it.
            num_samples: Random rows of each pass; 0 for all.
            remove_prefetched: Keep no files.
            shuffle: Rows whose order is random among themselves; 0 for none.
            seed: What chance comes from.
            session: Where the dataset is.
            settings: `prefetch` and `cache`, as for `chain.settings()`.
        """
        held = Session.get(session)
        found = held._native.read_dataset(name, None, None, version_number(version)).dataset
        assert found is not None  # noqa: S101  that is what it reads
        self.name, self.version = found
        self.transform = transform
        self.tokenizer = tokenizer
        self.tokenizer_kwargs = dict(tokenizer_kwargs or {})
        self.num_samples = whole("num_samples", num_samples)
        self._window = whole("shuffle", shuffle)
        self._seed = seed_number(seed)
        given = Settings().updated(**(settings or {}))
        self.cache = bool(given.cache)
        self.prefetch = _AHEAD if given.prefetch is None else given.prefetch
        self._keeps = self.cache and not remove_prefetched
        # WHY: in shared memory, so that workers that stay for several passes see it change
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._next: Position | None = None
        self._now: Position | None = None
        self._reached = _Reached(held)
        self._ranks = (0, 1)

    def set_epoch(self, epoch: int) -> None:
        """Say which pass comes next: with a seed, each has other chances."""
        self._epoch.fill_(whole("epoch", epoch))

    def state_dict(self) -> dict[str, Any]:
        """How far this process has come, for `load_state_dict`; empty before and after a pass."""
        position = self._now or self._next
        return position.state() if position else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next pass start where another one was.

        Args:
            state: What `state_dict` gave, in the same worker of as many.
        """
        self._now, self._next = None, Position.of_state(state) if state else None

    def __iter__(self) -> Iterator[list[Any]]:
        position, self._next = self._begun(), None
        self._now = position
        rows = read_ahead(
            self._rows(position), self.prefetch, self._reached.files(), keeps=self._keeps
        )
        for row in rows:
            position.rows += 1
            yield self._processed(row)
        if self._now is position:
            self._now = None

    def close(self) -> None:
        """End what a worker opened; the session of the chain stays open."""
        self._reached.close()

    # Which rows

    def _begun(self) -> Position:
        """Where the pass starts."""
        shard = self._shard()
        if self._next is None:
            return Position(int(self._epoch), self._drawn(), 0, shard)
        if self._next.shard != shard:
            was = self._next.shard
            msg = (
                f"the state is of worker {was.index} of {was.total}, and this is worker "
                f"{shard.index} of {shard.total}: go on with as many workers and ranks"
            )
            raise DataChainParamsError(msg)
        return self._next

    def _shard(self) -> Shard:
        """Which of all workers on all ranks this is."""
        rank, ranks = self._rank_of()
        worker = get_worker_info()
        if worker is None:
            return Shard(rank, ranks)
        return Shard(rank * worker.num_workers + worker.id, ranks * worker.num_workers)

    def _rank_of(self) -> tuple[int, int]:
        """Rank and number of ranks; a worker that was not forked has them from its parent."""
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return self._ranks

    def _drawn(self) -> int:
        """What chance comes from in this pass; all workers and ranks draw the same."""
        if self._seed is not None:
            return self._seed
        if not (self._window or self.num_samples) or self._rank_of()[1] > 1:
            return 0
        worker = get_worker_info()
        if worker is not None:
            return int(worker.seed - worker.id)
        return int(torch.empty((), dtype=torch.int64).random_().item())

    def _rows(self, position: Position) -> Iterator[tuple[Any, ...]]:
        """The rows of the shard that are left."""
        chain = self._reached.session().read_dataset(self.name, None, None, self.version)
        count = chain.count(None)
        if self.num_samples:
            count = min(count, self.num_samples)
            chain = chain.shuffle(position.chance().getrandbits(64)).limit(count)
        first, end = position.shard.rows(count)
        if self._window and not self.num_samples:
            skipped = position.rows % self._window
            rows = self._between(chain, first + position.rows - skipped, end)
            rows = shuffled(rows, self._window, position)
            for _ in range(skipped):
                next(rows, None)
            return rows
        return self._between(chain, first + position.rows, end)

    @staticmethod
    def _between(chain: Chain, first: int, end: int) -> Iterator[tuple[Any, ...]]:
        part = chain.offset(first).limit(max(end - first, 0))
        # workers show no progress: it would be that of one pass over a part
        for batch in part.rows([spec for _, spec in resolved(part)], None):
            yield from batch

    # What becomes of a row

    def _processed(self, row: list[Any]) -> list[Any]:
        if any(isinstance(value, Image.Image) for value in row):
            row = self._transformed(row)
        if self.tokenizer is None:
            return row
        return [self._tokens(value) if _is_text(value) else value for value in row]

    def _transformed(self, row: list[Any]) -> list[Any]:
        transform: Callable[[Any], Any] = self.transform or image_to_tensor
        if type(transform).__module__.startswith("torchvision.transforms.v2"):
            return list(transform(row))
        return [transform(value) if isinstance(value, Image.Image) else value for value in row]

    def _tokens(self, text: Any) -> Any:
        return convert_text(text, self.tokenizer, self.tokenizer_kwargs).squeeze(0)

    # Into workers

    def __getstate__(self) -> dict[str, Any]:
        """Everything that a worker needs; functions may be of any kind."""
        code = cloudpickle.dumps((self.transform, self.tokenizer))
        told = {"transform": code, "tokenizer": None, "_ranks": self._rank_of()}
        return self.__dict__ | told

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.transform, self.tokenizer = cloudpickle.loads(state["transform"])


class _Reached:
    """The session that rows are read in: the one given, or in another process one like it."""

    def __init__(self, session: Session) -> None:
        self._given: Session | None = session
        self._given_to = os.getpid()
        self._own: NativeSession | None = None
        self._own_of = 0
        self._setup = b""
        self._root = session.root
        self._options = session._options
        self._ceiling = session._ceiling
        self._in_memory = session.in_memory

    def session(self) -> NativeSession:
        given = self._here()
        if given is not None:
            return given._native
        if self._in_memory:
            msg = (
                "a worker cannot read a session in memory; hint: DataLoader(num_workers=0), or "
                "a session with a root"
            )
            raise NotSupportedError(msg)
        if self._own is None or self._own_of != os.getpid():
            self._own_of = os.getpid()
            self._own = NativeSession.open(
                self._root,
                False,  # noqa: FBT003
                self._options,
                self._ceiling,
            )
        return self._own

    def files(self) -> Storage:
        given = self._here()
        return Storage.restored(self._reaching()) if given is None else given._native.storage()

    def close(self) -> None:
        self._own = None

    def _here(self) -> Session | None:
        return self._given if self._given_to == os.getpid() else None

    def _reaching(self) -> bytes:
        """How files of buckets are reached; a forked process asks what it got of its parent."""
        return self._setup if self._given is None else self._given._native.storage().setup()

    def __getstate__(self) -> dict[str, Any]:
        """Without handles."""
        return self.__dict__ | {"_given": None, "_own": None, "_setup": self._reaching()}


def _is_text(value: Any) -> bool:
    texts = value if isinstance(value, list) and value else [value]
    return all(isinstance(text, str) for text in texts)
