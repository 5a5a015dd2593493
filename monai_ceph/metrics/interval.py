"""Compute confidence intervals of the summary's statistics with a bootstrap over films."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import numpy as np

from monai_ceph.metrics.detection_rate import CHALLENGE_THRESHOLDS_MM, check_thresholds
from monai_ceph.metrics.summary import DECIMALS, check_errors

LEVEL = 0.95
RESAMPLES = 9999
SEED = 0
MOST_DRAWS = 4_000_000
"""Films drawn in all resamples together. Above 400 films there are fewer resamples, but at least 999: intervals are
narrow then, and thousands of films would take minutes."""
METHOD = f"{100 * LEVEL:g} % percentile bootstrap over films, {RESAMPLES} resamples, seed {SEED}"
"""What :func:`method` says of up to 400 films."""
BATCH = 500
"""Resamples at a time: enough for NumPy to be fast, few enough to stay in the cache; fewer above 400 films."""

Bounds = tuple[float, float]


class Interval(TypedDict):
    """(low, high) of each statistic of :class:`monai_ceph.metrics.summary.Statistics`, in its unit.

    NaN stands for no interval, see :func:`intervals`.

    Example:
        >>> from monai_ceph.metrics.interval import Interval
        >>> Interval(mre=(0.9, 1.1), sd=(0.8, 1.0), median=(0.7, 0.8), sdr_percent={"2": (85.0, 91.0)})["mre"]
        (0.9, 1.1)
    """

    mre: Bounds
    sd: Bounds
    median: Bounds
    sdr_percent: dict[str, Bounds]


class Intervals(TypedDict):
    """Intervals of the statistics over all landmarks, and by landmark symbol.

    Example:
        >>> from monai_ceph.metrics.interval import Interval, Intervals
        >>> one = Interval(mre=(0.9, 1.1), sd=(0.8, 1.0), median=(0.7, 0.8), sdr_percent={"2": (85.0, 91.0)})
        >>> Intervals(overall=one, per_landmark={"S": one})["per_landmark"]["S"]["median"]
        (0.7, 0.8)
    """

    overall: Interval
    per_landmark: dict[str, Interval]


def intervals(
    errors_mm: np.ndarray, symbols: Sequence[str] | None = None, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM
) -> Intervals:
    """Return 95 % confidence intervals of the statistics that :func:`monai_ceph.metrics.summarise` returns.

    Studies differ in which patients were filmed, and errors on one film are correlated, so whole films are resampled,
    never single landmarks. Every statistic uses the same resamples, and the seed is fixed: the same errors give the
    same intervals.

    All are percentile intervals. BCa intervals need a jackknife, which does not work for medians, and a bias correction
    that suffers from ties, which detection rates are full of. Measured on 25 films, they do not cover the true value
    more often: 91 to 93 % for both (``benchmarks/interval_coverage.py``).

    Args:
        errors_mm: (F, N), mm; NaN where there is no reference, infinity where a landmark is annotated but was not
            found.
        symbols: the N landmarks' symbols; "1" to "N" by default.
        thresholds: distances of the detection rates, mm.
    Returns:
        The intervals. NaN where there is only one film; where every resample gives the same value, as for a rate of
        100 %; or where a resample has no value, because the landmark is annotated on too few films.
    Raises:
        ValueError: errors are not (F, N), the number of symbols is not N, or a threshold is not positive.
        ImportError: SciPy is missing; the message names the extra to install.
    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993, chapter 13.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics import intervals
        >>> errors_mm = np.random.default_rng(0).exponential(1.0, (25, 3))
        >>> low, high = intervals(errors_mm, ["S", "N", "A"])["overall"]["mre"]
        >>> bool(low < errors_mm.mean() < high)
        True
    """
    check_thresholds(thresholds)
    errors, symbols = check_errors(errors_mm, symbols)
    films, landmarks = errors.shape
    statistic = _resampled_statistics(errors, thresholds)
    low, high = bootstrap_bounds(statistic, films, (3 + len(thresholds), 1 + landmarks))
    bounds = np.stack([low, high], axis=-1)

    def interval(group: int) -> Interval:
        mre, sd, median, *rates = ((float(a), float(b)) for a, b in bounds[:, group])
        names = [f"{t:g}" for t in thresholds]
        return {"mre": mre, "sd": sd, "median": median, "sdr_percent": dict(zip(names, rates, strict=True))}

    return {"overall": interval(0), "per_landmark": {symbol: interval(1 + k) for k, symbol in enumerate(symbols)}}


def resamples(films: int) -> int:
    """Return how many resamples are drawn for a number of films; see :data:`MOST_DRAWS`.

    Example:
        >>> from monai_ceph.metrics.interval import resamples
        >>> resamples(150), resamples(2000)
        (9999, 2000)
    """
    return min(RESAMPLES, max(999, MOST_DRAWS // max(films, 1)))


def method(films: int) -> str:
    """Return a description of how intervals over a number of films are computed.

    Example:
        >>> from monai_ceph.metrics.interval import method
        >>> method(150)
        '95 % percentile bootstrap over films, 9999 resamples, seed 0'
    """
    return METHOD.replace(f"{RESAMPLES} resamples", f"{resamples(films)} resamples")


def bootstrap_bounds(
    statistic: Callable[[np.ndarray], np.ndarray], films: int, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return percentile intervals of any statistics over films.

    Args:
        statistic: takes how often each film was drawn, (B, F) float64, and returns the statistics of the B resamples,
            (..., B).
        films: F.
        shape: the statistics' shape, (...).
    Returns:
        Low and high bounds, each of that shape; NaN for no interval, as in :func:`intervals`.
    Raises:
        ImportError: SciPy is missing; the message names the extra to install.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.interval import bootstrap_bounds
        >>> values = np.random.default_rng(0).normal(5.0, 1.0, 25)
        >>> low, high = bootstrap_bounds(lambda counts: counts @ values / counts.sum(1), films=25, shape=())
        >>> bool(low < values.mean() < high)
        True
    """
    stats = scipy_stats()
    if films < 2:
        return np.full(shape, np.nan), np.full(shape, np.nan)

    def of_drawn(drawn: np.ndarray, axis: int) -> np.ndarray:
        drawn = np.atleast_2d(drawn)
        rows = np.arange(len(drawn))[:, None] * films
        counts = np.bincount((drawn + rows).ravel(), minlength=drawn.shape[0] * films)
        return statistic(counts.reshape(drawn.shape[0], films).astype(np.float64))

    # A resample without any annotation of a landmark gives 0 / 0. SciPy's warning about NaN speaks of BCa.
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*interval cannot be calculated")
        result = stats.bootstrap(
            (np.arange(films),),
            of_drawn,
            vectorized=True,
            axis=-1,
            confidence_level=LEVEL,
            n_resamples=resamples(films),
            batch=max(10, min(BATCH, BATCH * 400 // films)),
            method="percentile",
            rng=np.random.default_rng(SEED),
        )
    low, high = (np.round(bound, DECIMALS) for bound in result.confidence_interval)
    same = low == high
    return np.where(same, np.nan, low), np.where(same, np.nan, high)


def scipy_stats() -> Any:
    """Import ``scipy.stats``.

    Raises:
        ImportError: SciPy is missing; the message names the extra to install.
    Example:
        >>> from monai_ceph.metrics.interval import scipy_stats
        >>> float(scipy_stats().norm.cdf(0.0))
        0.5
    """
    try:
        from scipy import stats
    except ImportError as error:
        raise ImportError("Intervals and tests need SciPy: pip install 'monai-ceph[evaluate]'.") from error
    return stats


def _resampled_statistics(errors: np.ndarray, thresholds: Sequence[float]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a statistic for :func:`bootstrap_bounds`, (3 + T, 1 + N): MRE, SD, median, rates; overall, landmarks.

    All but the median are made of sums over films, so that a matrix product computes every resample at once.
    """
    groups = [errors, *(errors[:, [k]] for k in range(errors.shape[1]))]
    # Sums of squares lose digits unless the values are near 0.
    centres = np.array([group[np.isfinite(group)].mean() if np.isfinite(group).any() else 0.0 for group in groups])
    sums = np.stack([_film_sums(group, centre, thresholds) for group, centre in zip(groups, centres, strict=True)], -1)
    medians = [_weighted_median(group) for group in groups]

    def statistic(counts: np.ndarray) -> np.ndarray:
        n, n_found, off, squares, *within = np.einsum("bf,sfg->sgb", counts, sums, optimize=True)
        mean = off / n_found
        spread = np.sqrt(np.maximum(squares - n_found * mean**2, 0) / (n_found - 1))
        rates = [100 * inside / n for inside in within]
        return np.stack([mean + centres[:, None], spread, np.stack([median(counts) for median in medians]), *rates])

    return statistic


def _film_sums(errors: np.ndarray, centre: float, thresholds: Sequence[float]) -> np.ndarray:
    """Return sums over each film of errors (F, n), (4 + T, F): annotated, found, error - centre, its square, hits."""
    finite = np.isfinite(errors)
    off = np.where(finite, errors - centre, 0.0)
    parts = [~np.isnan(errors), finite, off, off**2, *(finite & (errors <= t) for t in thresholds)]
    return np.stack([part.sum(1).astype(np.float64) for part in parts])


def _weighted_median(errors: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the median of the finite errors (F, n), weighted by how often a film was drawn: counts (B, F) -> (B,)."""
    scipy_stats()  # says what to install where SciPy is missing
    from scipy import sparse

    films = np.nonzero(np.isfinite(errors))[0]
    values = errors[np.isfinite(errors)]
    order = np.argsort(values)
    values, films = values[order], films[order]
    # First the block of values that holds the median, then its place there: counting up through all values took most
    # of the time of an evaluation.
    size = max(1, int(len(values) ** 0.5))
    starts = np.arange(0, len(values), size)
    places = np.arange(len(values))
    in_block = sparse.csr_array((np.ones(len(values)), (places // size, films)), shape=(len(starts), len(errors)))

    def median(counts: np.ndarray) -> np.ndarray:
        if not len(values):
            return np.full(len(counts), np.nan)
        up_to = (in_block @ np.ascontiguousarray(counts.T)).T.cumsum(axis=1)
        n, rows = up_to[:, -1:], np.arange(len(counts))[:, None]

        def drawn_value(m: np.ndarray) -> np.ndarray:
            # The m-th drawn value (from 0) follows all values up to which no more than m were drawn.
            block = np.minimum((up_to <= m).sum(1, keepdims=True), len(starts) - 1)
            place = np.minimum(starts[block] + np.arange(size), len(values) - 1)
            before = np.where(block > 0, up_to[rows, block - 1], 0)
            inside = before + counts[rows, films[place]].cumsum(axis=1)
            return np.asarray(values[place[rows[:, 0], np.minimum((inside <= m).sum(1), size - 1)]])

        middle = [drawn_value(m) for m in ((n - 1) // 2, n // 2)]
        return np.where(n[:, 0] > 0, (middle[0] + middle[1]) / 2, np.nan)

    return median
