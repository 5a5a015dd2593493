from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from monai_ceph.metrics import intervals, summarise
from monai_ceph.metrics.reference_scores import ReferenceScores

NOWHERE = (math.nan, math.nan)


def _comparison() -> ReferenceScores:
    points = np.array([[(3.0, 4.0), NOWHERE], [(1.0, 1.0), (2.0, 2.0)]])
    target = np.array([[(0.0, 0.0), (5.0, 5.0)], [(1.0, 2.0), NOWHERE]])
    return ReferenceScores("predictions", "a.csv", ("S", "N"), ("007", "008"), points, target)


def test_a_lost_landmark_is_a_miss_and_an_unannotated_one_is_nothing() -> None:
    comparison = _comparison()
    np.testing.assert_array_equal(comparison.errors_mm, [[5, math.inf], [1, math.nan]])
    np.testing.assert_array_equal(comparison.offsets_mm, [[(3, 4), NOWHERE], [(0, -1), NOWHERE]])
    assert comparison.missing == ["007: N"]


def test_rows_are_the_whole_and_then_each_landmark() -> None:
    pytest.importorskip("scipy")
    comparison = _comparison()
    errors = np.array([[5, math.inf], [1, math.nan]])
    summary, bounds = summarise(errors, ["S", "N"]), intervals(errors, ["S", "N"])
    assert [name for name, _, _ in comparison.rows] == ["all", "S", "N"]
    np.testing.assert_equal(comparison.rows[1][1], summary["per_landmark"]["S"])
    np.testing.assert_equal(comparison.rows[0][2], bounds["overall"])


def test_rows_without_scipy_have_no_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert [interval for _, _, interval in _comparison().rows] == [None] * 3
