from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.writers import Prediction, to_markups, write_markups

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
