"""How alike images and texts are, by a CLIP model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch

from lakebed.torch.convert import convert_images, convert_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image

_SCALE = 100.0


def clip_similarity_scores(  # noqa: PLR0917  the peer's order
    images: Image | Sequence[Image] | None,
    text: str | Sequence[str] | None,
    model: Any,
    preprocess: Callable[[Any], Any],
    tokenizer: Callable[..., Any],
    prob: bool = False,  # noqa: FBT001, FBT002
    image_to_text: bool = True,  # noqa: FBT001, FBT002
    device: Any = None,
) -> list[list[float]]:
    """100 times the cosine similarity of images and texts, by a CLIP model.

    With images or texts only, of each to all of them.

    Args:
        images: One image, several or none.
        text: One text, several or none.
        model: A CLIP model of clip, open_clip or transformers.
        preprocess: Its transform or image processor.
        tokenizer: Its tokenizer.
        prob: Probabilities instead, which add up to 1 for each row.
        image_to_text: A row for each image, with a score for each text; else the reverse.
        device: Where to compute; by default where the model is.

    Raises:
        ValueError: There are neither images nor texts, or the model is no CLIP model.
    """
    if images is None and text is None:
        raise ValueError("clip_similarity_scores needs images, texts or both")
    if device is None:
        device = getattr(model, "device", None) or next(model.parameters()).device
    else:
        model = model.to(device)
    with torch.no_grad():
        found = []
        if images is not None:
            encoder = _encoder(model, "image")
            features = convert_images(images, transform=preprocess, encoder=encoder, device=device)
            found.append(_normal(features))
        if text is not None:
            encoder = _encoder(model, "text")
            features = convert_text(text, tokenizer, encoder=encoder, device=device)
            found.append(_normal(features))
        rows, columns = (found[0], found[-1]) if image_to_text else (found[-1], found[0])
        scores = _SCALE * rows @ columns.T
        result: list[list[float]] = (scores.softmax(dim=1) if prob else scores).tolist()
        return result


def _normal(features: Any) -> Any:
    # later transformers return the pooled features with others
    features = getattr(features, "pooler_output", features)
    return features / features.norm(dim=-1, keepdim=True)


def _encoder(model: Any, kind: Literal["image", "text"]) -> Callable[[Any], Any]:
    """How the model encodes: as those of transformers do, or of clip and open_clip."""
    for name in (f"get_{kind}_features", f"encode_{kind}"):
        encode: Callable[[Any], Any] | None = getattr(model, name, None)
        if callable(encode):
            return encode
    msg = f"`{type(model).__name__}` is no CLIP model of clip, open_clip or transformers"
    raise ValueError(msg)
