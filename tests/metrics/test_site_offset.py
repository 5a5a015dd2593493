from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from scipy import stats

from monai_ceph.metrics.site_offset import films_needed, site_offset


def test_interval_is_that_of_scipys_t_test() -> None:
    offsets = np.random.default_rng(0).normal([0.3, -2.0], [0.4, 1.5], (11, 3, 2))
    result = site_offset(offsets)
    for landmark in range(3):
        for axis in range(2):
            low, high = stats.ttest_1samp(offsets[:, landmark, axis], 0).confidence_interval(0.95)
            bias, margin = result.bias_mm[landmark, axis], result.margin_mm[landmark, axis]
            assert (bias - margin, bias + margin) == pytest.approx((low, high))


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.3, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("target", [0.1, 0.5])
def test_number_of_films_is_the_first_that_suffices(spread: float, target: float) -> None:
    def suffices(films: int) -> bool:
        return stats.t.ppf(0.975, films - 1) * spread / math.sqrt(films) <= target

    assert films_needed(spread, target) == next(films for films in range(2, 10_000) if suffices(films))


def test_so_many_films_bring_the_bias_to_the_target() -> None:
    # The planned margin holds on average: of many studies of that size, 95 % know the bias to the target.
    draw = np.random.default_rng(1)
    films = films_needed(1.2, 0.5)
    means = draw.normal(0, 1.2, (20_000, films)).mean(1)
    assert (np.abs(means) <= 0.5).mean() == pytest.approx(0.96, abs=0.015)


def test_worse_axis_decides() -> None:
    offsets = np.zeros((10, 1, 2))
    offsets[::2, 0, 1] = 3
    spread = offsets[:, 0, 1].std(ddof=1)
    assert site_offset(offsets).films_needed.tolist() == [films_needed(spread, 0.5)]


def test_gaps_and_misses_do_not_count() -> None:
    offsets = np.array([[[1.0, 2.0]], [[3.0, 4.0]], [[np.nan, 1.0]], [[np.inf, np.inf]]])
    result = site_offset(offsets)
    assert result.n.tolist() == [2]
    assert result.bias_mm.tolist() == [[2, 3]]


def test_one_film_has_a_bias_without_an_interval_and_none_has_nothing() -> None:
    offsets = np.full((1, 2, 2), np.nan)
    offsets[0, 0] = 1.5, -0.5
    result = site_offset(offsets)
    np.testing.assert_array_equal(result.bias_mm, [[1.5, -0.5], [np.nan, np.nan]])
    assert np.isnan(result.margin_mm).all()
    assert np.isnan(result.films_needed).all()


def test_other_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"offsets of shape \(films, landmarks, 2\), got \(4, 3\)"):
        site_offset(np.zeros((4, 3)))


@pytest.mark.parametrize("target", [0.0, -1.0, math.nan])
def test_target_that_is_none_is_named(target: float) -> None:
    with pytest.raises(ValueError, match="Expected a positive target_mm, got"):
        site_offset(np.zeros((4, 3, 2)), target)


def test_missing_scipy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"need SciPy.*monai-ceph\[evaluate\]"):
        site_offset(np.zeros((4, 3, 2)))
