"""Poses that YOLO models find."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Self

from pydantic import Field

from lakebed.model.boxes import BBox
from lakebed.model.poses import Pose3D
from lakebed.model.ultralytics._summary import all_of, first
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakebed.model.ultralytics._summary import Result

__all__ = ["YoloPose", "YoloPoseBodyPart", "YoloPoses"]


class YoloPoseBodyPart(IntEnum):
    """The places of the parts of a body in the lists of a pose."""

    nose = 0
    left_eye = 1
    right_eye = 2
    left_ear = 3
    right_ear = 4
    left_shoulder = 5
    right_shoulder = 6
    left_elbow = 7
    right_elbow = 8
    left_wrist = 9
    right_wrist = 10
    left_hip = 11
    right_hip = 12
    left_knee = 13
    right_knee = 14
    left_ankle = 15
    right_ankle = 16


class YoloPose(DataModel):
    """A body that a model found.

    Attributes:
        cls: The number of its class; -1 if nothing was found.
        name: The class's name.
        confidence: How sure the model is, 0.0 to 1.0.
        box: The box around it.
        pose: Its points.
    """

    cls: int = Field(default=-1)
    name: str = Field(default="")
    confidence: float = Field(default=0.0)
    box: BBox = Field(default=BBox())
    pose: Pose3D = Field(default=Pose3D())

    @classmethod
    def from_result(cls, result: Result) -> Self:
        """The first body of one image's results."""
        return cls(**first(result, box=BBox, pose=Pose3D))


class YoloPoses(DataModel):
    """All bodies that a model found; items at one place belong together.

    Attributes:
        cls: The numbers of their classes.
        name: The classes' names.
        confidence: How sure the model is of each, 0.0 to 1.0.
        box: Their boxes.
        pose: Their points.
    """

    cls: list[int] = Field(default=[])
    name: list[str] = Field(default=[])
    confidence: list[float] = Field(default=[])
    box: list[BBox] = Field(default=[])
    pose: list[Pose3D] = Field(default=[])

    @classmethod
    def from_results(cls, results: Iterable[Result]) -> Self:
        """The bodies of all results."""
        return cls(**all_of(results, box=BBox, pose=Pose3D))
