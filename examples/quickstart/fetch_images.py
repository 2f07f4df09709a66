"""Copies the photographs in the scikit-image wheel into `images/`, with two variants of each.

Nothing is downloaded. Pictures that are there already stay untouched.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

IMAGES = Path("images")

# Where each photograph goes. One lies at the top, the others at different depths.
PLACES = {
    "coins.png": "",
    "astronaut.png": "people",
    "camera.png": "people",
    "chelsea.png": "animals/cats",
    "coffee.png": "things/kitchen",
    "motorcycle_left.png": "things/vehicles",
    "motorcycle_right.png": "things/vehicles",
    "rocket.jpg": "things/vehicles",
    "brick.png": "textures",
    "grass.png": "textures/ground",
    "gravel.png": "textures/ground",
    "hubble_deep_field.jpg": "space",
    "moon.png": "space",
    "ihc.png": "medicine",
    "retina.jpg": "medicine",
}


def shipped() -> Path:
    """The folder of pictures inside the installed scikit-image."""
    package = find_spec("skimage")  # found, not imported: importing it takes a second
    if package is None or not package.submodule_search_locations:
        raise SystemExit("scikit-image is not installed; hint: pip install -r requirements.txt")
    return Path(package.submodule_search_locations[0]) / "data"


def crop(image: Image.Image) -> Image.Image:
    """The middle of the picture, 70 % of each side."""
    width, height = image.size
    return image.crop(
        (width * 15 // 100, height * 15 // 100, width * 85 // 100, height * 85 // 100)
    )


def tilt(image: Image.Image) -> Image.Image:
    """The picture turned by ten degrees, without the empty corners."""
    return crop(image.rotate(10, Image.Resampling.BICUBIC))


def main() -> None:
    """Write what is missing and say how much that was."""
    variants = {"": lambda image: image, "_crop": crop, "_tilted": tilt}
    new = 0
    for name, place in PLACES.items():
        folder = IMAGES / place
        folder.mkdir(parents=True, exist_ok=True)
        with Image.open(shipped() / name) as original:
            for suffix, change in variants.items():
                target = folder / f"{Path(name).stem}{suffix}.png"
                if not target.exists():
                    change(original).save(target)
                    new += 1
    print(f"{IMAGES}/: {len(PLACES) * len(variants)} pictures, {new} of them new")


if __name__ == "__main__":
    main()
