"""Compare two sets of predictions of the same films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monai_ceph.metrics.interval import RESAMPLES, SEED, Bounds, bootstrap_bounds, scipy_stats
from monai_ceph.metrics.summary import DECIMALS, check_errors

TEST = f"sign-flip permutation test over films (exact up to 13 films, else {RESAMPLES} flips, seed {SEED}), two-sided"


class Difference(NamedTuple):
    """A statistic of A, the same of B, and their difference.

    Args:
        n: number of landmarks.
        a, b: the two values; NaN where n is 0.
        difference: b - a.
        bounds: 95 % interval of the difference over films; NaN for none, as in :func:`monai_ceph.metrics.intervals`.
        p: p value of the hypothesis that A and B differ only by chance; NaN for fewer than two films, or where n is 0.
        p_holm: p, adjusted by Holm's method for the number of landmarks tested.
    Example:
        >>> from monai_ceph.metrics.paired import Difference
        >>> Difference(n=475, a=1.0, b=0.75, difference=-0.25, bounds=(-0.4, -0.1), p=0.01, p_holm=0.01).difference
        -0.25
    """

    n: int
    a: float
    b: float
    difference: float
    bounds: Bounds
    p: float
    p_holm: float


class Paired(NamedTuple):
    """Differences of MRE, over the landmarks that both found, and of SDR in percent, over all annotated ones.

    Example:
        >>> from monai_ceph.metrics.paired import Difference, Paired
        >>> none = Difference(0, float("nan"), float("nan"), float("nan"), (float("nan"),) * 2, float("nan"), 1.0)
        >>> Paired(mre=none, sdr=none).sdr.n
        0
    """

    mre: Difference
    sdr: Difference


@dataclass(frozen=True)
class PairedDifferences:
    """The differences over all landmarks and by landmark symbol.

    Args:
        threshold: distance of the detection rate, mm.
        overall: the differences over all landmarks.
        per_landmark: the differences by landmark symbol.
        found: how many annotated landmarks were found by ``both``, ``only_a``, ``only_b`` and ``neither``.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.paired import paired_differences
        >>> paired_differences(np.array([[1.0, np.inf]]), np.array([[1.5, 2.0]])).found
        {'both': 1, 'only_a': 0, 'only_b': 1, 'neither': 0}
    """

    threshold: float
    overall: Paired
    per_landmark: dict[str, Paired]
    found: dict[str, int]


def paired_differences(
    errors_a: np.ndarray, errors_b: np.ndarray, symbols: Sequence[str] | None = None, threshold: float = 2.0
) -> PairedDifferences:
    """Compare the errors of B with those of A on the same films.

    Errors on one film are correlated, so the intervals resample whole films, and the test swaps the sign of whole
    films: if A and B were equally good, each film's difference could as well have the other sign. Mean errors are
    compared on the landmarks that both found. Detection rates are over all annotated landmarks, where one that was not
    found is a miss.

    Args:
        errors_a, errors_b: (F, N), mm, of the same films against the same reference; NaN where there is no reference,
            infinity where a landmark is annotated but was not found.
        symbols: the N landmarks' symbols; "1" to "N" by default.
        threshold: distance of the detection rate, mm.
    Raises:
        ValueError: the errors have different shapes or different references.
        ImportError: SciPy is missing; the message names the extra to install.
    Source:
        Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.paired import paired_differences
        >>> errors_a = np.random.default_rng(0).exponential(1.0, (12, 2))
        >>> mre = paired_differences(errors_a, errors_a - 0.1, ["S", "N"]).overall.mre
        >>> mre.n, round(mre.difference, 3), mre.p < 0.05
        (24, -0.1, True)
    """
    (a, symbols), (b, _) = check_errors(errors_a, symbols), check_errors(errors_b)
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
        raise ValueError(
            f"Expected errors of the same films and landmarks against one reference, got shapes {a.shape} and {b.shape}"
            f" with {np.isfinite(a).sum()} and {np.isfinite(b).sum()} found landmarks; score both alike."
        )
    annotated, found_a, found_b = ~np.isnan(a), np.isfinite(a), np.isfinite(b)
    found_by_both = found_a & found_b
    mre = _differences(np.where(found_by_both, a, 0.0), np.where(found_by_both, b, 0.0), found_by_both)
    sdr = _differences(100.0 * (found_a & (a <= threshold)), 100.0 * (found_b & (b <= threshold)), annotated)
    pairs = [Paired(*pair) for pair in zip(mre, sdr, strict=True)]
    found = {
        "both": int(found_by_both.sum()),
        "only_a": int((found_a & ~found_b).sum()),
        "only_b": int((found_b & ~found_a).sum()),
        "neither": int((annotated & ~found_a & ~found_b).sum()),
    }
    return PairedDifferences(threshold, pairs[0], dict(zip(symbols, pairs[1:], strict=True)), found)


def holm(p_values: Sequence[float] | np.ndarray) -> list[float]:
    """Return p values adjusted for their number by Holm's step-down method.

    Args:
        p_values: NaN stands for no test and stays NaN.
    Source:
        Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    Example:
        >>> from monai_ceph.metrics.paired import holm
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return [float(value) for value in adjusted]


def _differences(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> list[Difference]:
    """Return mean a, mean b and b - a over the entries that count: of all landmarks, then of each.

    Args:
        a, b: (F, N), 0 where an entry does not count.
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
    """Return two-sided p values (G,) of the sums of film differences (F, G), where each film may have either sign.

    Sums, not means of film means, because the reported difference weights films by their landmarks. SciPy permutes the
    signs, so that every group of landmarks sees the same flips.
    """
    if len(differences) < 2:
        return np.full(differences.shape[1], np.nan)
    # Integers, whose sums are exact: flips that give the same sum have to count as equal.
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
