"""COCO keypoints."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.coco_keypoints import parse_coco, to_coco
from monai_ceph.formats.files import json_text
from monai_ceph.formats.points import AnnotationError, SourceFilm
from monai_ceph.landmarks import Landmark, LandmarkScheme

PATH = Path("coco.json")
AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))
COCO = {
    "images": [{"id": 7, "file_name": "films/1.png", "width": 100, "height": 200}, {"id": 9, "file_name": "2.png"}],
    "categories": [{"id": 3, "name": "face", "keypoints": ["B", "nose", "A"]}],
    "annotations": [
        {"image_id": 7, "category_id": 3, "keypoints": [1, 2, 2, 9, 9, 2, 3, 4.5, 1]},
        {"image_id": 9, "category_id": 3, "keypoints": [5, 6, 2, 9, 9, 2, 0, 0, 0]},
    ],
}


def changed(**parts: Any) -> dict[str, Any]:
    return copy.deepcopy(COCO) | parts


def test_keypoints_by_name_and_those_not_labelled() -> None:
    found = parse_coco(COCO, PATH, AB)
    np.testing.assert_array_equal(found["1"].points_px, [[3, 4.5], [1, 2]])
    np.testing.assert_array_equal(found["2"].points_px, [[np.nan, np.nan], [5, 6]])
    nose = "coco.json: the keypoint 'nose' is not a landmark of scheme 'ab'; it is not used."
    assert found["1"].problems == [nose]
    assert found["2"].problems == [nose, "coco.json, film '2': landmark A is missing."]
    assert found["1"].source == SourceFilm("coco.json, film '1'", "films/1.png", (100, 200))
    assert found["2"].source == SourceFilm("coco.json, film '2'", "2.png", None)


@pytest.mark.parametrize("first", [0, 1])
def test_numbered_keypoints(first: int) -> None:
    content = changed(
        categories=[{"id": 3, "keypoints": [str(first), str(first + 1)]}],
        annotations=[{"image_id": 7, "category_id": 3, "keypoints": [1, 2, 2, 3, 4, 2]}],
    )
    np.testing.assert_array_equal(parse_coco(content, PATH, AB)["1"].points_px, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"images": 3}, r"expected COCO keypoints with images, categories .*got something else \(TypeError"),
        ({"categories": [{"id": 3}]}, r"got something else \(KeyError: 'keypoints'\)"),
        ({"annotations": []}, r"it holds no annotation"),
        ({"categories": [{"id": 3, "keypoints": ["x"]}]}, r"film '1': expected 3 numbers for 1 keypoints, got \[1, 2"),
        ({"categories": [{"id": 3, "keypoints": ["x", "y", "z"]}]}, r"none of its keypoints \(x, y, z\) is a landmark"),
        ({"categories": [{"id": 4, "keypoints": ["A"]}]}, r"an annotation is of image 7 and category 3, not both here"),
        ({"annotations": COCO["annotations"][:1] * 2}, r"film '1': it is annotated twice; remove one"),
        (
            {"annotations": [{"image_id": 7, "category_id": 3, "keypoints": ["x"] * 9}]},
            r"film '1', keypoint 'B': expected a number of pixels, got 'x'",
        ),
    ],
)
def test_malformed_file(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(AnnotationError, match=message) as caught:
        parse_coco(changed(**parts), PATH, AB)
    assert str(caught.value).startswith("coco.json")


def test_written_file() -> None:
    """By hand: the box of (10, 20) and (30.5, 60) is 20.5 wide and 40 high."""
    points = {"1.png": np.array([[10, 20], [30.5, 60]]), "2.png": np.array([[np.nan, np.nan], [3, 4]])}
    content = to_coco(points, AB, {"1.png": (100, 200)})
    assert content["images"] == [
        {"id": 1, "file_name": "1.png", "width": 100, "height": 200},
        {"id": 2, "file_name": "2.png", "width": None, "height": None},
    ]
    first, second = content["annotations"]
    assert first["keypoints"] == [10.0, 20.0, 2, 30.5, 60.0, 2]
    assert (first["bbox"], first["area"], first["num_keypoints"]) == ([10, 20, 20.5, 40], 820, 2)
    assert (second["keypoints"], second["num_keypoints"]) == ([0.0, 0.0, 0, 3.0, 4.0, 2], 1)
    assert content["categories"][0]["keypoints"] == ["A", "B"]


def test_written_file_is_read_back(tmp_path: Path) -> None:
    points = {"1.png": np.array([[10, 20], [30.5, 60]]), "2.png": np.array([[np.nan, np.nan], [3, 4]])}
    (tmp_path / "all.json").write_text(json_text(to_coco(points, AB, {"1.png": (100, 200)})))
    read = read_annotations(tmp_path / "all.json", AB)
    assert read.observer == "all" and list(read.points_px) == ["1", "2"]
    for film, expected in zip(("1", "2"), points.values(), strict=True):
        np.testing.assert_array_equal(read.points_px[film], expected)
