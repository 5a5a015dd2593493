"""labelme files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.formats.labelme import parse_labelme
from monai_ceph.formats.points import AnnotationError, SourceFilm
from monai_ceph.landmarks import ISBI19

PATH = Path("observer") / "007.json"
ALL = {f"l{k}": (10.0 * k, 20.0 * k) for k in range(1, len(ISBI19) + 1)}
POINTS = np.array(list(ALL.values()))


def shape(label: str, x: Any, y: Any, kind: str = "point") -> dict[str, Any]:
    return {"label": label, "points": [[x, y]], "group_id": None, "shape_type": kind, "flags": {}}


def labelme(shapes: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "version": "5.0.1",
        "flags": {},
        "shapes": shapes,
        "imagePath": "../images/007.tif",
        "imageData": None,
    } | more


def numbered(**changed: tuple[float, float]) -> list[dict[str, Any]]:
    return [shape(label, x, y) for label, (x, y) in (ALL | changed).items()]


def test_numbered_labels_in_any_order() -> None:
    points, problems, _ = parse_labelme(labelme(numbered()[::-1], imageWidth=400, imageHeight=400), PATH, ISBI19)
    np.testing.assert_array_equal(points, POINTS)
    assert problems == []


def test_symbols_as_labels() -> None:
    shapes = [shape(symbol, x, y) for symbol, (x, y) in zip(ISBI19.symbols, POINTS, strict=True)]
    points, problems, _ = parse_labelme(labelme(shapes), PATH, ISBI19)
    np.testing.assert_array_equal(points, POINTS)
    assert problems == []


def test_capital_l1_among_numbered_labels_is_not_taken_for_the_lower_incisor() -> None:
    shapes = [shape("L1", 1, 1), *numbered()[1:]]
    points, problems, _ = parse_labelme(labelme(shapes), PATH, ISBI19)
    assert np.isnan(points[ISBI19.index("S")]).all()
    np.testing.assert_array_equal(points[ISBI19.index("L1")], ALL["l11"])
    assert problems == [
        f"{PATH}: the label 'L1' is not a landmark of scheme 'isbi19'; it is not used.",
        f"{PATH}: landmark S is missing.",
    ]


def test_missing_and_doubled_points_are_reported_by_file_and_landmark() -> None:
    shapes = [s for s in numbered() if s["label"] != "l4"] + [shape("l6", 1, 1), shape("l7", *ALL["l7"])]
    points, problems, _ = parse_labelme(labelme(shapes), PATH, ISBI19)
    assert np.flatnonzero(np.isnan(points[:, 0])).tolist() == [3, 5]
    assert problems == [
        f"{PATH}: landmark Po is missing.",
        f"{PATH}: landmark B is given 2 times ((60.0, 120.0), (1.0, 1.0)); it counts as missing.",
    ]


def test_shapes_that_are_no_landmark_are_passed_over_and_reported() -> None:
    shapes = [*numbered(), shape("l20", 1, 1), shape("l1", 1, 1, "rectangle")]
    points, problems, _ = parse_labelme(labelme(shapes), PATH, ISBI19)
    np.testing.assert_array_equal(points, POINTS)
    assert problems == [
        f"{PATH}: the label 'l20' is not a landmark of scheme 'isbi19'; it is not used.",
        f"{PATH}: the label 'l1' is a rectangle, not a point; it is not used.",
    ]


def test_what_the_file_says_about_its_film() -> None:
    content = labelme(numbered(), imageWidth=400, imageHeight=300, imagePath=r"..\images\008.tif")
    assert parse_labelme(content, PATH, ISBI19).source == SourceFilm(str(PATH), "008.tif", (400, 300))
    for size in ({}, {"imageWidth": None, "imageHeight": None}, {"imageWidth": 0, "imageHeight": -1}):
        source = parse_labelme(labelme(numbered(), imagePath="", **size), PATH, ISBI19).source
        assert source == SourceFilm(str(PATH), None, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"shapes": None}, r"expected labelme JSON with a list of 'shapes'"),
        (
            labelme([shape("tooth", 1, 2)]),
            r"none of its labels \(tooth\) is a point of scheme 'isbi19'; expected l1 to l19",
        ),
        (labelme([shape("l1", "x", 2)]), r"label 'l1': expected a number of pixels, got 'x'"),
        (labelme([shape("l1", float("nan"), 2)]), r"label 'l1': expected a number of pixels, got nan"),
        (labelme([shape("l1", 1, 2) | {"points": []}]), r"label 'l1': expected one position \[\[x, y\]\], got \[\]"),
    ],
)
def test_malformed_file(content: dict[str, Any], message: str) -> None:
    with pytest.raises(AnnotationError, match=message) as caught:
        parse_labelme(content, PATH, ISBI19)
    assert str(caught.value).startswith(str(PATH))
