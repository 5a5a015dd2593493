from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ceph.analysis.uncertainty import ELLIPSE90
from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.writers import draw_overlay, write_overlay
from monai_ceph.writers.overlay import (
    LONGEST_SIDE,
    PREDICTED,
    REFERENCE,
    picture_scale,
    to_gray8,
    to_picture,
)

SELLA = LandmarkScheme("one", (Landmark("S", "sella"),))


def _prediction(points: list[list[float]], scheme: LandmarkScheme = SELLA) -> Prediction:
    return Prediction("a.png", scheme, np.array(points), np.ones(len(scheme)), (0.1, 0.1), "user")


def _centre_of(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """Return the (x, y) centre of a colour's extent."""
    rows, columns = np.nonzero((np.asarray(picture) == colour).all(-1))
    return np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2


def test_cross_is_drawn_on_the_films_bright_dot() -> None:
    # x is the first array axis and points right in the picture.
    film = np.zeros((1300, 1500), dtype=np.uint8)
    film[400, 900] = 255
    bare = np.asarray(draw_overlay(film, _prediction([[np.nan, np.nan]]), legend=False))[..., 0]
    assert np.argwhere(bare == 255).tolist() == [[900, 400]]
    drawn = draw_overlay(np.zeros_like(film), _prediction([[400, 900]]), legend=False).crop((380, 880, 411, 921))
    np.testing.assert_allclose(_centre_of(drawn, PREDICTED), (20, 20), atol=1)


@pytest.mark.parametrize("size", [(97, 120), (1935, 2400), (5000, 3000), (1, 1), (3000, 40)])
def test_picture_of_any_film_has_a_readable_size(size: tuple[int, int]) -> None:
    picture = draw_overlay(np.zeros(size, dtype=np.uint16), _prediction([[0, 0]]))
    assert LONGEST_SIDE[0] <= max(picture.size) <= LONGEST_SIDE[1]
    scale = picture_scale(size)
    np.testing.assert_allclose(picture.size, np.array(size) * scale, atol=0.5)


def test_reference_is_drawn_in_its_own_colour() -> None:
    film = np.zeros((1200, 1200), dtype=np.uint8)
    picture = draw_overlay(film, _prediction([[300, 300]]), np.array([[700, 500]]), legend=False)
    np.testing.assert_allclose(_centre_of(picture, REFERENCE), (700, 500), atol=1)


def test_ellipse_is_as_long_as_its_covariance_says() -> None:
    film = np.zeros((1300, 1500), dtype=np.uint8)
    covariance = np.array([np.diag([9.0, 1.0])]) / ELLIPSE90  # half axes of 3 and 1 mm, pixels of 0.1 mm
    found = replace(_prediction([[400, 900]]), covariance_mm2=covariance)
    rows, columns = np.nonzero((np.asarray(draw_overlay(film, found, legend=False)) == PREDICTED).all(-1))
    near = (abs(columns - 400) < 60) & (abs(rows - 900) < 14)  # the symbol is outside
    assert [columns[near].min(), columns[near].max()] == pytest.approx([370, 430], abs=2)
    assert [rows[abs(columns - 400) < 5].min(), rows[abs(columns - 400) < 5].max()] == pytest.approx([890, 910], abs=2)


def test_ellipse_is_not_drawn_without_a_pixel_size() -> None:
    plain = replace(_prediction([[400, 900]]), spacing_mm=None)
    with_ellipse = replace(plain, covariance_mm2=np.eye(2)[None])
    pictures = [np.asarray(draw_overlay(np.zeros((1300, 1500)), p, legend=False)) for p in (plain, with_ellipse)]
    assert np.array_equal(*pictures)


def test_landmark_not_found_is_labelled_at_its_reference() -> None:
    two = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))
    prediction = _prediction([[np.nan, np.nan], [300, 300]], two)
    picture = draw_overlay(np.zeros((1200, 1200)), prediction, np.array([[700, 500], [np.nan, np.nan]]), legend=False)
    circle, label = picture.crop((690, 485, 710, 515)), picture.crop((710, 485, 740, 515))
    for part in (circle, label):
        assert (np.asarray(part) == REFERENCE).all(-1).any()
        assert not (np.asarray(part) == PREDICTED).all(-1).any()


def test_film_without_any_landmark_found_is_drawn() -> None:
    missing = Prediction("a.png", ISBI19, np.full((19, 2), np.nan), np.full(19, np.nan), None, "unknown")
    assert draw_overlay(np.zeros((300, 400)), missing).mode == "RGB"


def test_pixel_centres_are_at_integers_in_film_and_picture() -> None:
    # The first film pixel covers picture pixels 0 and 1, so its centre is at 0.5.
    assert to_picture(np.array([0.0, 3.0]), 2).tolist() == [0.5, 6.5]


def test_gray_values_are_scaled_for_any_bit_depth() -> None:
    gray = to_gray8(np.linspace(10_000, 50_000, 1000).reshape(20, 50))
    assert (gray.min(), gray.max(), gray.dtype) == (0, 255, np.uint8)


@pytest.mark.parametrize("value", [0.0, 65535.0, np.nan])
def test_constant_film_is_mid_gray(value: float) -> None:
    assert (to_gray8(np.full((4, 5), value)) == 128).all()


def test_single_bright_pixel_is_kept() -> None:
    film = np.zeros((100, 100))
    film[3, 4] = 7
    assert to_gray8(film)[3, 4] == 255


def test_film_with_a_channel_axis_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'a.png': expected a film of shape \(X, Y\).*got \(1, 5, 5\)"):
        draw_overlay(np.zeros((1, 5, 5)), _prediction([[0, 0]]))


def test_reference_of_another_scheme_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"reference points of shape \(1, 2\), got \(3, 2\)"):
        draw_overlay(np.zeros((5, 5)), _prediction([[0, 0]]), np.zeros((3, 2)))


def test_picture_file_is_a_png(tmp_path: Path) -> None:
    write_overlay(tmp_path / "a.png", np.zeros((50, 60)), _prediction([[20, 20]]))
    with Image.open(tmp_path / "a.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1000, 1200))
