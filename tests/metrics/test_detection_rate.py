from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ceph.metrics import DetectionRate, detection_rate
from tests.reference.scores import score

error = st.one_of(st.floats(0, 10), st.just(math.nan), st.just(math.inf))


@given(st.lists(error, min_size=1, max_size=20))
def test_rates_are_those_of_the_plain_loop(errors: list[float]) -> None:
    expected = score([None if math.isnan(e) else e for e in errors])
    rates = 100 * detection_rate(torch.tensor(errors, dtype=torch.float64))
    assert rates.tolist() == pytest.approx([expected[f"sdr {t}"] for t in ("2", "2.5", "3", "4")], nan_ok=True)


def test_error_equal_to_the_threshold_is_within_it() -> None:
    assert detection_rate(torch.tensor([2.0, 2.001]), [2.0]).tolist() == [0.5]


def test_lost_landmark_is_a_miss_and_one_without_reference_is_not() -> None:
    assert detection_rate(torch.tensor([1.0, math.inf, math.nan]), [2.0]).tolist() == [0.5]


@pytest.mark.parametrize("thresholds", [(), (2.0, 0.0), (-1.0,), (math.nan,)])
def test_thresholds_must_be_positive(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="at least one positive threshold"):
        detection_rate(torch.zeros(3), thresholds)
    with pytest.raises(ValueError, match="at least one positive threshold"):
        DetectionRate(thresholds)


def test_reductions_have_their_shapes_and_agree() -> None:
    target = torch.zeros(6, 5, 2)
    target[2, 3] = math.nan
    pred = torch.rand(6, 5, 2) * 4
    results = {}
    for reduction in ("mean", "mean_batch", "none"):
        metric = DetectionRate((1.0, 2.0), reduction)
        metric(pred, target)
        results[reduction] = metric.aggregate()
    single = results["none"]
    assert single.shape == (6, 5, 2)
    assert single.isnan().sum() == 2
    torch.testing.assert_close(results["mean"], single.flatten(0, 1).nanmean(0))
    torch.testing.assert_close(results["mean_batch"], single.nanmean(0).T)
