"""The rules that all sources of annotations follow."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.formats.points import AnnotationError, Annotations, check_on_film, off_film, place_points
from monai_ceph.landmarks import Landmark, LandmarkScheme

ABC = LandmarkScheme("abc", (Landmark("A", "a"), Landmark("B", "b"), Landmark("C", "c")))


def test_points_come_in_the_schemes_order() -> None:
    points, problems = place_points(ABC, [("C", 5, 6), ("A", 1, 2), ("B", 3, 4)], "x.json")
    np.testing.assert_array_equal(points, [[1, 2], [3, 4], [5, 6]])
    assert problems == []


def test_missing_point_is_reported_and_not_guessed() -> None:
    points, problems = place_points(ABC, [("C", 5, 6), ("A", 1, 2), ("B", np.nan, np.nan)], "x.json")
    np.testing.assert_array_equal(points, [[1, 2], [np.nan, np.nan], [5, 6]])
    assert problems == ["x.json: landmark B is missing."]


def test_doubled_point_at_two_places_counts_as_missing() -> None:
    points, problems = place_points(ABC, [("A", 1, 2), ("B", 3, 4), ("B", 3, 5), ("C", 5, 6)], "x.json")
    assert np.isnan(points[1]).all() and np.isfinite(points[[0, 2]]).all()
    assert problems == ["x.json: landmark B is given 2 times ((3.0, 4.0), (3.0, 5.0)); it counts as missing."]


def test_doubled_point_at_one_place_is_kept() -> None:
    points, problems = place_points(ABC, [("A", 1, 2), ("B", 3, 4), ("B", 3, 4), ("C", 5, 6)], "x.json")
    np.testing.assert_array_equal(points[1], [3, 4])
    assert problems == []


@pytest.mark.parametrize(
    ("point", "off"),
    [((-0.5, -0.5), False), ((9.5, 19.5), False), ((-0.51, 3), True), ((3, 19.51), True), ((np.nan, np.nan), False)],
)
def test_landmark_on_the_film_border(point: tuple[float, float], off: bool) -> None:
    points = np.array([[1, 1], point, [2, 2]], dtype=float)
    assert bool(off_film(ABC, points, (10, 20))) is off


def test_points_off_their_film_are_named() -> None:
    points = np.array([[1, 1], [2, 2], [12, 3]], dtype=float)
    annotations = Annotations("anna", ABC, {"001": points, "002": points, "003": points})
    assert check_on_film(annotations, {"001": (10, 20), "002": (20, 20), "004": (1, 1)}) == (
        "Film '001' of observer 'anna': landmark C at (12.0, 3.0) is off the 10 x 20 film.",
    )


def test_points_of_another_shape() -> None:
    with pytest.raises(AnnotationError, match=r"Film '001' of observer 'anna': expected points of shape \(3, 2\)"):
        Annotations("anna", ABC, {"001": np.zeros((4, 2))})
