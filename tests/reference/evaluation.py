"""Every figure of an evaluation and its interval over films, as one would write them first: NumPy and a loop."""

from __future__ import annotations

import numpy as np

THRESHOLDS = (2.0, 2.5, 3.0, 4.0)


def figures(errors: np.ndarray) -> list[float]:
    """MRE, SD, median, and the rate at each threshold, of errors with NaN (not annotated) and infinity (not found)."""
    annotated = errors[~np.isnan(errors)]
    found = annotated[np.isfinite(annotated)]
    middle = [np.mean(found), np.std(found, ddof=1), np.median(found)]
    return [float(x) for x in (*middle, *(100 * np.mean(annotated <= t) for t in THRESHOLDS))]


def interval(errors: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """(2, 7): the bounds of a 95 % percentile bootstrap over the films, which are the rows of the errors."""
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(0, len(errors), len(errors)) for _ in range(resamples)]
    return np.percentile([figures(errors[films]) for films in drawn], [2.5, 97.5], axis=0)
