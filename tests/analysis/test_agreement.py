"""Agreement of two observers, against the analysis of variance written out and against published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from monai_ceph.analysis import MEASUREMENTS, agreement, classification

ANB = next(one for one in MEASUREMENTS if (one.analysis, one.name) == ("ISBI 2015", "ANB"))


def test_icc_is_that_of_a_two_way_analysis_of_variance() -> None:
    # Oracle: least squares with one column a film and one an observer; sums of squares as drops in the residual.
    rng = np.random.default_rng(3)
    n = 12
    table = rng.normal(80, 4, n)[:, None] + [0.0, 0.8] + rng.normal(0, 1, (n, 2))
    film, observer = np.repeat(np.arange(n), 2), np.tile([0, 1], n)
    films, observers = np.eye(n)[film], np.eye(2)[observer]

    def residual(design: np.ndarray) -> float:
        y = table.ravel()
        return float(((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).sum())

    both = np.hstack([films, observers])
    rest = residual(both) / (n - 1)
    msr = (residual(observers) - residual(both)) / (n - 1)
    msc = residual(films) - residual(both)
    expected = (msr - rest) / (msr + rest + 2 * (msc - rest) / n)
    assert agreement(*table.T)["icc"] == pytest.approx(expected)


def test_icc_of_two_judges_of_shrout_and_fleiss() -> None:
    # Table 2 of the paper, judges 1 and 2; ICC(2,1) by its formula from mean squares worked out with SciPy.
    first, second = [9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2]
    f_rows = 2 * np.var(np.mean([first, second], 0), ddof=1)
    error = np.var(np.subtract(first, second), ddof=1) / 2
    columns = 6 * np.var([np.mean(first), np.mean(second)], ddof=1)
    expected = (f_rows - error) / (f_rows + error + 2 * (columns - error) / 6)
    assert agreement(first, second)["icc"] == pytest.approx(expected)
    # The test of the observers' bias is the paired t test: F = t^2.
    assert columns / error == pytest.approx(stats.ttest_rel(first, second).statistic ** 2)


def test_limits_of_agreement_bias_and_dahlberg_by_hand() -> None:
    result = agreement([10.0, 12.0, 11.0, 13.0], [9.0, 12.0, 12.0, 11.0])  # differences 1, 0, -1, 2
    sd = math.sqrt(5 / 3)
    assert (result["n"], result["mae"], result["bias"]) == (4, 1.0, 0.5)
    assert result["sd"] == pytest.approx(sd)
    assert (result["loa_low"], result["loa_high"]) == pytest.approx((0.5 - 1.96 * sd, 0.5 + 1.96 * sd))
    assert result["dahlberg"] == pytest.approx(math.sqrt(6 / 8))


def test_a_film_without_one_of_the_values_is_left_out() -> None:
    whole = agreement([10.0, 12.0, 11.0], [9.0, 12.0, 12.0])
    assert agreement([10.0, np.nan, 12.0, 11.0, 1.0], [9.0, 5.0, 12.0, 12.0, np.nan]) == whole


def test_too_few_films_give_nan_and_no_warning() -> None:
    one, none = agreement([3.0], [2.0]), agreement([np.nan], [2.0])
    assert (one["n"], one["mae"], one["dahlberg"]) == (1, 1.0, math.sqrt(0.5))
    assert math.isnan(one["sd"]) and math.isnan(one["icc"])
    assert none["n"] == 0 and all(math.isnan(value) for name, value in none.items() if name != "n")


def test_equal_values_of_all_films_have_no_icc() -> None:
    assert math.isnan(agreement([5.0, 5.0], [5.0, 5.0])["icc"])


def test_lists_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected two lists of one length, got shapes \(2,\) and \(3,\)"):
        agreement([1, 2], [1, 2, 3])


def test_the_classification_rate_counts_films_with_a_class_in_the_reference() -> None:
    # classes of the reference: 1, 2, 3, none, 1; of the values: 1, 1, 3, 1, none
    values, reference = [4.0, 4.0, 1.0, 4.0, np.nan], [5.0, 6.0, 0.0, np.nan, 4.0]
    rates = classification(values, reference, ANB)
    # Rows of the matrix: class 1 has one film of two right, class 2 none of one, class 3 one of one.
    assert rates == {"n": 4, "same_percent": 50.0, "success_percent": pytest.approx(100 * (1 / 2 + 0 + 1) / 3)}


def test_no_film_has_no_classification_rate() -> None:
    rates = classification([4.0], [np.nan], ANB)
    assert rates["n"] == 0 and math.isnan(rates["same_percent"]) and math.isnan(rates["success_percent"])
