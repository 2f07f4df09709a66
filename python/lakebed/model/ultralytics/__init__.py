"""What YOLO models of the package `ultralytics` find, as columns of typed values.

    from ultralytics import YOLO

    yolo = YOLO("yolo11n.pt")

    def boxes(file: dc.ImageFile) -> YoloBBoxes:
        return YoloBBoxes.from_results(yolo(file.read()))

The package itself is not needed to read what was saved.
"""

from __future__ import annotations

from lakebed.model.ultralytics.bbox import YoloBBox, YoloBBoxes, YoloOBBox, YoloOBBoxes
from lakebed.model.ultralytics.pose import YoloPose, YoloPoseBodyPart, YoloPoses
from lakebed.model.ultralytics.segment import YoloSegment, YoloSegments

__all__ = [
    "YoloBBox",
    "YoloBBoxes",
    "YoloOBBox",
    "YoloOBBoxes",
    "YoloPose",
    "YoloPoseBodyPart",
    "YoloPoses",
    "YoloSegment",
    "YoloSegments",
]
