from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from monai_ceph.metrics import interval, intervals
from monai_ceph.metrics.interval import METHOD, method, resamples
from tests.reference import evaluation

pytest.importorskip("scipy")
pytestmark = pytest.mark.usefixtures("no_warning_leaks")


def _errors(films: int, seed: int = 0) -> np.ndarray:
    """Films differ among themselves, as real ones do; some landmarks are not annotated, some not found."""
    rng = np.random.default_rng(seed)
    errors = rng.exponential(1.0, (films, 4)) * rng.uniform(0.5, 2.5, (films, 1))
    errors[rng.random(errors.shape) < 0.03] = math.nan
    errors[rng.random(errors.shape) < 0.03] = math.inf
    return errors


def _flat(one: Any) -> np.ndarray:
    """(7, 2): MRE, SD, median and the four rates."""
    return np.array([one["mre"], one["sd"], one["median"], *one["sdr_percent"].values()])


def test_bounds_are_those_of_a_loop_over_resamples() -> None:
    errors = _errors(40)
    got = intervals(errors, ["S", "N", "Or", "Po"])
    for name, some in {"overall": errors, "S": errors[:, :1], "Po": errors[:, 3:]}.items():
        one = _flat(got["overall"] if name == "overall" else got["per_landmark"][name])
        # Two runs of the loop tell how far Monte Carlo alone makes bounds differ.
        loops = np.array([evaluation.interval(some, 2000, seed) for seed in (1, 2)])
        width = (one[:, 1] - one[:, 0])[:, None]
        assert np.all(np.abs(loops.mean(0).T - one) < 0.06 * width), name


@pytest.mark.parametrize("films", [2, 5])
def test_few_films_are_resampled_completely(films: int) -> None:
    """All resamples of a few films, written out, and the percentiles among them."""
    errors = np.arange(1.0, films * 3 + 1).reshape(films, 3) ** 1.5 / 5
    every = np.stack(np.meshgrid(*[range(films)] * films), -1).reshape(-1, films)
    means = [errors[drawn].mean() for drawn in every]
    low, high = intervals(errors)["overall"]["mre"]
    assert (low, high) == pytest.approx(np.percentile(means, [2.5, 97.5], method="inverted_cdf"), rel=0.02)


def test_statistics_of_a_resample_are_those_of_its_films() -> None:
    errors = _errors(9, seed=3)
    counts = np.random.default_rng(0).multinomial(9, [1 / 9] * 9, 100)
    got = interval._resampled_statistics(errors, evaluation.THRESHOLDS)(counts.astype(float))
    drawn = [np.repeat(errors, row, axis=0) for row in counts]
    for group, landmarks in ((0, slice(None)), (2, slice(1, 2))):
        expected = np.array([evaluation.figures(some[:, landmarks]) for some in drawn])
        np.testing.assert_allclose(got[:, group].T, expected)
    # Medians of an even and of an odd number were among them.
    assert {int(np.isfinite(some).sum()) % 2 for some in drawn} == {0, 1}


def test_whole_films_are_resampled() -> None:
    """19 landmarks that err together tell no more than one: their interval is as wide."""
    one = _errors(30)[:, :1]
    nineteen = intervals(np.repeat(one, 19, axis=1))
    assert nineteen["overall"]["mre"] == pytest.approx(nineteen["per_landmark"]["1"]["mre"])


def test_same_errors_give_the_same_intervals() -> None:
    assert intervals(_errors(12)) == intervals(_errors(12))


def test_figure_is_inside_its_interval() -> None:
    errors = _errors(60)
    bounds = _flat(intervals(errors)["overall"])
    figures = evaluation.figures(errors)
    assert np.all(bounds[:, 0] < figures) and np.all(figures < bounds[:, 1])


def test_one_film_has_no_interval() -> None:
    got = intervals(_errors(1))
    assert np.isnan(_flat(got["overall"])).all()
    assert np.isnan(_flat(got["per_landmark"]["2"])).all()


def test_errors_that_are_all_equal_have_no_interval() -> None:
    assert np.isnan(_flat(intervals(np.full((20, 3), 0.1))["overall"])).all()


def test_a_rate_of_a_hundred_percent_has_no_interval_but_the_error_has() -> None:
    got = intervals(_errors(20).clip(0, 2.2))["overall"]
    assert np.isnan(got["sdr_percent"]["2.5"]).all()
    assert np.isfinite(got["mre"]).all() and np.isfinite(got["sdr_percent"]["2"]).all()


def test_nothing_found_and_nothing_annotated() -> None:
    got = intervals(np.column_stack([np.full(8, math.inf), np.full(8, math.nan), np.arange(8.0)]))["per_landmark"]
    assert np.isnan(_flat(got["1"])).all() and np.isnan(_flat(got["2"])).all()
    assert np.isfinite(got["3"]["mre"]).all()


def test_landmark_known_on_too_few_films_has_no_interval() -> None:
    """One resample in three leaves out the only film: there the figure is unknown, and its spread is as well."""
    errors = _errors(10)
    errors[1:, 0] = math.nan
    assert np.isnan(_flat(intervals(errors)["per_landmark"]["1"])).all()


def test_large_errors_keep_the_digits_of_their_spread() -> None:
    near, far = (intervals(_errors(15).clip(0, 9) + offset)["overall"]["sd"] for offset in (0, 1e6))
    assert far == pytest.approx(near, rel=1e-5)


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"Intervals and tests need SciPy: pip install 'monai-ceph\[evaluate\]'"):
        intervals(_errors(5))


def test_fewer_resamples_above_400_films_are_reported() -> None:
    assert [resamples(films) for films in (2, 400, 4_000, 1_000_000)] == [9999, 9999, 1000, 999]
    assert method(25) == METHOD and " 1000 resamples" in method(4_000)
