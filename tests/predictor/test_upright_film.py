"""Films set upright as arrays, against the tensors that the torch backend makes of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from monai_ceph.film_pose import FilmPose, Orientation
from monai_ceph.inferers.posed_film import posed_film
from monai_ceph.predictor.upright_film import at_least, upright_film
from monai_ceph.refinement import UprightFilm, moved

SIZE, MM = (60, 80), 0.5
ORIENTATIONS = [Orientation(*way) for way in product(range(4), (False, True), (False, True))]


def smooth_film() -> np.ndarray:
    x, y = np.ogrid[: SIZE[0], : SIZE[1]]
    return (100 + 50 * np.sin(x / 9) + 30 * np.cos(y / 7) + x + 2 * y).astype(np.float32)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("where", [{}, {"centre_px": (25.0, 42.0)}, {"centre_px": (25.0, 42.0), "tilt_deg": 20.0}])
def test_same_pixels_at_the_same_places_as_the_tensor(orientation: Orientation, where: dict[str, object]) -> None:
    film, pose = smooth_film(), FilmPose((MM, MM), orientation, **where)
    upright, view = upright_film(film, pose, (20.0, 26.0), finest_mm=0.0)
    posed, affine = posed_film(torch.from_numpy(film)[None], pose, MM, (20.0, 26.0))
    assert view.size == upright.shape and view.pixel_mm == (MM, MM)
    np.testing.assert_allclose(view.to_film, affine, atol=1e-9)
    np.testing.assert_allclose((upright - upright.mean()) / upright.std(), posed[0], atol=1e-4)


@pytest.mark.parametrize("tilt_deg", [0.0, -25.0])
@pytest.mark.parametrize("orientation", [Orientation(), Orientation(1, mirrored=True)])
def test_pixels_that_are_small_and_not_square(orientation: Orientation, tilt_deg: float) -> None:
    x, y = np.meshgrid(np.arange(400.0), np.arange(500.0), indexing="ij")
    pose = FilmPose((0.2, 0.1), orientation, tilt_deg, (190.0, 260.0))
    found = [upright_film(axis, pose, (20.0, 16.0), finest_mm=0.65) for axis in (x, y)]
    upright, view = np.stack([axis for axis, _ in found], -1), found[0][1]
    places = moved(np.argwhere(np.ones(view.size)), view.to_film).reshape(*view.size, 2)
    np.testing.assert_allclose(upright, places, atol=0.01)
    # A step of a pixel is as long as it is said to be, in blocks of three pixels.
    steps = np.array([places[1, 0] - places[0, 0], places[0, 1] - places[0, 0]]) * pose.working_mm
    np.testing.assert_allclose(np.hypot(*steps.T), view.pixel_mm)
    assert sorted(view.pixel_mm) == pytest.approx([0.3, 0.3] if tilt_deg else [0.3, 0.6])
    np.testing.assert_allclose(np.array(view.size) * view.pixel_mm, (20.0, 16.0), atol=0.6)


def test_film_smaller_than_a_patch_is_filled_at_its_end() -> None:
    film = np.arange(12.0).reshape(3, 4)
    filled, view = at_least(film, UprightFilm((3, 4), np.eye(3), (0.5, 2.0)), least_mm=4.0)
    assert filled.shape == view.size == (9, 4)
    np.testing.assert_array_equal(filled[:3], film)
    assert (filled[3:] == film.mean()).all()
