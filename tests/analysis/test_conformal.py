"""Limits of split conformal prediction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monai_ceph.analysis.conformal import conformal_limit


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_limit_is_the_order_statistic_of_vovk(level: float) -> None:
    scores = np.random.default_rng(0).gamma(2.0, size=150)
    assert conformal_limit(scores, level) == np.sort(scores)[math.ceil(151 * level) - 1]


def test_exchangeable_scores_are_covered_as_often_as_promised() -> None:
    random = np.random.default_rng(1)
    studies, n, level = 4000, 29, 0.9
    drawn = random.standard_cauchy((studies, n + 1)) ** 2
    covered = np.mean([row[-1] <= conformal_limit(row[:-1], level) for row in drawn])
    # With 29 scores the probability is 27 / 30 exactly; four standard deviations of a binomial share.
    assert abs(covered - 0.9) < 4 * math.sqrt(0.9 * 0.1 / studies)


def test_scores_that_are_unknown_are_left_out() -> None:
    scores = np.array([3.0, np.nan, 1.0, 2.0])
    assert conformal_limit(scores, 0.5) == 2.0


def test_too_few_scores_promise_nothing_until_others_support_them() -> None:
    assert conformal_limit(np.array([1.0, 2.0]), 0.9) == math.inf
    assert conformal_limit(np.array([1.0, 2.0]), 0.9, np.arange(1.0, 101.0), weight=20.0) == pytest.approx(96, abs=5)


def test_others_of_small_weight_hardly_move_the_limit() -> None:
    scores = np.arange(1.0, 200.0)
    limit = conformal_limit(scores, 0.9, np.full(50, 1e6), weight=0.01)
    assert limit - conformal_limit(scores, 0.9) in (0.0, 1.0)
