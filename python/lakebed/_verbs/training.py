"""The verb that gives rows to PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._verbs.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakebed.torch import PytorchDataset


class Training(Keeping):
    """What leaves the chain for training."""

    __slots__ = ()

    def to_pytorch(
        self,
        transform: Callable[[Any], Any] | None = None,
        tokenizer: Callable[..., Any] | None = None,
        tokenizer_kwargs: Mapping[str, Any] | None = None,
        num_samples: int = 0,
        remove_prefetched: bool = False,  # noqa: FBT001, FBT002
        *,
        shuffle: int = 0,
        seed: int | None = None,
    ) -> PytorchDataset:
        """The rows as an `IterableDataset` of PyTorch, for a `DataLoader`.

        A row is a list: files, images and labels are read, images become float tensors from
        0 to 1 (channels, height, width), or what `transform` makes of them. Each worker of the
        loader, on each rank of `torch.distributed`, reads its own part of the rows; the parts
        differ by one row at most. A chain that is no saved version is computed first, on each rank:
        save it before if its rows may come in another order there.

        `state_dict` and `load_state_dict` let a `StatefulDataLoader` go on where it was.
        `settings(prefetch=…)` says how many rows are read ahead (2), `settings(cache=True)`
        keeps files of buckets for the next pass. Needs `lakebed[torch]`.

        Args:
            transform: For images; a transform of `torchvision.transforms.v2` is given whole rows
                that hold an image, with their boxes and masks.
            tokenizer: For texts; what it returns becomes a tensor.
            tokenizer_kwargs: More arguments for it.
            num_samples: Random rows of each pass, shared among all workers; 0 for all.
            remove_prefetched: Keep no files, also with `settings(cache=True)`.
            shuffle: Rows whose order is random among themselves, in each worker; they are held
                in memory. For a random order of all rows use `chain.shuffle(seed)` before.
            seed: The same seed and `set_epoch` give the same rows in the same order. By default
                each pass has another one; but ranks, which have to agree, take 0.

        Raises:
            ImportError: PyTorch is not installed.
        """
        from lakebed.torch import PytorchDataset

        kept = self if self._native.dataset else self.persist()
        found = kept._native.dataset
        assert found is not None  # noqa: S101  what was kept is a version
        name, version = found
        return PytorchDataset(
            name,
            version,
            transform,
            tokenizer,
            tokenizer_kwargs,
            num_samples,
            remove_prefetched=remove_prefetched,
            shuffle=shuffle,
            seed=seed,
            session=self._session,
            settings={"prefetch": self._settings.prefetch, "cache": self._settings.cache},
        )
