"""What models see in images: boxes, poses and outlines, as columns of typed values.

Coordinates are whole pixels from the upper left corner, x to the right and y down.
"""

from __future__ import annotations

from lakebed.model.boxes import BBox, OBBox, convert_bbox
from lakebed.model.poses import Pose, Pose3D
from lakebed.model.segments import Segment

__all__ = ["BBox", "OBBox", "Pose", "Pose3D", "Segment", "convert_bbox"]
