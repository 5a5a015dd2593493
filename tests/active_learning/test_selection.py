"""Uncertainty, thumbnails and farthest-first choice, against values by hand and slow reference implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monai_ceph.active_learning.selection import THUMBNAIL, farthest_first, film_uncertainty, thumbnail
from monai_ceph.phantoms import draw_phantom


def test_uncertainty_is_the_mean_lack_of_confidence() -> None:
    assert film_uncertainty(np.array([1.0, 0.5, 0.6])) == pytest.approx(0.3)
    assert film_uncertainty(np.ones(19)) == 0


def test_landmark_not_found_has_full_uncertainty() -> None:
    assert film_uncertainty(np.array([1.0, np.nan])) == 0.5


@pytest.mark.parametrize("shape", [(0,), (2, 19), ()])
def test_uncertainty_needs_the_confidences_of_one_film(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"confidences of one film, shape \(N,\)"):
        film_uncertainty(np.ones(shape))


def test_thumbnail_holds_the_means_of_areas() -> None:
    film = np.random.default_rng(0).normal(5, 2, (4 * THUMBNAIL, 6 * THUMBNAIL))
    means = np.array([[film[4 * x : 4 * x + 4, 6 * y : 6 * y + 6].mean() for y in range(16)] for x in range(16)])
    small = thumbnail(film)
    np.testing.assert_allclose(small, ((means - means.mean()) / means.std()).ravel())
    assert small.shape == (THUMBNAIL**2,)


def test_thumbnail_of_a_size_that_does_not_divide_uses_every_pixel_once() -> None:
    film = np.zeros((7, 5))
    film[3, 2] = 1  # the middle area of 3 x 3: rows 2 to 3, columns 1 to 2
    raw = thumbnail(film, side=3).reshape(3, 3)
    assert np.argmax(raw) == 4
    assert len(np.unique(raw.round(9))) == 2


@given(st.floats(0.1, 50), st.floats(-100, 100))
def test_exposure_and_contrast_make_no_difference(contrast: float, exposure: float) -> None:
    film = np.random.default_rng(1).random((40, 50))
    np.testing.assert_allclose(thumbnail(contrast * film + exposure), thumbnail(film), atol=1e-6)


@pytest.mark.parametrize("gray", [0.0, 0.1, 1e6])
def test_constant_film_has_a_thumbnail_of_zeros(gray: float) -> None:
    assert not thumbnail(np.full((33, 47), gray)).any()


@pytest.mark.parametrize("shape", [(15, 40), (1, 40, 40)])
def test_thumbnail_needs_one_film_of_sufficient_size(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 16 x 16 px"):
        thumbnail(np.zeros(shape))


def test_film_of_another_scanner_is_the_most_different() -> None:
    known, ours = np.split(np.stack([look(seed, "a") for seed in range(25)]), [20])
    others = np.stack([look(seed, "b") for seed in range(100, 105)])
    [(row, _)] = farthest_first(np.concatenate([ours, others]), known)
    assert row >= len(ours)


def look(seed: int, style: str) -> np.ndarray:
    return thumbnail(draw_phantom(seed, (242, 300), 0.8, style=style).image[:, -242:])


def slow_farthest(candidates: np.ndarray, known: np.ndarray, count: int) -> list[int]:
    """Compute every distance again in each step."""
    known_rows, chosen = [row for row in known], []
    for _ in range(count):
        left = [k for k in range(len(candidates)) if k not in chosen]
        away = [min(np.sqrt(np.mean((candidates[k] - row) ** 2)) for row in known_rows) for k in left]
        chosen.append(left[int(np.argmax(away))])
        known_rows.append(candidates[chosen[-1]])
    return chosen


@given(
    arrays(np.float64, (6, 3), elements=st.integers(-5, 5).map(float)),
    arrays(np.float64, (2, 3), elements=st.integers(-5, 5).map(float)),
    st.integers(0, 6),
)
def test_farthest_first_is_the_greedy_choice(candidates: np.ndarray, known: np.ndarray, count: int) -> None:
    assert [row for row, _ in farthest_first(candidates, known, count)] == slow_farthest(candidates, known, count)


def test_distance_is_to_the_nearest_known_film() -> None:
    candidates, known = np.array([[0.0, 0.0], [10.0, 10.0], [4.0, 4.0]]), np.array([[0.0, 0.0], [9.0, 9.0]])
    assert farthest_first(candidates, known, 2) == [(2, 4.0), (1, 1.0)]


def test_most_typical_film_is_first_if_none_is_known() -> None:
    candidates = np.array([[-3.0], [0.2], [9.0], [0.0]])  # mean 1.55
    chosen = farthest_first(candidates, np.empty((0, 1)), 3)
    assert [row for row, _ in chosen] == [1, 2, 0]
    assert np.isnan(chosen[0][1]) and chosen[1][1] == pytest.approx(8.8)


def test_identical_films_are_each_chosen_once() -> None:
    assert sorted(row for row, _ in farthest_first(np.ones((4, 2)), np.ones((1, 2)), 4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [-1, 3])
def test_choosing_too_many_films_is_an_error(count: int) -> None:
    with pytest.raises(ValueError, match=f"choose 0 to 2 films, got {count}"):
        farthest_first(np.ones((2, 2)), np.ones((1, 2)), count)


def test_features_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(1, 2\)"):
        farthest_first(np.ones((2, 3)), np.ones((1, 2)))
