from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from monai_ceph.metrics.paired import Difference, holm, paired_differences

pytest.importorskip("scipy")
pytestmark = pytest.mark.usefixtures("no_warning_leaks")


def _pair(films: int, better_mm: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Errors of A, and of B that is better on the whole; some landmarks unannotated, some missed by one or both."""
    rng = np.random.default_rng(films)
    a = rng.exponential(1.5, (films, 4)) + 0.5
    b = a - better_mm + rng.normal(0, 0.4, a.shape)
    a[0, 0] = b[0, 0] = math.nan
    a[1, 1] = b[2, 1] = a[3, 2] = b[3, 2] = math.inf
    return a, b.clip(0)


def _differences(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """MRE of the landmarks found by both, SDR of all annotated: B less A, by hand."""
    both = np.isfinite(a) & np.isfinite(b)
    annotated = ~np.isnan(a)
    return float(b[both].mean() - a[both].mean()), float(
        100 * ((b[annotated] <= 2).mean() - (a[annotated] <= 2).mean())
    )


def _p(a: np.ndarray, b: np.ndarray, rate: bool) -> float:
    """The exact test, written out: A and B change sides on any of the films."""
    observed = _differences(a, b)[rate]
    count = np.isfinite(a) & np.isfinite(b) if not rate else ~np.isnan(a)
    smaller = larger = total = 0
    for swapped in itertools.product([False, True], repeat=len(a)):
        mask = np.array(swapped)[:, None]
        value = _differences(np.where(mask, b, a), np.where(mask, a, b))[rate] if count.any() else math.nan
        smaller += value <= observed + 1e-9
        larger += value >= observed - 1e-9
        total += 1
    return min(1.0, 2 * min(smaller, larger) / total)


def test_differences_are_those_by_hand() -> None:
    a, b = _pair(30)
    result = paired_differences(a, b, ["S", "N", "Or", "Po"])
    for pair, columns in ((result.overall, slice(None)), (result.per_landmark["N"], slice(1, 2))):
        mre, sdr = _differences(a[:, columns], b[:, columns])
        assert (pair.mre.difference, pair.sdr.difference) == (pytest.approx(mre), pytest.approx(sdr))
        assert pair.mre.b - pair.mre.a == pytest.approx(mre)
    assert (result.overall.mre.n, result.overall.sdr.n) == (116, 119)
    assert result.found == {"both": 116, "only_a": 1, "only_b": 1, "neither": 1}


def test_interval_is_that_of_a_loop_over_resampled_films() -> None:
    a, b = _pair(30)
    rng = np.random.default_rng(0)
    loop = [_differences(a[films], b[films]) for films in rng.integers(0, 30, (4000, 30))]
    expected = np.percentile(loop, [2.5, 97.5], axis=0)
    overall = paired_differences(a, b).overall
    for one, (low, high) in zip(overall, expected.T, strict=True):
        assert one.bounds == pytest.approx((low, high), abs=0.06 * (high - low))


@pytest.mark.parametrize("better_mm", [0.0, 0.2, 0.6])
def test_p_of_few_films_is_that_of_all_swaps(better_mm: float) -> None:
    a, b = _pair(7, better_mm)
    result = paired_differences(a, b)
    assert result.overall.mre.p == pytest.approx(_p(a, b, rate=False))
    assert result.overall.sdr.p == pytest.approx(_p(a, b, rate=True))
    assert result.per_landmark["3"].mre.p == pytest.approx(_p(a[:, 2:3], b[:, 2:3], rate=False))


def test_swaps_that_give_the_same_sum_count_as_the_same() -> None:
    """0.1 + 0.2 - 0.3 is no 0 in binary: six films of equal sums would give another p for each order of adding."""
    a = np.array([[0.1], [0.2], [0.3], [0.1], [0.2], [0.3]])
    b = np.array([[0.2], [0.4], [0.0], [0.2], [0.4], [0.0]])
    assert paired_differences(a, b).overall.mre.p == 1


def test_p_of_many_films_is_near_the_t_tests() -> None:
    from scipy.stats import ttest_1samp

    rng = np.random.default_rng(5)
    a = rng.exponential(1.0, (60, 1)) + 1
    b = a + rng.normal(0.1, 0.35, a.shape)
    assert paired_differences(a, b).overall.mre.p == pytest.approx(ttest_1samp((b - a)[:, 0], 0).pvalue, abs=0.02)


def test_same_predictions_are_no_better_than_themselves() -> None:
    a, _ = _pair(20)
    one = paired_differences(a, a).overall.mre
    assert (one.difference, one.p) == (0, 1)
    assert np.isnan(one.bounds).all()


def test_landmark_without_a_common_point_is_no_test() -> None:
    a, b = _pair(10)
    a[:, 1] = math.inf
    a[:, 2] = b[:, 2] = math.nan
    result = paired_differences(a, b)
    for pair, n in ((result.per_landmark["2"], 10), (result.per_landmark["3"], 0)):
        assert pair.mre.n == 0 and np.isnan([pair.mre.a, pair.mre.difference, pair.mre.p, pair.mre.p_holm]).all()
        assert pair.sdr.n == n
    first, last = result.per_landmark["1"].mre, result.per_landmark["4"].mre
    assert [first.p_holm, last.p_holm] == holm([first.p, last.p])


def test_one_film_is_no_test() -> None:
    one = paired_differences(np.array([[1.0, 2.0]]), np.array([[1.5, 2.5]])).overall.mre
    assert one.difference == 0.5 and math.isnan(one.p) and np.isnan(one.bounds).all()


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, math.nan, 0.03, 0.005]) == pytest.approx([0.03, 0.06, math.nan, 0.06, 0.02], nan_ok=True)
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_same_numbers_each_time() -> None:
    def flat(one: Difference) -> list[float]:
        return [*one[:4], *one.bounds, *one[5:]]

    a, b = _pair(40)
    first, second = paired_differences(a, b), paired_differences(a, b)
    assert flat(first.overall.mre) == flat(second.overall.mre)


@pytest.mark.parametrize("change", ["shape", "reference"])
def test_errors_that_are_not_paired(change: str) -> None:
    a, b = _pair(8)
    b = b[:7] if change == "shape" else np.where(np.arange(4) == 3, math.nan, b)
    with pytest.raises(ValueError, match=r"same films and landmarks against one reference, got shapes \(8, 4\) and"):
        paired_differences(a, b)
