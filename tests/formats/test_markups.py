"""Slicer's markups."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.formats.markups import parse_fiducials, parse_markups, to_markups, write_markups
from monai_ceph.formats.points import AnnotationError, SourceFilm
from monai_ceph.formats.viewer_frame import ViewerFrame
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


TAKEN_AS_CALIBRATED = (
    ".: its markups do not say which film they were made on; their mm are taken as the film's calibrated mm from the "
    "centre of the first pixel."
)


def test_mm_that_say_nothing_of_their_film_become_pixels_by_the_spacing_with_a_remark() -> None:
    points, problems, source = parse_markups(markups(B, A), PATH, AB, (0.1, 0.5))
    np.testing.assert_allclose(points, [[10, 4], [30, 8]])
    assert problems == [TAKEN_AS_CALIBRATED] and source == SourceFilm("1.mrk.json")


def test_ras_is_the_other_way_round() -> None:
    content = markups(point("A", -1, -2), point("B", -3, -4), coordinateSystem="RAS")
    np.testing.assert_allclose(parse_markups(content, PATH, AB, (0.1, 0.5))[0], [[10, 4], [30, 8]])


FACE_PX = np.array([[600.0, 500.0], [1500.0, 520.0], [1400.0, 1700.0], [1300.0, 1900.0], [700.0, 1100.0]])
FIVE = LandmarkScheme("five", tuple(Landmark(s, s) for s in "SNABG"))
PNG = ViewerFrame.flat((1935, 2400), (1.0, 1.0))
"""As a viewer opens a PNG."""


def face(mm_per_px: float) -> dict[str, Any]:
    rows = zip("SNABG", (mm_per_px * FACE_PX).tolist(), strict=True)
    return markups(*(point(symbol, x, y) for symbol, (x, y) in rows))


def test_points_placed_in_a_viewer_are_taken_as_it_shows_the_film() -> None:
    for spacing in (None, (0.1, 0.1)):
        points, problems, _ = parse_markups(face(1.0), PATH, FIVE, spacing, PNG)
        np.testing.assert_allclose(points, FACE_PX)
        assert problems == []


def test_points_placed_in_a_viewer_are_not_taken_for_calibrated_mm_when_the_film_is_not_there() -> None:
    message = r"span 900 x 1400 mm, which no face .* pixel spacing of 0\.1 x 0\.1 mm: .* viewer .*; give the films"
    with pytest.raises(AnnotationError, match=message):
        parse_markups(face(1.0), PATH, FIVE, (0.1, 0.1))


def test_calibrated_mm_are_not_taken_for_a_viewers() -> None:
    """In the viewer's frame the face would be 14 mm high, in a corner of the film."""
    points, problems, _ = parse_markups(face(0.1), PATH, FIVE, (0.1, 0.1), PNG)
    np.testing.assert_allclose(points, FACE_PX)
    assert problems == [TAKEN_AS_CALIBRATED]


def test_mm_that_fit_neither_frame() -> None:
    with pytest.raises(AnnotationError, match=r"span 6300 x 9800 mm, which no face .*; is the pixel spacing right\?"):
        parse_markups(face(7.0), PATH, FIVE, (0.1, 0.1), PNG)


@pytest.mark.parametrize("units", ["px", ["{pixels}", "UCUM", "pixels"]])
def test_pixels_need_no_spacing(units: object) -> None:
    for spacing in (None, (0.1, 0.1)):
        points, _, _ = parse_markups(markups(A, B, coordinateUnits=units), PATH, AB, spacing)
        np.testing.assert_array_equal(points, [[1, 2], [3, 4]])


def test_undefined_unknown_and_doubled_points() -> None:
    content = markups(A, point("A", 9, 9), {"label": "B", "positionStatus": "undefined"}, point("F-1", 5, 5))
    points, problems, _ = parse_markups(content, PATH, AB, (1, 1))
    assert np.isnan(points).all()
    assert problems == [
        "1.mrk.json: the label 'F-1' is not a landmark of scheme 'ab'; it is not used.",
        TAKEN_AS_CALIBRATED,
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
    points, in_pixels, *said = parse_fiducials(content, "1.mrk.json")
    assert not in_pixels and said == [None, None, None]
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


def test_description_says_how_far_off_the_point_may_be() -> None:
    found = replace(_prediction((0.1, 0.2)), radius90_mm=np.array([1.84, np.nan]))
    points = to_markups(found)["markups"][0]["controlPoints"]
    assert points[0]["description"] == "sella; confidence 0.500; within 1.8 mm with 90 %"
    assert points[1]["description"] == "soft pogonion; missing"


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


TURNED = ViewerFrame((40, 50), (0.5, 0.25), np.array([5.0, 6.0, -7.0]), np.array([[0, 1], [1, 0], [0, 0]]))
"""x goes to the back, y to the left."""


def test_positions_in_a_viewers_frame() -> None:
    """By hand: (10.25, 20.5) px is (20.5 * 0.25, 10.25 * 0.5) mm from the origin."""
    (fiducials,) = to_markups(_prediction(None), TURNED)["markups"]
    assert fiducials["coordinateUnits"] == "mm"
    assert fiducials["controlPoints"][0]["position"] == [5 + 5.125, 6 + 5.125, -7.0]
    assert fiducials["controlPoints"][1]["positionStatus"] == "undefined"
    assert fiducials["film"] == {
        "name": "1.2.840.1.dcm",
        "size": [40, 50],
        "ijk_to_lps": [[0, 0.25, 0, 5], [0.5, 0, 0, 6], [0, 0, -1, -7], [0, 0, 0, 1]],
    }


@pytest.mark.parametrize("frame", [None, PNG, TURNED], ids=["calibrated", "png", "turned"])
@pytest.mark.parametrize("spacing_mm", [None, (0.1, 0.2)])
def test_file_is_read_back_by_the_frame_that_it_names(
    frame: ViewerFrame | None, spacing_mm: tuple[float, float] | None
) -> None:
    """Whatever the reader is told of the film: the file knows better."""
    content = to_markups(_prediction(spacing_mm), frame)
    for told, opened in ((None, None), ((7.0, 7.0), PNG)):
        points, problems, source = parse_markups(content, PATH, SCHEME, told, opened)
        np.testing.assert_allclose(points, POINTS, atol=1e-3)
        assert problems == ["1.mrk.json: landmark Pog' is missing."]
        assert (source.name, source.size) == ("1.2.840.1.dcm", frame and frame.size)


@pytest.mark.parametrize(
    "film",
    [
        "a.png",
        {"size": [1, 2]},
        {"name": "a.png", "size": [1]},
        {"name": "a.png", "ijk_to_lps": [[1, 0], [0, 1]]},
        {"name": "a.png", "ijk_to_lps": np.zeros((4, 4)).tolist()},
        {"name": "a.png", "ijk_to_lps": np.full((4, 4), np.nan).tolist()},
    ],
)
def test_malformed_film(film: Any) -> None:
    with pytest.raises(AnnotationError, match=r"1\.mrk\.json: expected a film {'name', 'size': \[X, Y\], 'ijk_to_lps'"):
        parse_markups(markups(A, B, film=film), PATH, AB)
