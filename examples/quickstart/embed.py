"""Step 2: describe every picture of the dataset with a vector."""

from descriptor import Descriptor

import lakebed as dc


def encode(file: dc.ImageFile, model: Descriptor) -> list[float]:
    """The descriptor of one picture; `model` is made once by `setup`, not per row."""
    return model(file.read())


if __name__ == "__main__":
    embeddings = (
        dc.read_dataset("pets_images")
        .setup(model=Descriptor)
        .map(emb=encode)
        .save("pets_embeddings")
    )
    print(f"saved {embeddings.name}@{embeddings.version}: {embeddings.count()} vectors")
