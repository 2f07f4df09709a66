"""Step 1: from a folder of pictures to a typed, versioned dataset."""

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
    images = (
        dc.read_storage("images/**/*.png", type="image", update=True)
        .map(info=get_info)
        .save("pets_images")
    )
    images.show(5)
    images.print_schema()
    print(f"saved {images.name}@{images.version}: {images.count()} pictures")
