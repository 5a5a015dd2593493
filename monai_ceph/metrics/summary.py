"""Summarise radial errors as papers do: MRE, SD, median and SDR, overall and per landmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from monai_ceph.metrics.detection_rate import CHALLENGE_THRESHOLDS_MM, check_thresholds

DECIMALS = 9
"""Errors are rounded to this: 30 pixels of 0.1 mm can be 3.000000000000014 mm in binary, and yet are within 3 mm."""


class Statistics(TypedDict):
    """Statistics of a set of errors, in their unit; rates in percent. NaN where there are too few errors.

    Example:
        >>> from monai_ceph.metrics.summary import Statistics
        >>> Statistics(n=2, missing=0, mre=1.5, sd=0.7, median=1.5, sdr_percent={"2": 50.0})["mre"]
        1.5
    """

    n: int
    missing: int
    mre: float
    sd: float
    median: float
    sdr_percent: dict[str, float]


class Summary(TypedDict):
    """Statistics over all landmarks, and by landmark symbol.

    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics import summarise
        >>> summary = summarise(np.array([[1.0, 3.0]]), ["S", "N"])
        >>> summary["overall"]["mre"], summary["per_landmark"]["N"]["mre"]
        (2.0, 3.0)
    """

    overall: Statistics
    per_landmark: dict[str, Statistics]


def error_statistics(errors_mm: np.ndarray, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM) -> Statistics:
    """Return mean, standard deviation, median and detection rates of radial errors.

    Args:
        errors_mm: any shape, mm: NaN where there is no reference, infinity where a landmark is annotated but was not
            found, as :func:`monai_ceph.metrics.radial_error` returns them.
        thresholds: distances of the detection rates, mm; an error equal to a threshold is within it.
    Returns:
        ``n``, the number of annotated landmarks; ``missing``, how many of them were not found; ``mre``, ``sd`` (over
        single errors, with n - 1, as in the challenge) and ``median`` of those found; ``sdr_percent`` by threshold,
        over all n, where a missing landmark is a miss. NaN where there are too few errors.
    Raises:
        ValueError: there is no threshold, or one is not positive.
    Source:
        Wang et al. 2016, section 3; docs/paper.md, "Numbers to reproduce".
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics import error_statistics
        >>> statistics = error_statistics(np.array([1.0, 3.0, np.inf, np.nan]), thresholds=[2.0])
        >>> statistics["n"], statistics["missing"], statistics["mre"], round(statistics["sdr_percent"]["2"], 1)
        (3, 1, 2.0, 33.3)
    """
    check_thresholds(thresholds)
    errors = np.asarray(errors_mm, dtype=np.float64).ravel().round(DECIMALS)
    annotated = errors[~np.isnan(errors)]
    finite = annotated[np.isfinite(annotated)]
    n = len(annotated)
    return {
        "n": n,
        "missing": n - len(finite),
        "mre": float(finite.mean()) if len(finite) else float("nan"),
        "sd": float(finite.std(ddof=1)) if len(finite) > 1 else float("nan"),
        "median": float(np.median(finite)) if len(finite) else float("nan"),
        "sdr_percent": {f"{t:g}": 100 * int((finite <= t).sum()) / n if n else float("nan") for t in thresholds},
    }


def summarise(
    errors_mm: np.ndarray, symbols: Sequence[str] | None = None, thresholds: Sequence[float] = CHALLENGE_THRESHOLDS_MM
) -> Summary:
    """Return :func:`error_statistics` of all landmarks together and of each landmark.

    Args:
        errors_mm: (F, N) for F films, mm; NaN and infinity as in :func:`error_statistics`.
        symbols: the N landmarks' symbols; "1" to "N" by default.
        thresholds: as in :func:`error_statistics`.
    Raises:
        ValueError: errors are not (F, N), the number of symbols is not N, or a threshold is not positive.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics import summarise
        >>> summary = summarise(np.array([[1.0, 3.0], [2.0, 4.0]]), ["S", "N"])
        >>> summary["overall"]["mre"], summary["per_landmark"]["S"]["mre"]
        (2.5, 1.5)
    """
    errors, symbols = check_errors(errors_mm, symbols)
    return {
        "overall": error_statistics(errors, thresholds),
        "per_landmark": {symbol: error_statistics(errors[:, k], thresholds) for k, symbol in enumerate(symbols)},
    }


def check_errors(errors_mm: np.ndarray, symbols: Sequence[str] | None = None) -> tuple[np.ndarray, list[str]]:
    """Check errors and symbols, and return them as every statistic takes them.

    Args:
        errors_mm: (F, N), mm.
        symbols: the N landmarks' symbols; "1" to "N" by default.
    Returns:
        (F, N) float64, mm, rounded to :data:`DECIMALS`; and N symbols.
    Raises:
        ValueError: errors are not (F, N), or the number of symbols is not N.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.summary import check_errors
        >>> check_errors(np.array([[1, 2]]))
        (array([[1., 2.]]), ['1', '2'])
    """
    errors = np.asarray(errors_mm, dtype=np.float64)
    if errors.ndim != 2:
        raise ValueError(f"Expected errors of shape (films, landmarks), got {errors.shape}.")
    symbols = [str(k + 1) for k in range(errors.shape[1])] if symbols is None else list(symbols)
    if len(symbols) != errors.shape[1]:
        raise ValueError(f"Expected a symbol for each of {errors.shape[1]} landmarks, got {len(symbols)}.")
    return errors.round(DECIMALS), symbols
