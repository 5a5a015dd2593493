"""Slicer's markups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.formats.markups import parse_fiducials, parse_markups, to_markups, write_markups
from monai_ceph.formats.points import AnnotationError
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction

AB = LandmarkScheme("ab", (Landmark("A", "a"), Landmark("B", "b")))
PATH = Path("1.mrk.json")


def markups(*points: dict[str, Any], **more: Any) -> dict[str, Any]:
    fiducial = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": list(points)}
    return {"markups": [fiducial | more]}


def point(label: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    return {"label": label, "position": [x, y, 0.0], "positionStatus": "defined"} | more


A, B = point("A", 1, 2), point("B", 3, 4)


def test_mm_become_pixels_by_the_spacing() -> None:
    points, problems = parse_markups(markups(B, A), PATH, AB, (0.1, 0.5))
    np.testing.assert_allclose(points, [[10, 4], [30, 8]])
    assert problems == []


def test_ras_is_the_other_way_round() -> None:
    content = markups(point("A", -1, -2), point("B", -3, -4), coordinateSystem="RAS")
    np.testing.assert_allclose(parse_markups(content, PATH, AB, (0.1, 0.5))[0], [[10, 4], [30, 8]])


@pytest.mark.parametrize("units", ["px", ["{pixels}", "UCUM", "pixels"]])
def test_pixels_need_no_spacing(units: object) -> None:
    for spacing in (None, (0.1, 0.1)):
        points, _ = parse_markups(markups(A, B, coordinateUnits=units), PATH, AB, spacing)
        np.testing.assert_array_equal(points, [[1, 2], [3, 4]])


def test_undefined_unknown_and_doubled_points() -> None:
    content = markups(A, point("A", 9, 9), {"label": "B", "positionStatus": "undefined"}, point("F-1", 5, 5))
    points, problems = parse_markups(content, PATH, AB, (1, 1))
    assert np.isnan(points).all()
    assert problems == [
        "1.mrk.json: the label 'F-1' is not a landmark of scheme 'ab'; it is not used.",
        "1.mrk.json: landmark A is given 2 times ((1.0, 2.0), (9.0, 9.0)); it counts as missing.",
        "1.mrk.json: landmark B is missing.",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (markups(A, B), r"its positions are in mm; give the films' pixel spacing"),
        (markups(A, B, coordinateUnits="inch"), r"expected coordinateUnits 'mm' or pixels, got 'inch'"),
        (markups(A, B, type="Line"), r"expected Slicer markups with one Fiducial list, got 0"),
        ({"markups": markups(A)["markups"] * 2}, r"expected Slicer markups with one Fiducial list, got 2"),
        ({"markups": 3}, r"expected Slicer markups with one Fiducial list, got 0"),
        (markups(point("F-1", 1, 2), coordinateUnits="px"), r"none of its labels \(F-1\) is a landmark of scheme 'ab'"),
        (markups(A | {"position": [1, 2]}, coordinateUnits="px"), r"label 'A': expected a position \[x, y, z\]"),
        (
            markups(A | {"position": [1, "y", 0]}, coordinateUnits="px"),
            r"label 'A': expected a position \[x, y, z\] of three numbers, got \[1, 'y', 0\]",
        ),
    ],
)
def test_malformed_file(content: dict[str, Any], message: str) -> None:
    with pytest.raises(AnnotationError, match=message) as caught:
        parse_markups(content, PATH, AB)
    assert str(caught.value).startswith("1.mrk.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"expected Slicer markups with one Fiducial list, got 0"),
        (markups(A, coordinateSystem="IJK"), r"expected coordinateSystem 'LPS' or 'RAS', got 'IJK'"),
        (markups(A, controlPoints="S"), r"expected a list of controlPoints, got 'S'"),
        (markups(A, controlPoints=["S"]), r"expected a list of controlPoints, got \['S'\]"),
        (markups({"position": [1, 2, 0]}), r"expected a label for every control point, got {'position': \[1, 2, 0\]}"),
        (markups(A | {"positionStatus": 1}), r"expected a label for every control point"),
        (markups(A | {"position": [1, 2, float("nan")]}), r"label 'A': expected a position .* got \[1, 2, nan\]"),
        (markups(A | {"position": [True, 2, 0]}), r"label 'A': expected a position .* got \[True, 2, 0\]"),
        (markups(A | {"position": [10**400, 2, 0]}), r"label 'A': expected a position .* got \[10+\.\.\.0+, 2, 0\]"),
    ],
)
def test_malformed_list(content: Any, message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        parse_fiducials(content, "1.mrk.json")


def test_control_points_as_they_are() -> None:
    content = markups(point(" A ", 1, 2), point("F-1", 3, 4, positionStatus="preview"), coordinateSystem="RAS")
    points, in_pixels = parse_fiducials(content, "1.mrk.json")
    assert not in_pixels
    assert points[0] == ("A", "defined", (-1, -2, 0))
    assert points[1][:2] == ("F-1", "preview") and np.isnan(points[1].position).all()


SCHEME = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("Pog'", "soft pogonion")))
POINTS = np.array([[10.25, 20.5], [np.nan, np.nan]])


def _prediction(spacing_mm: tuple[float, float] | None) -> Prediction:
    return Prediction("1.2.840.1.dcm", SCHEME, POINTS, np.array([0.5, np.nan]), spacing_mm, "user")


def test_positions_are_lps_millimetres_on_the_films_plane(tmp_path: Path) -> None:
    write_markups(tmp_path / "a.mrk.json", _prediction((0.1, 0.2)))
    content = json.loads((tmp_path / "a.mrk.json").read_text())
    (fiducials,) = content["markups"]
    assert fiducials["type"] == "Fiducial"
    assert (fiducials["coordinateSystem"], fiducials["coordinateUnits"]) == ("LPS", "mm")
    assert fiducials["name"] == "1.2.840.1"
    assert fiducials["controlPoints"][0]["label"] == "S"
    assert fiducials["controlPoints"][0]["position"] == pytest.approx([1.025, 4.1, 0])
    assert fiducials["controlPoints"][0]["description"] == "sella; confidence 0.500"


def test_landmark_that_was_not_found_stays_without_a_position() -> None:
    point = to_markups(_prediction((0.1, 0.1)))["markups"][0]["controlPoints"][1]
    assert (point["label"], point["positionStatus"]) == ("Pog'", "undefined")
    assert "position" not in point


def test_unknown_spacing_says_pixels() -> None:
    (fiducials,) = to_markups(_prediction(None))["markups"]
    assert fiducials["coordinateUnits"] == ["{pixels}", "UCUM", "pixels"]
    assert fiducials["controlPoints"][0]["position"] == [10.25, 20.5, 0]


def test_file_is_strict_json() -> None:
    json.dumps(to_markups(_prediction(None)), allow_nan=False)


def test_positions_in_a_viewers_frame_are_taken_as_they_are() -> None:
    positions_lps = np.array([[5.0, 6.0, -7.0], [np.nan] * 3])
    (fiducials,) = to_markups(_prediction(None), positions_lps)["markups"]
    assert fiducials["coordinateUnits"] == "mm"
    assert fiducials["controlPoints"][0]["position"] == [5.0, 6.0, -7.0]
    assert fiducials["controlPoints"][1]["positionStatus"] == "undefined"
