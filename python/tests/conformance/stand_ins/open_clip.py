"""A model that sees how large pictures are."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class Model:
    def eval(self) -> Model:
        return self

    def encode_image(self, pictures: Tensor) -> Tensor:
        return pictures


def create_model_and_transforms(_name: str, _pretrained: str) -> tuple[Model, Any, Any]:
    return Model(), None, lambda picture: Tensor([picture.width, picture.height, 1.0])
