"""`Segment`: the outline of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from lakebed.model._points import pixels, rows, values_of
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Segment"]


class Segment(DataModel):
    """A polygon around what was found.

    Attributes:
        title: What is in it.
        x: The corners' distances from the left edge, in pixels.
        y: Their distances from the upper edge, in pixels.

    Examples:
        >>> Segment.from_list([[0, 9.6, 5], [0, 0, 8]], title="roof").x
        [0, 10, 5]
    """

    title: str = Field(default="")
    x: list[int] = Field(default=[])
    y: list[int] = Field(default=[])

    @classmethod
    def from_list(cls, points: Sequence[Sequence[float]], title: str = "") -> Self:
        """The polygon of two lists of one length: all x, then all y.

        Raises:
            DataChainParamsError: There are others than these.
        """
        x, y = rows(points, "a segment", ("x", "y"))
        return cls(title=title, x=pixels(x), y=pixels(y))

    @classmethod
    def from_dict(cls, points: Mapping[str, Sequence[float]], title: str = "") -> Self:
        """The polygon of the lists `x` and `y`."""
        return cls.from_list(values_of(points, "a segment", ("x", "y")), title)
