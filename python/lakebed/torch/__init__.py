"""For PyTorch: rows as a dataset, and images, texts and labels as tensors."""

from __future__ import annotations

from lakebed._extras import needed

needed("torch", "lakebed[torch]")

from lakebed.torch.clip import clip_similarity_scores  # noqa: E402
from lakebed.torch.convert import (  # noqa: E402
    convert_image,
    convert_images,
    convert_text,
    label_to_int,
)
from lakebed.torch.dataset import PytorchDataset  # noqa: E402

__all__ = [
    "PytorchDataset",
    "clip_similarity_scores",
    "convert_image",
    "convert_images",
    "convert_text",
    "label_to_int",
]
