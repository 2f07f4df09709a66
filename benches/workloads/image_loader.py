"""All images of a folder through a `DataLoader`, as batches of float tensors.

`torch` is what a user would write by hand: a `Dataset` over the same files.
"""

from __future__ import annotations

from pathlib import Path

import prepared
from task import Case, Task, systems

DATA = None
NEEDS = ("torch", "PIL", "numpy")

IMAGES, BATCH = 1_000, 32


def lakebed(case: Case) -> Task:
    return _lakebed(case, workers=0)


def lakebed_workers2(case: Case) -> Task:
    return _lakebed(case, workers=2)


def torch(case: Case) -> Task:
    return _torch(case, workers=0)


def torch_workers2(case: Case) -> Task:
    return _torch(case, workers=2)


def _lakebed(case: Case, workers: int) -> Task:
    import lakebed as dc

    folder = prepared.images(case, IMAGES)
    name = f"images_{workers}"
    case.once(name, lambda: dc.read_storage(f"{folder}/*.jpg", type="image").save(name))
    images = dc.read_dataset(name).select("file").to_pytorch()
    return Task(lambda: _passed(batch for (batch,) in _loader(images, workers)), list)


def _torch(case: Case, workers: int) -> Task:
    from torch.utils.data import Dataset

    files = sorted(prepared.images(case, IMAGES).glob("*.jpg"))

    class Images(Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, at: int):
            return _tensor(files[at])

    return Task(lambda: _passed(_loader(Images(), workers)), list)


def _tensor(file: Path):
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(file) as image:
        pixels = np.array(image)
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def _loader(images, workers: int):
    from torch.utils.data import DataLoader

    return DataLoader(images, batch_size=BATCH, num_workers=workers)


def _passed(batches) -> tuple[int, int]:
    """How many images there were, and something of each of them."""
    count = total = 0
    for batch in batches:
        count += len(batch)
        total += int((batch[:, :, 0, 0] * 255).round().sum())
    return count, total


SYSTEMS = systems(lakebed, lakebed_workers2, torch, torch_workers2)
