"""`BBox` and `OBBox`: rectangles around what was found, and the forms they are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from lakebed.exceptions import DataChainParamsError
from lakebed.model._points import numbers, pixels, values_of
from lakebed.models import DataModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed.model.poses import Pose, Pose3D

    BoxForm = Literal["albumentations", "coco", "voc", "yolo"]

__all__ = ["BBox", "OBBox", "convert_bbox"]

_FORMS = ("albumentations", "coco", "voc", "yolo")
_CORNERS = 4


def convert_bbox(
    coords: Sequence[float], img_size: Sequence[int], source: BoxForm, target: BoxForm
) -> list[float]:
    """A box in another form.

    Args:
        coords: Four numbers. `voc`: left, upper, right and lower edge in pixels; `coco`:
            left and upper edge, width and height in pixels; `albumentations`: as `voc`, in
            parts of the image's size; `yolo`: centre (x, y), width and height in parts of it.
        img_size: Width and height of the image in pixels.
        source: The form of `coords`.
        target: The form of the result.

    Raises:
        DataChainParamsError: A form is unknown, or there are not four numbers.

    Examples:
        >>> convert_bbox([10, 20, 80, 60], (100, 200), "coco", "yolo")
        [0.5, 0.25, 0.8, 0.3]
    """
    for form in (source, target):
        if form not in _FORMS:
            msg = f"unknown form of boxes `{form}`; hint: one of {', '.join(_FORMS)}"
            raise DataChainParamsError(msg)
    given = numbers(coords, "a box", _CORNERS)
    if source == target:
        return given
    return _from_edges(_edges(given, img_size, source), img_size, target)


def _edges(coords: Sequence[float], img_size: Sequence[int], source: BoxForm) -> list[float]:
    """Left, upper, right and lower edge in pixels."""
    a, b, c, d = coords
    if source == "coco":
        return [a, b, a + c, b + d]
    if source == "yolo":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    width, height = (1, 1) if source == "voc" else img_size
    return [a * width, b * height, c * width, d * height]


def _from_edges(edges: Sequence[float], img_size: Sequence[int], target: BoxForm) -> list[float]:
    left, upper, right, lower = edges
    width, height = img_size
    if target == "voc":
        return list(edges)
    if target == "coco":
        return [left, upper, right - left, lower - upper]
    if target == "albumentations":
        return [left / width, upper / height, right / width, lower / height]
    centre = ((left + right) / 2 / width, (upper + lower) / 2 / height)
    return [*centre, (right - left) / width, (lower - upper) / height]


class BBox(DataModel):
    """A rectangle whose sides are those of the image.

    Attributes:
        title: What is in it.
        coords: Left, upper, right and lower edge in pixels, which all belong to the box.

    Examples:
        >>> box = BBox.from_coco([10, 20, 80, 60], title="cat")
        >>> box.coords, box.point_inside(50, 50)
        ([10, 20, 90, 80], True)
    """

    title: str = Field(default="")
    coords: list[int] = Field(default=[])

    @classmethod
    def from_albumentations(
        cls, coords: Sequence[float], img_size: Sequence[int], title: str = ""
    ) -> Self:
        """The box of left, upper, right and lower edge in parts of the image's size.

        Args:
            coords: The edges, 0.0 to 1.0.
            img_size: Width and height of the image in pixels.
            title: What is in it.
        """
        return cls._of(_parts(coords), img_size, "albumentations", title)

    def to_albumentations(self, img_size: Sequence[int]) -> list[float]:
        """Left, upper, right and lower edge in parts of the image's size."""
        return convert_bbox(self.coords, img_size, "voc", "albumentations")

    @classmethod
    def from_coco(cls, coords: Sequence[float], title: str = "") -> Self:
        """The box of left and upper edge, width and height in pixels."""
        return cls._of(coords, (1, 1), "coco", title)

    def to_coco(self) -> list[int]:
        """Left and upper edge, width and height in pixels."""
        return pixels(convert_bbox(self.coords, (1, 1), "voc", "coco"))

    @classmethod
    def from_voc(cls, coords: Sequence[float], title: str = "") -> Self:
        """The box of left, upper, right and lower edge in pixels."""
        return cls._of(coords, (1, 1), "voc", title)

    def to_voc(self) -> list[int]:
        """Left, upper, right and lower edge in pixels."""
        return list(self.coords)

    @classmethod
    def from_yolo(cls, coords: Sequence[float], img_size: Sequence[int], title: str = "") -> Self:
        """The box of centre (x, y), width and height in parts of the image's size.

        Args:
            coords: The numbers, 0.0 to 1.0.
            img_size: Width and height of the image in pixels.
            title: What is in it.
        """
        return cls._of(_parts(coords), img_size, "yolo", title)

    def to_yolo(self, img_size: Sequence[int]) -> list[float]:
        """Centre (x, y), width and height in parts of the image's size."""
        return convert_bbox(self.coords, img_size, "voc", "yolo")

    @classmethod
    def from_list(cls, coords: Sequence[float], title: str = "") -> Self:
        """The same as `from_voc`."""
        return cls.from_voc(coords, title)

    @classmethod
    def from_dict(cls, coords: Mapping[str, float], title: str = "") -> Self:
        """The box of the edges `x1`, `y1`, `x2` and `y2` in pixels."""
        return cls.from_voc(values_of(coords, "a box", ("x1", "y1", "x2", "y2")), title)

    def point_inside(self, x: float, y: float) -> bool:
        """Whether a point is within the box or on its edges."""
        left, upper, right, lower = numbers(self.coords, "a box", _CORNERS)
        return left <= x <= right and upper <= y <= lower

    def pose_inside(self, pose: Pose | Pose3D) -> bool:
        """Whether all points of a pose are within the box or on its edges."""
        return all(self.point_inside(x, y) for x, y in zip(pose.x, pose.y, strict=True))

    @classmethod
    def _of(cls, coords: Any, img_size: Sequence[int], form: BoxForm, title: str) -> Self:
        return cls(title=title, coords=pixels(convert_bbox(coords, img_size, form, "voc")))


class OBBox(DataModel):
    """A rectangle that may be turned.

    Attributes:
        title: What is in it.
        coords: Its corners in pixels: x1, y1, x2, y2, x3, y3, x4, y4.

    Examples:
        >>> OBBox.from_list([1.2, 2, 3, 4, 5, 6, 7, 8.9]).coords
        [1, 2, 3, 4, 5, 6, 7, 9]
    """

    title: str = Field(default="")
    coords: list[int] = Field(default=[])

    @classmethod
    def from_list(cls, coords: Sequence[float], title: str = "") -> Self:
        """The box of eight numbers: x and y of each corner in pixels."""
        corners = numbers(coords, "a turned box", 2 * _CORNERS)
        return cls(title=title, coords=pixels(corners))

    @classmethod
    def from_dict(cls, coords: Mapping[str, float], title: str = "") -> Self:
        """The box of the corners `x1`, `y1`, …, `x4` and `y4` in pixels."""
        names = [f"{axis}{corner}" for corner in range(1, _CORNERS + 1) for axis in "xy"]
        return cls.from_list(values_of(coords, "a turned box", names), title)


def _parts(coords: Any) -> list[float]:
    """Parts of a size; whole numbers above 1 are pixels that were given by mistake."""
    given = numbers(coords, "a box", _CORNERS)
    for number in given:
        if isinstance(number, int) and number not in {0, 1}:
            msg = f"this form of boxes takes parts of the image's size, 0.0 to 1.0, not `{number}`"
            raise DataChainParamsError(msg)
    return given
