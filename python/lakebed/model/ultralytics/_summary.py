"""How the summaries of results, which `ultralytics` makes, become fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lakebed.model._points import pixels
from lakebed.model.boxes import BBox, OBBox
from lakebed.model.poses import Pose3D
from lakebed.model.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Part = type[BBox | OBBox | Pose3D | Segment]

_KEYS = {BBox: "box", OBBox: "box", Pose3D: "keypoints", Segment: "segments"}


class Result(Protocol):
    """What is needed of `ultralytics.engine.results.Results`."""

    def summary(self) -> list[dict[str, Any]]:
        """One dict for each thing that was found."""


def first(result: Result, **parts: Part) -> dict[str, Any]:
    """The fields of the first thing that was found; none if nothing was."""
    return next((_fields(found, parts) for found in result.summary()), {})


def all_of(results: Iterable[Result], **parts: Part) -> dict[str, list[Any]]:
    """The fields of all that was found, each a list; the items at one place belong together."""
    found = [_fields(found, parts) for result in results for found in result.summary()]
    names = ("cls", "name", "confidence", *parts)
    return {name: [fields[name] for fields in found] for name in names}


def _fields(found: Mapping[str, Any], parts: Mapping[str, Part]) -> dict[str, Any]:
    title = found.get("name", "")
    fields = {"cls": found["class"], "name": title, "confidence": found["confidence"]}
    made = {name: _made(part, found.get(_KEYS[part]), title) for name, part in parts.items()}
    return fields | made


def _made(part: Part, given: Any, title: str) -> Any:
    if not given:
        return part()
    if part is Pose3D:
        # a model may be trained for other points than those of a body, and not tell what is visible
        visible = given.get("visible", [1.0] * len(given["x"]))
        return Pose3D(x=pixels(given["x"]), y=pixels(given["y"]), visible=visible)
    return part.from_dict(given, title)  # type: ignore[call-arg]
