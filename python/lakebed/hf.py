"""What features of Hugging Face datasets are in a chain: labels, images and sounds."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from lakebed.models import DataModel

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["HFAudio", "HFClassLabel", "HFImage"]


class HFClassLabel(DataModel):
    """A label of a fixed set.

    Attributes:
        string: Its name.
        integer: Its number.
    """

    string: str
    integer: int

    def read(self) -> int:
        """The number, as models are trained with."""
        return self.integer


class HFImage(DataModel):
    """An image.

    Attributes:
        img: The bytes of its file.
    """

    img: bytes

    def read(self) -> Image:
        """The image, decoded."""
        from PIL import Image

        image = Image.open(BytesIO(self.img))
        image.load()
        return image


class HFAudio(DataModel):
    """A sound.

    Attributes:
        array: Its samples from -1 to 1; several channels are mixed into one.
        sampling_rate: Samples per second.
    """

    array: list[float]
    sampling_rate: int
