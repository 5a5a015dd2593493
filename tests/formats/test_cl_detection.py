"""CL-Detection 2023."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.cl_detection import parse_cl_detection, to_cl_detection
from monai_ceph.formats.files import json_text
from monai_ceph.formats.points import AnnotationError
from monai_ceph.landmarks import CL_DETECTION38, ISBI19, Landmark, LandmarkScheme

PATH = Path("train-gt.json")
S_AND_ANS = LandmarkScheme("two", (Landmark("ANS", ""), Landmark("S", "")))


def row(name: str, x: Any, y: Any, film: Any = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "point": [x, y, film]} | more


def challenge(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"name": "Orthodontic landmarks", "type": "Multiple points", "points": list(rows)}


def test_ground_truth_of_two_films_with_their_scales() -> None:
    """Landmark 1 is the sella, 18 the anterior nasal spine; scales may be texts."""
    content = challenge(
        row("1", 831.5, 993, 1, scale="0.1"), row("18", 5, 6, 1, scale=0.1), row("18", 7, 8, 12, scale=0.096)
    )
    found = parse_cl_detection(content, PATH, S_AND_ANS)
    np.testing.assert_array_equal(found["1"].points_px, [[5, 6], [831.5, 993]])
    np.testing.assert_array_equal(found["12"].points_px, [[7, 8], [np.nan, np.nan]])
    assert [one.source.spacing_mm for one in found.values()] == [(0.1, 0.1), (0.096, 0.096)]
    assert found["12"].problems == ["train-gt.json, film 12: landmark S is missing."]


def test_all_38_and_the_19_of_isbi_among_them(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(10, 2000, (38, 2)).round(3)
    content = to_cl_detection({"3": points}, CL_DETECTION38, {"3": (0.125, 0.125)})
    (tmp_path / "a.json").write_text(json_text(content))
    read = read_annotations(tmp_path / "a.json", CL_DETECTION38)
    np.testing.assert_array_equal(read.points_px["3"], points)
    assert (read.observer, read.problems, read.spacings_mm) == ("a", (), {"3": (0.125, 0.125)})
    np.testing.assert_array_equal(read_annotations(tmp_path / "a.json", ISBI19).points_px["3"], points[:19])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"points": 3}, r"expected CL-Detection JSON with a list of 'points'"),
        (challenge(), r"it holds no point"),
        (challenge(row("39", 1, 2)), r"point 0: expected a landmark from '1' to '38', got '39'"),
        (challenge(row("1", "x", 2)), r"point 0: expected a number of pixels, got 'x'"),
        (challenge(row("1", 1, 2, 1.5)), r"point 0: expected the number of a film, got 1\.5"),
        (challenge({"name": "1", "point": [1, 2]}), r"point 0: expected a point \[x, y, film\], got \[1, 2\]"),
        (challenge(row("1", 1, 2, scale=0)), r"point 0: expected one scale, mm a pixel, for film 1, got 0"),
        (
            challenge(row("1", 1, 2, scale=0.1), row("2", 1, 2, scale=0.2)),
            r"point 1: expected one scale, mm a pixel, for film 1, got 0\.2 after 0\.1",
        ),
    ],
)
def test_malformed_file(content: dict[str, Any], message: str) -> None:
    with pytest.raises(AnnotationError, match=message) as caught:
        parse_cl_detection(content, PATH, S_AND_ANS)
    assert str(caught.value).startswith("train-gt.json")


def test_what_the_format_has_no_place_for() -> None:
    points = np.ones((2, 2))
    with pytest.raises(ValueError, match=r"Film 'anna\.png': CL-Detection knows films by number; call it 1, 2"):
        to_cl_detection({"anna.png": points}, S_AND_ANS, {})
    with pytest.raises(ValueError, match=r"Film '1': CL-Detection has one scale a film, got 0\.1 x 0\.2 mm pixels"):
        to_cl_detection({"1": points}, S_AND_ANS, {"1": (0.1, 0.2)})


def test_results_have_no_scale_and_leave_out_what_was_not_found() -> None:
    written = to_cl_detection({"2.bmp": np.array([[1.5, 2], [np.nan, np.nan]])}, S_AND_ANS, {})
    assert written["points"] == [{"name": "18", "point": [1.5, 2.0, 2]}]
    assert (written["name"], written["type"]) == ("Orthodontic landmarks", "Multiple points")
