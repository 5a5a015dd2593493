"""The rules that all sources of annotations follow."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.formats.points import (
    AnnotationError,
    Annotations,
    SourceFilm,
    check_annotations,
    check_film,
    off_film,
    place_points,
)
from monai_ceph.landmarks import Landmark, LandmarkScheme

ABC = LandmarkScheme("abc", (Landmark("A", "a"), Landmark("B", "b"), Landmark("C", "c")))


def test_points_come_in_the_schemes_order() -> None:
    points, problems, _ = place_points(ABC, [("C", 5, 6), ("A", 1, 2), ("B", 3, 4)], SourceFilm("x.json"))
    np.testing.assert_array_equal(points, [[1, 2], [3, 4], [5, 6]])
    assert problems == []


def test_missing_point_is_reported_and_not_guessed() -> None:
    points, problems, _ = place_points(ABC, [("C", 5, 6), ("A", 1, 2), ("B", np.nan, np.nan)], SourceFilm("x.json"))
    np.testing.assert_array_equal(points, [[1, 2], [np.nan, np.nan], [5, 6]])
    assert problems == ["x.json: landmark B is missing."]


def test_doubled_point_at_two_places_counts_as_missing() -> None:
    points, problems, _ = place_points(ABC, [("A", 1, 2), ("B", 3, 4), ("B", 3, 5), ("C", 5, 6)], SourceFilm("x.json"))
    assert np.isnan(points[1]).all() and np.isfinite(points[[0, 2]]).all()
    assert problems == ["x.json: landmark B is given 2 times ((3.0, 4.0), (3.0, 5.0)); it counts as missing."]


def test_doubled_point_at_one_place_is_kept() -> None:
    points, problems, _ = place_points(ABC, [("A", 1, 2), ("B", 3, 4), ("B", 3, 4), ("C", 5, 6)], SourceFilm("x.json"))
    np.testing.assert_array_equal(points[1], [3, 4])
    assert problems == []


@pytest.mark.parametrize(
    ("point", "off"),
    [((-0.5, -0.5), False), ((9.5, 19.5), False), ((-0.51, 3), True), ((3, 19.51), True), ((np.nan, np.nan), False)],
)
def test_landmark_on_the_film_border(point: tuple[float, float], off: bool) -> None:
    points = np.array([[1, 1], point, [2, 2]], dtype=float)
    assert bool(off_film(ABC, points, (10, 20))) is off


POINTS = np.array([[1, 1], [2, 2], [12, 3]], dtype=float)


def test_points_off_their_film_are_named() -> None:
    annotations = Annotations("anna", ABC, {"001": POINTS, "002": POINTS, "003": POINTS})
    assert check_annotations(annotations, {"001": (10, 20), "002": (20, 20), "004": (1, 1)}) == (
        "Film '001' of observer 'anna': landmark C at (12.0, 3.0) px is off the 10 x 20 film.",
    )


def test_file_of_another_film_and_of_another_size() -> None:
    source = SourceFilm("x.json", "008.tif", (30, 40))
    assert check_film(ABC, POINTS, source, "007", (20, 20)) == [
        "x.json: it was made on another film, '008.tif', not on '007'.",
        "x.json: it was made on a film of 30 x 40 pixels, but this one has 20 x 20.",
    ]
    assert check_film(ABC, POINTS, SourceFilm("x.json", "films/007.TIF", (20, 20)), "007", (20, 20)) == []


def test_without_the_film_the_size_in_the_file_counts() -> None:
    annotations = Annotations("anna", ABC, {"001": POINTS}, sources={"001": SourceFilm("1.json", "001.png", (10, 10))})
    assert check_annotations(annotations) == ("1.json: landmark C at (12.0, 3.0) px is off the 10 x 10 film.",)
    assert check_annotations(Annotations("anna", ABC, {"001": POINTS})) == ()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-1, -1), (-0.0, 0.0)])
def test_placeholder_counts_as_missing_and_is_named(x: float, y: float) -> None:
    points, problems, _ = place_points(ABC, [("A", 1, 2), ("B", x, y), ("C", 5, 6)], SourceFilm("x.json"))
    assert np.isnan(points[1]).all() and np.isfinite(points[[0, 2]]).all()
    assert problems == [
        f"x.json: landmark B is at ({x:g}, {y:g}), which stands for a landmark that was not marked; it counts as "
        "missing."
    ]


def test_point_in_the_films_corner_but_for_a_pixel_is_no_placeholder() -> None:
    points, problems, _ = place_points(ABC, [("A", 0, 1), ("B", 1, 0), ("C", -1, 0)], SourceFilm("x.json"))
    np.testing.assert_array_equal(points, [[0, 1], [1, 0], [-1, 0]])
    assert problems == []


def test_films_take_the_spelling_of_others() -> None:
    source = SourceFilm("1.json")
    annotations = Annotations("anna", ABC, {"img1": POINTS, "b": POINTS + 1}, sources={"img1": source})
    spelled = annotations.spelled_like(["IMG1", "c"])
    assert list(spelled.points_px) == ["IMG1", "b"] and spelled.sources == {"IMG1": source}
    assert annotations.spelled_like(["img1"]) is annotations


def test_points_of_another_shape() -> None:
    with pytest.raises(AnnotationError, match=r"Film '001' of observer 'anna': expected points of shape \(3, 2\)"):
        Annotations("anna", ABC, {"001": np.zeros((4, 2))})
