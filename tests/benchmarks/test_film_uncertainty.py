"""Functions of the benchmark on uncertainty, against SciPy and values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.film_uncertainty import correlation_row, distance_row, rank_correlation


def test_rank_correlation_matches_scipy_with_ties() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (2, 30))
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y)[0])


def test_row_holds_the_value_and_its_interval() -> None:
    values = np.arange(20.0)
    errors = np.random.default_rng(1).permutation(values)
    row = correlation_row("c", "films", values, errors)
    assert row[:3] == ["rank correlation with the error: c", "films", f"{spearmanr(values, errors)[0]:.2f}"]
    assert -1 < float(row[3]) < float(row[2]) < float(row[4]) < 1


def test_differences_exclude_pairs_of_a_film_with_itself() -> None:
    ours, theirs = np.array([[0.0, 0.0], [3.0, 3.0]]), np.array([[1.0, 1.0]])
    assert distance_row("ours", ours, ours)[2:] == ["3.00", "3.00", "3.00"]
    assert distance_row("both", ours, theirs)[2:] == ["1.50", "1.00", "2.00"]
