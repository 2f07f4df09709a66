"""Step 1: from a folder of pictures to a typed, versioned dataset.

Usage: python create_dataset.py [FOLDER]   (a folder or a bucket, as s3://bucket/images)
"""

import sys

from pydantic import BaseModel

import lakebed as dc


class ImageInfo(BaseModel):
    """What we want to know about each picture."""

    width: int
    height: int


def get_info(file: dc.ImageFile) -> ImageInfo:
    """Open one picture and measure it."""
    image = file.read()
    return ImageInfo(width=image.width, height=image.height)


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "images"
    images = (
        dc.read_storage(f"{folder}/**/*.png", type="image", update=True)
        .map(info=get_info)
        .save("pets_images")
    )
    images.show(5)
    print(images.schema)
    print(f"saved {images.name}@{images.version}: {images.count()} pictures")
