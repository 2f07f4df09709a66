"""A model that always sees the same."""

from __future__ import annotations

from typing import Any

_X, _Y = [float(at) for at in range(17)], [float(at + 1) for at in range(17)]
_FOUND = {
    "name": "cat",
    "class": 15,
    "confidence": 0.9,
    "box": {"x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0},
    "keypoints": {"x": _X, "y": _Y, "visible": [1.0] * 17},
    "segments": {"x": _X, "y": _Y},
}


class Result:
    def summary(self) -> list[dict[str, Any]]:
        return [_FOUND]


class YOLO:
    def __init__(self, _name: str) -> None:
        pass

    def __call__(self, _picture: Any, *, verbose: bool) -> list[Result]:  # noqa: ARG002
        return [Result()]
