"""Boxes, poses and outlines: their forms, what they refuse, and how they are stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakebed as dc
from lakebed.exceptions import DataChainParamsError
from lakebed.model import BBox, OBBox, Pose, Pose3D, Segment, convert_bbox
from lakebed.model.ultralytics import (
    YoloBBox,
    YoloBBoxes,
    YoloOBBox,
    YoloOBBoxes,
    YoloPose,
    YoloPoseBodyPart,
    YoloPoses,
    YoloSegment,
    YoloSegments,
)

FORMS = {
    "albumentations": [0.1, 0.1, 0.9, 0.4],
    "coco": [10, 20, 80, 60],
    "voc": [10, 20, 90, 80],
    "yolo": [0.5, 0.25, 0.8, 0.3],
}
"""One box in an image of 100 times 200 pixels."""


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", FORMS)
def test_forms_of_a_box(source: Any, target: Any) -> None:
    made = convert_bbox(FORMS[source], (100, 200), source, target)
    assert made == pytest.approx(FORMS[target])


@given(
    st.lists(st.integers(0, 20_000), min_size=4, max_size=4),
    st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
)
def test_a_box_comes_back_from_each_form(edges: list[int], size: tuple[int, int]) -> None:
    box = BBox.from_voc(edges)
    assert BBox.from_coco(box.to_coco()) == box
    assert BBox.from_yolo(box.to_yolo(size), size) == box
    assert BBox.from_albumentations(box.to_albumentations(size), size) == box
    assert BBox.from_list(box.to_voc()) == box


def test_a_box_is_made_of_whole_pixels() -> None:
    assert BBox.from_coco((10.1, 19.9, 80.4, 60.0), title="cat") == BBox(
        title="cat", coords=[10, 20, 90, 80]
    )
    corners = {"x1": 1.4, "y1": 2, "x2": 3, "y2": 4}
    assert BBox.from_dict(corners, "dog").coords == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [(0, 0, False), (10, 20, True), (90, 80, True), (90, 19, False), (91, 50, False)],
)
def test_a_point_in_a_box(x: int, y: int, inside: bool) -> None:  # noqa: FBT001
    box = BBox.from_voc([10, 20, 90, 80])
    assert box.point_inside(x, y) is inside
    assert box.pose_inside(Pose(x=[50, x], y=[50, y])) is inside


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BBox.from_voc([1, 2, 3]), "a box takes 4 numbers, not 3"),
        (lambda: BBox.from_voc([1, 2, "3", 4]), "a box takes numbers, not `'3'`"),
        (lambda: BBox.from_yolo([10, 20, 90, 80], (100, 100)), "0.0 to 1.0, not `10`"),
        (lambda: BBox.from_dict({"x1": 1}), "a box takes the keys x1, y1, x2, y2, not x1"),
        (lambda: BBox().to_coco(), "a box takes 4 numbers, not 0"),
        (lambda: OBBox.from_list([1] * 7), "a turned box takes 8 numbers, not 7"),
        (lambda: Pose.from_list([[1] * 17]), "a pose takes 2 lists (x, y), not 1"),
        (lambda: Pose.from_list([[1] * 17, [1]]), "`y` of a pose takes 17 numbers, not 1"),
        (lambda: Pose3D.from_dict({"x": [], "y": []}), "the keys x, y, visible, not x, y"),
        (lambda: Segment.from_list([[1, 2], [3]]), "`y` of a segment takes 2 numbers, not 1"),
        (lambda: convert_bbox([1] * 4, (1, 1), "coco", "kitti"), "unknown form of boxes `kitti`"),  # type: ignore[arg-type]
    ],
)
def test_what_is_refused(make: Any, message: str) -> None:
    with pytest.raises(DataChainParamsError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize("values", [None, 3, "text"])
def test_what_has_no_items(values: Any) -> None:
    for make in (BBox.from_voc, OBBox.from_list, Pose.from_list, Segment.from_list):
        with pytest.raises(TypeError, match="takes a list, not"):
            make(values)


class Result:
    """What `ultralytics` gives for an image."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = found

    def summary(self) -> list[dict[str, Any]]:
        return list(self.found)


CAT = {
    "class": 15,
    "name": "cat",
    "confidence": 0.5,
    "box": {"x1": 1.6, "y1": 2, "x2": 3, "y2": 4},
    "keypoints": {"x": [1.2] * 17, "y": [2] * 17, "visible": [0.25] * 17},
    "segments": {"x": [1, 2, 3], "y": [4, 5, 6.6]},
}
TURNED = CAT | {"box": {f"{axis}{n}": n for n in (1, 2, 3, 4) for axis in "xy"}}
DOG = {"class": 16, "name": "dog", "confidence": 0.75}


def test_the_first_that_yolo_found() -> None:
    box = BBox(title="cat", coords=[2, 2, 3, 4])
    assert YoloBBox.from_result(Result(CAT, DOG)) == YoloBBox(
        cls=15, name="cat", confidence=0.5, box=box
    )
    assert YoloOBBox.from_result(Result(TURNED)).box.coords == [1, 1, 2, 2, 3, 3, 4, 4]
    assert YoloPose.from_result(Result(CAT)).pose.visible == [0.25] * 17
    assert YoloSegment.from_result(Result(CAT)).segment.y == [4, 5, 7]
    assert YoloSegment.from_result(Result()) == YoloSegment(cls=-1)


def test_all_that_yolo_found_stays_in_line() -> None:
    results = [Result(DOG), Result(), Result(CAT, DOG)]
    boxes = YoloBBoxes.from_results(results)
    assert boxes.name == ["dog", "cat", "dog"]
    assert [box.coords for box in boxes.box] == [[], [2, 2, 3, 4], []]
    assert YoloPoses.from_results(results).pose[1].x == [1] * 17
    assert [len(s.x) for s in YoloSegments.from_results(results).segment] == [0, 3, 0]
    assert YoloOBBoxes.from_results([Result(TURNED)]).box[0].title == "cat"


def test_points_of_other_models() -> None:
    hand = DOG | {"keypoints": {"x": [1.0] * 21, "y": [2.0] * 21}}
    pose = YoloPose.from_result(Result(hand)).pose
    assert (len(pose.x), pose.visible) == (21, [1.0] * 21)


def test_parts_of_a_body() -> None:
    assert Pose(x=list(range(17)), y=[0] * 17).x[YoloPoseBodyPart.left_ankle] == 15


def test_what_was_found_is_queried() -> None:
    found = YoloPoses.from_results([Result(CAT, DOG)])
    chain = dc.read_values(id=[1], found=[found]).save("found")
    assert chain.to_list() == [(1, found)]
    assert chain.mutate(first=dc.C("found.box")[0]["title"]).to_values("first") == ["cat"]
    assert chain.filter(dc.func.array.contains("found.name", "dog")).to_values("id") == [1]
