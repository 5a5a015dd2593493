"""Two sets of predictions of the same films: is one better than the other?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monai_ceph.metrics.interval import RESAMPLES, SEED, Bounds, bootstrap_bounds, scipy_stats
from monai_ceph.metrics.summary import DECIMALS, check_errors

TEST = f"sign-flip permutation test over films (exact up to 13 films, else {RESAMPLES} flips, seed {SEED}), two-sided"


class Difference(NamedTuple):
    """One statistic of A, of B, and B less A.

    Args:
        n: landmarks that it is taken over.
        a, b: its value for either; NaN where n is 0.
        difference: b - a.
        bounds: its 95 % interval over films; NaN where films cannot tell, as
            :func:`monai_ceph.metrics.interval.intervals` says.
        p: of the test that A and B differ by chance; NaN for less than two films or landmarks none of which is common.
        p_holm: p, adjusted by Holm for the landmarks tested beside it.
    """

    n: int
    a: float
    b: float
    difference: float
    bounds: Bounds
    p: float
    p_holm: float


class Paired(NamedTuple):
    """MRE of the landmarks that both found, in the errors' unit, and SDR in percent of all that are annotated."""

    mre: Difference
    sdr: Difference


@dataclass(frozen=True)
class PairedDifferences:
    """The differences over everything and by landmark symbol; and what only one of both found.

    Args:
        found: how many annotated landmarks both found, only A, only B, and neither.
    """

    threshold: float
    overall: Paired
    per_landmark: dict[str, Paired]
    found: dict[str, int]


def paired_differences(
    errors_a: np.ndarray, errors_b: np.ndarray, symbols: Sequence[str] | None = None, threshold: float = 2.0
) -> PairedDifferences:
    """Whether B is better than A on the same films.

    Errors on one film go together, so films are resampled for the intervals and films change sides in the test: if it
    made no difference which of the two found a film's landmarks, each film's difference could as well have the other
    sign. The mean error is compared on landmarks that both found: of others the difference is unknown. In the detection
    rate, which is of all annotated ones, a landmark that was not found is a miss.

    Args:
        errors_a, errors_b: (F, N), mm, of the same films against the same reference; NaN where there is no reference,
            infinity where a landmark was annotated but not found.
        symbols: the N landmarks' symbols; without them they are "1" to "N".
        threshold: of the detection rate, mm.
    Raises:
        ValueError: errors of different shapes, or of different references.
        ImportError: SciPy is missing.
    Source:
        Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    (a, symbols), (b, _) = check_errors(errors_a, symbols), check_errors(errors_b)
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
        raise ValueError(
            f"Expected errors of the same films and landmarks against one reference, got shapes {a.shape} and {b.shape}"
            f" with {np.isfinite(a).sum()} and {np.isfinite(b).sum()} found landmarks; score both alike."
        )
    annotated, found_a, found_b = ~np.isnan(a), np.isfinite(a), np.isfinite(b)
    both = found_a & found_b
    mre = _differences(np.where(both, a, 0.0), np.where(both, b, 0.0), both)
    sdr = _differences(100.0 * (found_a & (a <= threshold)), 100.0 * (found_b & (b <= threshold)), annotated)
    pairs = [Paired(*pair) for pair in zip(mre, sdr, strict=True)]
    found = {
        "both": int(both.sum()),
        "only_a": int((found_a & ~found_b).sum()),
        "only_b": int((found_b & ~found_a).sum()),
        "neither": int((annotated & ~found_a & ~found_b).sum()),
    }
    return PairedDifferences(threshold, pairs[0], dict(zip(symbols, pairs[1:], strict=True)), found)


def holm(p_values: Sequence[float] | np.ndarray) -> list[float]:
    """P values adjusted for how many there are, by Holm's step-down method; NaN is no test and stays NaN.

    Source:
        Holm, Scand. J. Statist. 6 (1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return [float(value) for value in adjusted]


def _differences(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> list[Difference]:
    """Mean of a, of b, and b less a, of the entries that count: of all, then of each landmark.

    Args:
        a, b: (F, N), 0 where nothing counts.
        counts: (F, N), bool.
    """
    n, of_a, of_b = (
        np.concatenate([by_landmark.sum(1, keepdims=True), by_landmark], axis=1).astype(np.float64)
        for by_landmark in (counts, a, b)
    )
    with np.errstate(invalid="ignore"):
        mean_a, mean_b = of_a.sum(0) / n.sum(0), of_b.sum(0) / n.sum(0)
    low, high = bootstrap_bounds(lambda drawn: ((drawn @ (of_b - of_a)) / (drawn @ n)).T, len(n), (n.shape[1],))
    p = _sign_flip_p(of_b - of_a)
    p[n.sum(0) == 0] = np.nan
    columns = (n.sum(0).astype(int), mean_a, mean_b, mean_b - mean_a, low, high, p, [p[0], *holm(p[1:])])
    return [
        Difference(n_group, a_group, b_group, difference, (low_group, high_group), p_group, adjusted)
        for n_group, a_group, b_group, difference, low_group, high_group, p_group, adjusted in zip(
            *(np.asarray(column).tolist() for column in columns), strict=True
        )
    ]


def _sign_flip_p(differences: np.ndarray) -> np.ndarray:
    """(F, G) differences, summed over a film -> (G,) two-sided p of their sum, each film with either sign.

    The sum, unlike the mean of film means, is what the reported difference is made of when films lack landmarks. The
    signs are what SciPy permutes, so that every group of landmarks sees the same flips.
    """
    if len(differences) < 2:
        return np.full(differences.shape[1], np.nan)
    # Whole numbers, whose sums are exact: flips that give the same sum have to count as the same.
    differences = (differences * 10**DECIMALS).round()
    result = scipy_stats().permutation_test(
        (np.ones(len(differences)),),
        lambda signs, axis: signs @ differences,
        permutation_type="samples",
        vectorized=True,
        axis=-1,
        n_resamples=RESAMPLES,
        batch=1000,
        rng=np.random.default_rng(SEED),
    )
    return np.asarray(result.pvalue, dtype=np.float64)
