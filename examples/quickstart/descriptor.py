"""A picture as a short list of numbers: colours and edges, from numpy and PIL alone.

`embed.py` and `similar.py` share it, so that both describe a picture in the same way.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 128  # every picture is looked at in this size
CELLS = 4  # edges are counted in a 4 x 4 grid
ANGLES = 8  # directions of an edge, from 0 to 180 degrees
LEVELS = 4  # shades per colour channel


class Descriptor:
    """Turns a picture into `LEVELS**3 + CELLS**2 * ANGLES` floats of length one."""

    def __call__(self, image: Image.Image) -> list[float]:
        """Describe `image`; equal pictures give equal lists."""
        pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE)), dtype=np.float32)
        parts = _unit(_colours(pixels)), _unit(_edges(pixels.mean(axis=2)))
        return _unit(np.concatenate(parts)).tolist()


def _colours(pixels: np.ndarray) -> np.ndarray:
    """How much of the picture has each of `LEVELS**3` colours."""
    red, green, blue = np.moveaxis(pixels.astype(np.int64) * LEVELS // 256, 2, 0)
    colour = (red * LEVELS + green) * LEVELS + blue
    # The root keeps a large plain background from drowning the subject.
    return np.sqrt(np.bincount(colour.ravel(), minlength=LEVELS**3))


def _edges(grey: np.ndarray) -> np.ndarray:
    """How strong the edges of each direction are in each cell of the grid."""
    down, right = np.gradient(grey)
    strength = np.hypot(down, right)
    angle = (np.arctan2(down, right) % np.pi / np.pi * ANGLES).astype(np.int64) % ANGLES
    row, column = np.indices(grey.shape) * CELLS // SIDE
    bucket = (row * CELLS + column) * ANGLES + angle
    return np.sqrt(np.bincount(bucket.ravel(), strength.ravel(), CELLS**2 * ANGLES))


def _unit(vector: np.ndarray) -> np.ndarray:
    """`vector` scaled to length one; a zero vector stays zero."""
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
