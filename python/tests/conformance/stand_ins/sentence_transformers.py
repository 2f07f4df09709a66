"""A model that sees how large pictures are."""

from __future__ import annotations

from typing import Any

import numpy as np


class SentenceTransformer:
    def __init__(self, _name: str) -> None:
        pass

    def encode(self, picture: Any) -> Any:
        return np.array([picture.width, picture.height, 1.0])
