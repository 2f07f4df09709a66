"""Enough of PyTorch for models that are stand-ins themselves: tensors are lists."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

float16, float32 = "float16", "float32"
cuda = SimpleNamespace(is_available=lambda: False)
no_grad = nullcontext


class Tensor:
    """Numbers in lists."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __getitem__(self, at: int) -> Any:
        found = self.values[at]
        return Tensor(found) if isinstance(found, list) else found

    def unsqueeze(self, _: int) -> Tensor:
        return Tensor([self.values])

    def tolist(self) -> list[Any]:
        return self.values
