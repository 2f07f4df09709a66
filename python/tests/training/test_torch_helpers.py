"""Images, texts and labels as tensors, and how alike they are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from lakebed.torch import (  # noqa: E402
    clip_similarity_scores,
    convert_image,
    convert_images,
    convert_text,
    label_to_int,
)
from lakebed.torch.convert import image_to_tensor  # noqa: E402

GREY, RED = Image.new("L", (4, 2), 51), Image.new("RGB", (4, 2), (255, 0, 0))


class Clip(torch.nn.Module):  # type: ignore[misc]
    """The mean color of an image, the lengths of texts."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def encode_image(self, images: Any) -> Any:
        return images.mean(dim=(2, 3)) + 0.1

    def encode_text(self, tokens: Any) -> Any:
        return tokens.to(torch.float32)


def _tokens(texts: list[str]) -> list[list[int]]:
    return [[len(text), 1, 1] for text in texts]


def test_label_to_int() -> None:
    assert label_to_int("b", ["a", "b"]) == 1
    with pytest.raises(ValueError):
        label_to_int("c", ["a", "b"])


def test_convert_image() -> None:
    assert (convert_image(GREY).mode, convert_image(GREY, size=(2, 1)).size) == ("RGB", (2, 1))
    assert convert_image(GREY, mode="").mode == "L"
    assert convert_image(RED, transform=image_to_tensor).shape == (3, 2, 4)
    assert convert_image(RED, transform=image_to_tensor, encoder=lambda x: x.shape)[0] == 1
    processor = lambda image: SimpleNamespace(pixel_values=[image_to_tensor(image)])  # noqa: E731
    assert convert_image(RED, transform=processor).shape == (3, 2, 4)


def test_convert_images() -> None:
    assert [image.mode for image in convert_images([GREY, RED])] == ["RGB", "RGB"]
    assert convert_images(RED, transform=image_to_tensor).shape == (1, 3, 2, 4)
    assert convert_images([RED, GREY], transform=image_to_tensor).shape == (2, 3, 2, 4)


def test_image_to_tensor() -> None:
    assert image_to_tensor(GREY).tolist() == [[[pytest.approx(0.2)] * 4] * 2]
    assert image_to_tensor(RED)[:, 0, 0].tolist() == [1.0, 0.0, 0.0]
    assert image_to_tensor(Image.new("1", (1, 1), 1)).tolist() == [[[1.0]]]


def test_convert_text() -> None:
    assert convert_text("ab") == "ab"
    assert convert_text("ab", _tokens).tolist() == [[2, 1, 1]]
    assert convert_text(["ab", "c"], _tokens, encoder=lambda x: x.sum(dim=1)).tolist() == [4, 3]
    batch = lambda texts, n: SimpleNamespace(input_ids=[[n] for _ in texts])  # noqa: E731
    assert convert_text(["a", "b"], batch, {"n": 7}).tolist() == [[7], [7]]


@pytest.mark.parametrize(
    ("images", "text", "image_to_text", "shape"),
    [
        (RED, "a", True, (1, 1)),
        ([RED, GREY], ["a", "bb", "c"], True, (2, 3)),
        ([RED, GREY], ["a", "bb", "c"], False, (3, 2)),
        ([RED, GREY], None, False, (2, 2)),
        (None, ["a", "bb", "c"], True, (3, 3)),
    ],
)
def test_clip_similarity_scores(
    images: Any,
    text: Any,
    image_to_text: bool,  # noqa: FBT001
    shape: tuple[int, int],
) -> None:
    for prob in (False, True):
        scores = torch.tensor(
            clip_similarity_scores(
                images, text, Clip(), image_to_tensor, _tokens, prob, image_to_text
            )
        )
        assert scores.shape == shape
        if prob:
            assert scores.sum(dim=1).tolist() == pytest.approx([1.0] * shape[0])
        elif images is None or text is None:
            assert scores.diagonal().tolist() == pytest.approx([100.0] * shape[0])


def test_what_clip_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="needs images, texts or both"):
        clip_similarity_scores(None, None, Clip(), image_to_tensor, _tokens)
    with pytest.raises(ValueError, match="`Linear` is no CLIP model"):
        clip_similarity_scores(RED, None, torch.nn.Linear(1, 1), image_to_tensor, _tokens)
