"""Boxes that YOLO models find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from lakebed.model.boxes import BBox, OBBox
from lakebed.model.ultralytics._summary import all_of, first
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakebed.model.ultralytics._summary import Result

__all__ = ["YoloBBox", "YoloBBoxes", "YoloOBBox", "YoloOBBoxes"]


class YoloBBox(DataModel):
    """A box that a model found.

    Attributes:
        cls: The number of its class; -1 if nothing was found.
        name: The class's name.
        confidence: How sure the model is, 0.0 to 1.0.
        box: The box around it.
    """

    cls: int = Field(default=-1)
    name: str = Field(default="")
    confidence: float = Field(default=0.0)
    box: BBox = Field(default=BBox())

    @classmethod
    def from_result(cls, result: Result) -> Self:
        """The first box of one image's results."""
        return cls(**first(result, box=BBox))


class YoloBBoxes(DataModel):
    """All boxes that a model found; items at one place belong together.

    Attributes:
        cls: The numbers of their classes.
        name: The classes' names.
        confidence: How sure the model is of each, 0.0 to 1.0.
        box: Their boxes.
    """

    cls: list[int] = Field(default=[])
    name: list[str] = Field(default=[])
    confidence: list[float] = Field(default=[])
    box: list[BBox] = Field(default=[])

    @classmethod
    def from_results(cls, results: Iterable[Result]) -> Self:
        """The boxes of all results."""
        return cls(**all_of(results, box=BBox))


class YoloOBBox(DataModel):
    """A turned box that a model found.

    Attributes:
        cls: The number of its class; -1 if nothing was found.
        name: The class's name.
        confidence: How sure the model is, 0.0 to 1.0.
        box: The turned box around it.
    """

    cls: int = Field(default=-1)
    name: str = Field(default="")
    confidence: float = Field(default=0.0)
    box: OBBox = Field(default=OBBox())

    @classmethod
    def from_result(cls, result: Result) -> Self:
        """The first turned box of one image's results."""
        return cls(**first(result, box=OBBox))


class YoloOBBoxes(DataModel):
    """All turned boxes that a model found; items at one place belong together.

    Attributes:
        cls: The numbers of their classes.
        name: The classes' names.
        confidence: How sure the model is of each, 0.0 to 1.0.
        box: Their boxes.
    """

    cls: list[int] = Field(default=[])
    name: list[str] = Field(default=[])
    confidence: list[float] = Field(default=[])
    box: list[OBBox] = Field(default=[])

    @classmethod
    def from_results(cls, results: Iterable[Result]) -> Self:
        """The turned boxes of all results."""
        return cls(**all_of(results, box=OBBox))
