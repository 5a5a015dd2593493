"""Curves and coverage against slow or closed-form oracles."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.phantoms.raster import blur_fine, blur_matrix, fill_polygon, resize_matrix, ribbon, smooth_curve


def _painted(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    image = np.zeros(shape, np.float32)
    drawn = fill_polygon(polygon, shape)
    if drawn is not None:
        image[drawn[0]] = drawn[1]
    return image


def _oracle(polygon: np.ndarray, shape: tuple[int, int], samples: int = 20) -> np.ndarray:
    """Coverage by counting sample points inside, one even-odd test each."""
    offsets = (np.arange(samples) + 0.5) / samples - 0.5
    x = (np.arange(shape[0])[:, None] + offsets).reshape(-1)[:, None]
    y = (np.arange(shape[1])[:, None] + offsets).reshape(-1)[None]
    inside = np.zeros((x.size, y.size), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if x0 != x1:
            inside ^= ((x0 <= x) != (x1 <= x)) & (y > y0 + (x - x0) / (x1 - x0) * (y1 - y0))
    return inside.reshape(shape[0], samples, shape[1], samples).mean((1, 3))


@pytest.mark.parametrize("seed", range(4))
def test_coverage_of_a_polygon_is_the_share_of_points_inside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
    polygon = np.array([14.3, 11.8]) + rng.uniform(3, 10, 9)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    assert np.abs(_painted(polygon, (30, 25)) - _oracle(polygon, (30, 25))).max() < 0.12


def test_polygon_partly_off_every_side_of_the_array() -> None:
    polygon = np.array([(-9.0, 5.2), (6.1, -8.0), (31.0, 9.4), (9.3, 40.0)])
    assert np.abs(_painted(polygon, (20, 24)) - _oracle(polygon, (20, 24))).max() < 0.12


def test_polygon_outside_the_array_draws_nothing() -> None:
    assert fill_polygon(np.array([(30.0, 3), (40, 3), (35, 9)]), (20, 20)) is None


def test_pixel_centres_are_at_integers() -> None:
    square = np.array([(2.5, 3.5), (5.5, 3.5), (5.5, 4.5), (2.5, 4.5)])
    expected = np.zeros((8, 8), np.float32)
    expected[3:6, 4] = 1
    np.testing.assert_allclose(_painted(square, (8, 8)), expected, atol=1e-6)


def test_drawing_direction_does_not_matter() -> None:
    polygon = np.array([(2.0, 3.0), (15.5, 4.2), (9.0, 14.0)])
    np.testing.assert_allclose(_painted(polygon, (20, 20)), _painted(polygon[::-1], (20, 20)), atol=1e-6)


def test_curve_passes_through_its_points() -> None:
    points = np.array([(0.0, 0), (3, 1), (4, 5), (9, 2)])
    np.testing.assert_allclose(smooth_curve(points, steps=8)[::8], points)
    np.testing.assert_allclose(smooth_curve(points, steps=8, closed=True)[::8], points)


def test_ribbon_area_is_length_times_width() -> None:
    line = np.stack([np.linspace(5, 25, 30), np.linspace(7, 22, 30)], 1)
    assert _painted(ribbon(line, 3.0), (40, 40)).sum() == pytest.approx(25 * 3, rel=0.01)
    ring = 9 * np.stack([np.cos(np.linspace(0, 6.2, 90)), np.sin(np.linspace(0, 6.2, 90))], 1) + 20
    assert _painted(ribbon(ring, 2.0, closed=True), (40, 40)).sum() == pytest.approx(2 * np.pi * 9 * 2, rel=0.03)


def test_resize_matrix_interpolates_linearly_and_holds_the_ends() -> None:
    values = np.array([1.0, 3.0, 7.0], np.float32)
    np.testing.assert_allclose(resize_matrix(np.array([-1.0, 0.5, 1.25, 2.0, 9.0]), 3) @ values, [1, 2, 4, 7, 7])


def test_blurs_keep_a_flat_field_and_agree_in_the_middle() -> None:
    flat = np.ones((31, 27), np.float32)
    np.testing.assert_allclose(blur_fine(flat, (1.2, 0.8)), 1, atol=1e-5)
    np.testing.assert_allclose(blur_matrix(31, 1.5) @ flat, 1, atol=1e-5)
    dot = np.zeros((31, 31), np.float32)
    dot[15, 15] = 1
    slow = blur_matrix(31, 1.2) @ dot @ blur_matrix(31, 1.2).T
    np.testing.assert_allclose(blur_fine(dot, (1.2, 1.2)), slow, atol=0.004)
