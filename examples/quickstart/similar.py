"""Step 3: the three wide enough pictures that look most like a given one.

Usage: python similar.py [PICTURE]
"""

import sys

from descriptor import Descriptor
from PIL import Image

import lakebed as dc
from lakebed import C, func

picture = sys.argv[1] if len(sys.argv) > 1 else "images/animals/cats/chelsea.png"
ref = Descriptor()(Image.open(picture))

print(f"most like {picture}:")
(
    dc.read_dataset("pets_embeddings")
    .filter(C("info.width") > 300)
    .mutate(dist=func.cosine_distance(C("emb"), ref))
    .order_by("dist")
    .limit(3)
    .show()
)
