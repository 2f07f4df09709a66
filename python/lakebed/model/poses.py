"""`Pose` and `Pose3D`: where the parts of a body are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from lakebed.model._points import pixels, rows, values_of
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Pose", "Pose3D"]

_POINTS = 17
"""The points of a body in COCO's order: nose, eyes, ears, shoulders, … ankles."""


class Pose(DataModel):
    """The points of a body.

    Attributes:
        x: The points' distances from the left edge, in pixels.
        y: Their distances from the upper edge, in pixels.

    Examples:
        >>> Pose.from_list([range(17), range(17)]).x[5]
        5
    """

    x: list[int] = Field(default=[])
    y: list[int] = Field(default=[])

    @classmethod
    def from_list(cls, points: Sequence[Sequence[float]]) -> Self:
        """The pose of two lists of 17 numbers: all x, then all y.

        Raises:
            DataChainParamsError: There are others than these.
        """
        x, y = rows(points, "a pose", ("x", "y"), _POINTS)
        return cls(x=pixels(x), y=pixels(y))

    @classmethod
    def from_dict(cls, points: Mapping[str, Sequence[float]]) -> Self:
        """The pose of the lists `x` and `y`, with 17 numbers each."""
        return cls.from_list(values_of(points, "a pose", ("x", "y")))


class Pose3D(DataModel):
    """The points of a body, and how sure it is that each can be seen.

    Attributes:
        x: The points' distances from the left edge, in pixels.
        y: Their distances from the upper edge, in pixels.
        visible: How sure it is that a point is visible, 0.0 to 1.0.

    Examples:
        >>> Pose3D.from_list([range(17), range(17), [0.5] * 17]).visible[0]
        0.5
    """

    x: list[int] = Field(default=[])
    y: list[int] = Field(default=[])
    visible: list[float] = Field(default=[])

    @classmethod
    def from_list(cls, points: Sequence[Sequence[float]]) -> Self:
        """The pose of three lists of 17 numbers: all x, all y, and how visible they are.

        Raises:
            DataChainParamsError: There are others than these.
        """
        x, y, visible = rows(points, "a pose", ("x", "y", "visible"), _POINTS)
        return cls(x=pixels(x), y=pixels(y), visible=visible)

    @classmethod
    def from_dict(cls, points: Mapping[str, Sequence[float]]) -> Self:
        """The pose of the lists `x`, `y` and `visible`, with 17 numbers each."""
        return cls.from_list(values_of(points, "a pose", ("x", "y", "visible")))
