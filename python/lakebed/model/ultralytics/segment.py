"""Outlines that YOLO models find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from lakebed.model.boxes import BBox
from lakebed.model.segments import Segment
from lakebed.model.ultralytics._summary import all_of, first
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakebed.model.ultralytics._summary import Result

__all__ = ["YoloSegment", "YoloSegments"]


class YoloSegment(DataModel):
    """An outline that a model found.

    Attributes:
        cls: The number of its class; -1 if nothing was found.
        name: The class's name.
        confidence: How sure the model is, 0.0 to 1.0.
        box: The box around it.
        segment: Its outline.
    """

    cls: int = Field(default=-1)
    name: str = Field(default="")
    confidence: float = Field(default=0.0)
    box: BBox = Field(default=BBox())
    segment: Segment = Field(default=Segment())

    @classmethod
    def from_result(cls, result: Result) -> Self:
        """The first outline of one image's results."""
        return cls(**first(result, box=BBox, segment=Segment))


class YoloSegments(DataModel):
    """All outlines that a model found; items at one place belong together.

    Attributes:
        cls: The numbers of their classes.
        name: The classes' names.
        confidence: How sure the model is of each, 0.0 to 1.0.
        box: Their boxes.
        segment: Their outlines.
    """

    cls: list[int] = Field(default=[])
    name: list[str] = Field(default=[])
    confidence: list[float] = Field(default=[])
    box: list[BBox] = Field(default=[])
    segment: list[Segment] = Field(default=[])

    @classmethod
    def from_results(cls, results: Iterable[Result]) -> Self:
        """The outlines of all results."""
        return cls(**all_of(results, box=BBox, segment=Segment))
