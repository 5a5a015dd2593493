"""Measure where a site annotates each landmark: its mean offset, and the number of films needed to measure it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monai_ceph.metrics.interval import LEVEL, scipy_stats


@dataclass(frozen=True)
class SiteOffset:
    """Offsets of N landmarks along x and y.

    Args:
        n: (N,) int, number of films with both points.
        bias_mm: (N, 2), (x, y), mean of predicted minus reference, mm; NaN for n = 0.
        margin_mm: (N, 2), mm: the 95 % interval of the bias is ``bias_mm`` plus and minus this; NaN for n < 2.
        films_needed: (N,) number of films for which the margin of both axes is expected to reach the target; NaN for
            n < 2.
        target_mm: that target.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.site_offset import site_offset
        >>> site_offset(np.array([[[1.0, -2.0]]])).n.tolist()
        [1]
    """

    n: np.ndarray
    bias_mm: np.ndarray
    margin_mm: np.ndarray
    films_needed: np.ndarray
    target_mm: float


def site_offset(offsets_mm: np.ndarray, target_mm: float = 0.5) -> SiteOffset:
    """Return the bias of each landmark and axis, its 95 % interval, and the number of films that reach a target.

    The interval is Student's: ``t(n - 1) * s / sqrt(n)`` to either side, with s the standard deviation over films
    (n - 1) and t the 97.5 % quantile. The number of films is the smallest m >= 2 with
    ``t(m - 1) * s / sqrt(m) <= target_mm``, for the axis with the larger s. There are 2 N intervals: of 38, about two
    are expected to miss the true bias.

    Args:
        offsets_mm: (F, N, 2), (x, y), predicted minus reference, mm in the film's frame; NaN where either is unknown.
        target_mm: the margin to reach, mm to either side.
    Raises:
        ValueError: offsets are not (F, N, 2), or the target is not positive.
        ImportError: SciPy is missing; the message names the extra to install.
    Source:
        Student, Biometrika 6 (1908) 1-25, https://doi.org/10.1093/biomet/6.1.1.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.site_offset import site_offset
        >>> offset = site_offset(np.array([[[1.0, -2.0]], [[1.2, -2.2]], [[1.4, -1.8]]]))
        >>> offset.bias_mm.round(2).tolist(), offset.films_needed.tolist()
        ([[1.2, -2.0]], [3.0])
    """
    offsets = np.asarray(offsets_mm, dtype=np.float64)
    if offsets.ndim != 3 or offsets.shape[2] != 2:
        raise ValueError(f"Expected offsets of shape (films, landmarks, 2), got {offsets.shape}.")
    if not target_mm > 0:
        raise ValueError(f"Expected a positive target_mm, got {target_mm}.")
    known = np.asarray(np.isfinite(offsets).all(-1))
    n = known.sum(0)
    bias, margin = np.full((2, offsets.shape[1], 2), np.nan)
    needed = np.full(offsets.shape[1], np.nan)
    for k in range(offsets.shape[1]):
        of_landmark = offsets[known[:, k], k]
        if len(of_landmark):
            bias[k] = of_landmark.mean(0)
        if len(of_landmark) > 1:
            spread = of_landmark.std(0, ddof=1)
            margin[k] = student_margin(spread, len(of_landmark))
            needed[k] = films_needed(float(spread.max()), target_mm)
    return SiteOffset(n, bias, margin, needed, target_mm)


def student_margin(spread: np.ndarray | float, n: int) -> np.ndarray:
    """Return half the width of the 95 % interval of a mean.

    Args:
        spread: standard deviation of the values.
        n: number of values.
    Raises:
        ImportError: SciPy is missing; the message names the extra to install.
    Example:
        >>> from monai_ceph.metrics.site_offset import student_margin
        >>> round(float(student_margin(1.0, 25)), 3)
        0.413
    """
    return np.asarray(scipy_stats().t.ppf((1 + LEVEL) / 2, n - 1) * np.asarray(spread) / math.sqrt(n))


def films_needed(spread_mm: float, target_mm: float) -> int:
    """Return the smallest number of films, at least 2, for which :func:`student_margin` is within the target.

    Args:
        spread_mm: standard deviation over films, mm.
        target_mm: largest margin, mm.
    Raises:
        ImportError: SciPy is missing; the message names the extra to install.
    Example:
        >>> from monai_ceph.metrics.site_offset import films_needed
        >>> films_needed(spread_mm=1.0, target_mm=0.5)
        18
    """
    # 1.9 is below every quantile of t here, so the count starts below the answer and increases to it.
    films = max(2, math.ceil((1.9 * spread_mm / target_mm) ** 2))
    while student_margin(spread_mm, films) > target_mm:
        films += 1
    return films
