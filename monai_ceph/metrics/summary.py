"""The statistics that papers print: MRE, SD, median and SDR, overall and per landmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from monai_ceph.metrics.detection_rate import CHALLENGE_THRESHOLDS_MM, check_thresholds

DECIMALS = 9
"""Points 30 pixels of 0.1 mm apart can be 3.000000000000014 mm apart in binary, and yet are within 3 mm."""


class Statistics(TypedDict):
    """What a set of errors adds up to. Errors in the unit given, rates in percent; NaN where nothing is known."""

    n: int
    missing: int
    mre: float
    sd: float
    median: float
    sdr_percent: dict[str, float]


class Summary(TypedDict):
    """Statistics over everything, and by landmark symbol."""

    overall: Statistics
    per_landmark: dict[str, Statistics]


def error_statistics(errors_mm: np.ndarray, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM) -> Statistics:
    """Mean, spread and detection rates of some radial errors.

    Args:
        errors_mm: any shape, mm: NaN where there is no reference, infinity where a landmark was annotated but not
            found, as :func:`monai_ceph.metrics.radial_error.radial_error` gives them.
        thresholds: distances of the detection rates, mm; an error that equals one is within it.
    Returns:
        ``n`` annotated landmarks, ``missing`` ones of them without a prediction; ``mre``, ``sd`` (of the single
        errors around their mean, with n - 1: the challenge's) and ``median`` over those found; ``sdr_percent`` by
        threshold over all n, where a missing landmark is a miss. NaN where too few errors are there.
    Raises:
        ValueError: thresholds missing or not positive.
    Source:
        METHOD "Numbers"; Wang et al. 2016, section 3.
    """
    check_thresholds(thresholds)
    errors = np.asarray(errors_mm, dtype=np.float64).ravel().round(DECIMALS)
    annotated = errors[~np.isnan(errors)]
    found = annotated[np.isfinite(annotated)]
    n = len(annotated)
    return {
        "n": n,
        "missing": n - len(found),
        "mre": float(found.mean()) if len(found) else float("nan"),
        "sd": float(found.std(ddof=1)) if len(found) > 1 else float("nan"),
        "median": float(np.median(found)) if len(found) else float("nan"),
        "sdr_percent": {f"{t:g}": 100 * int((found <= t).sum()) / n if n else float("nan") for t in thresholds},
    }


def summarise(
    errors_mm: np.ndarray,
    symbols: Sequence[str] | None = None,
    thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM,
) -> Summary:
    """:func:`error_statistics` of all errors together and of each landmark.

    Args:
        errors_mm: (F, N) for F films, mm; NaN and infinity as in :func:`error_statistics`.
        symbols: the N landmarks' symbols; without them they are "1" to "N".
        thresholds: as in :func:`error_statistics`.
    Raises:
        ValueError: errors are not (F, N), or the number of symbols is not N.
    """
    errors, symbols = check_errors(errors_mm, symbols)
    return {
        "overall": error_statistics(errors, thresholds),
        "per_landmark": {symbol: error_statistics(errors[:, k], thresholds) for k, symbol in enumerate(symbols)},
    }


def check_errors(errors_mm: np.ndarray, symbols: Sequence[str] | None = None) -> tuple[np.ndarray, list[str]]:
    """Errors and symbols as every statistic takes them.

    Returns:
        (F, N) float64, mm, to nine decimals, and N symbols, "1" to "N" unless given.
    Raises:
        ValueError: errors are not (F, N), or the number of symbols is not N.
    """
    errors = np.asarray(errors_mm, dtype=np.float64)
    if errors.ndim != 2:
        raise ValueError(f"Expected errors of shape (films, landmarks), got {errors.shape}.")
    symbols = [str(k + 1) for k in range(errors.shape[1])] if symbols is None else list(symbols)
    if len(symbols) != errors.shape[1]:
        raise ValueError(f"Expected a symbol for each of {errors.shape[1]} landmarks, got {len(symbols)}.")
    return errors.round(DECIMALS), symbols
