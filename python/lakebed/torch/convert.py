"""Images, texts and labels as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def label_to_int(value: Any, classes: Sequence[Any]) -> int:
    """The place of a label among all of them.

    Raises:
        ValueError: It is none of them.

    Examples:
        >>> label_to_int("dog", ["cat", "dog"])
        1
    """
    return classes.index(value)


def convert_image(  # noqa: PLR0917  the peer's order
    img: Image.Image,
    mode: str = "RGB",
    size: tuple[int, int] | None = None,
    transform: Callable[[Any], Any] | None = None,
    encoder: Callable[[Any], Any] | None = None,
    device: Any = None,
) -> Any:
    """An image in another mode or size, transformed or encoded.

    Args:
        img: The image.
        mode: Pillow's mode; empty to leave it.
        size: Width and height in pixels.
        transform: A transform of torchvision, or an image processor of transformers.
        encoder: A model that takes a batch, here of one image.
        device: Where the tensor goes.
    """
    image: Any = img.convert(mode) if mode else img
    if size:
        image = image.resize(size)
    if transform is not None:
        image = transform(image)
        pixels = getattr(image, "pixel_values", None)
        if pixels is not None:
            # what an image processor of transformers returns is a batch
            image = torch.as_tensor(pixels[0])
        if device is not None:
            image = image.to(device)
    if encoder is None:
        return image
    return encoder(image.unsqueeze(0) if isinstance(image, torch.Tensor) else image)


def convert_images(  # noqa: PLR0917  the peer's order
    images: Image.Image | Sequence[Image.Image],
    mode: str = "RGB",
    size: tuple[int, int] | None = None,
    transform: Callable[[Any], Any] | None = None,
    encoder: Callable[[Any], Any] | None = None,
    device: Any = None,
) -> Any:
    """One image or several, as `convert_image`; tensors become one batch.

    Args:
        images: Images.
        mode: Pillow's mode; empty to leave it.
        size: Width and height in pixels.
        transform: As for `convert_image`.
        encoder: A model that takes the batch.
        device: Where the tensors go.
    """
    several = [images] if isinstance(images, Image.Image) else images
    found: Any = [convert_image(one, mode, size, transform, device=device) for one in several]
    if found and isinstance(found[0], torch.Tensor):
        found = torch.stack(found)
    return found if encoder is None else encoder(found)


def convert_text(
    text: str | Sequence[str],
    tokenizer: Callable[..., Any] | None = None,
    tokenizer_kwargs: Mapping[str, Any] | None = None,
    encoder: Callable[[Any], Any] | None = None,
    device: Any = None,
) -> Any:
    """Texts as tokens, or as what a model makes of them; without a tokenizer as they are.

    Args:
        text: One text or several.
        tokenizer: Takes a list of texts; one of transformers, clip or open_clip.
        tokenizer_kwargs: More arguments for it.
        encoder: A model that takes the tokens.
        device: Where the tokens go.
    """
    if tokenizer is None:
        return text
    found = tokenizer([text] if isinstance(text, str) else text, **(tokenizer_kwargs or {}))
    # those of transformers return more than tokens
    tokens = torch.as_tensor(getattr(found, "input_ids", found))
    if device is not None:
        tokens = tokens.to(device)
    return tokens if encoder is None else encoder(tokens)


def image_to_tensor(image: Image.Image) -> torch.Tensor:
    """Floats from 0 to 1: channels, height and width."""
    import numpy as np

    pixels = torch.from_numpy(np.array(image))
    if pixels.ndim == 2:  # noqa: PLR2004  one channel has no dimension of its own
        pixels = pixels.unsqueeze(-1)
    pixels = pixels.permute(2, 0, 1).contiguous()
    if pixels.dtype.is_floating_point or pixels.dtype == torch.bool:
        return pixels.to(torch.float32)
    # as torchvision's ToDtype(float32, scale=True), to the last bit
    return pixels.to(torch.float32).mul_(1.0 / torch.iinfo(pixels.dtype).max)
