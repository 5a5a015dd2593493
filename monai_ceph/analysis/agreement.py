"""Compute how well two sets of values of the same films agree, with the statistics that orthodontic papers report."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from monai_ceph.analysis.definition import Measurement

LIMITS = 1.96
"""Half the width of the limits of agreement, in SD of the differences."""


class Agreement(TypedDict):
    """Agreement of two sets of values, in their unit; NaN where there are too few of them.

    Example:
        >>> from monai_ceph.analysis.agreement import agreement
        >>> agreement([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])["bias"]
        -0.3333333333333333
    """

    n: int
    mae: float
    bias: float
    sd: float
    loa_low: float
    loa_high: float
    dahlberg: float
    icc: float


def agreement(values: ArrayLike, reference: ArrayLike) -> Agreement:
    """Compare the values of one measurement with those of a reference or of another observer.

    Args:
        values, reference: (F,), one value a film; films where either is NaN are left out.
    Returns:
        ``n`` films; ``mae``, the mean absolute difference; ``bias``, the mean of values minus reference, ``sd``, the
        standard deviation of the differences (n - 1), and ``loa_low`` and ``loa_high``, the 95 % limits of agreement
        of Bland and Altman, bias -+ 1.96 sd; ``dahlberg``, the root of the sum of squared differences over 2 n; and
        ``icc``, the intraclass correlation ICC(2,1): two-way random effects, absolute agreement, single measurement.
    Raises:
        ValueError: values and reference are not two lists of one length.
    Source:
        Bland and Altman, Lancet 327 (1986) 307-310; Dahlberg, Statistical Methods for Medical and Biological Students
        (1940); Shrout and Fleiss, Psychological Bulletin 86 (1979) 420-428.
    Example:
        >>> from monai_ceph.analysis.agreement import agreement
        >>> both = agreement([82.0, 80.0, 85.0, 78.0], [81.0, 80.0, 84.0, 79.0])
        >>> both["mae"], both["bias"], round(both["icc"], 3)
        (0.75, 0.25, 0.944)
    """
    if np.ndim(values) != 1 or np.shape(values) != np.shape(reference):
        raise ValueError(f"Expected two lists of one length, got shapes {np.shape(values)} and {np.shape(reference)}.")
    pair = np.stack([_column(values), _column(reference)], 1)
    pair = pair[np.isfinite(pair).all(1)]
    difference = pair[:, 0] - pair[:, 1]
    n = len(pair)
    if not n:
        nan = math.nan
        return Agreement(n=0, mae=nan, bias=nan, sd=nan, loa_low=nan, loa_high=nan, dahlberg=nan, icc=nan)
    bias = float(difference.mean())
    sd = float(difference.std(ddof=1)) if n > 1 else math.nan
    return {
        "n": n,
        "mae": float(np.abs(difference).mean()),
        "bias": bias,
        "sd": sd,
        "loa_low": bias - LIMITS * sd,
        "loa_high": bias + LIMITS * sd,
        "dahlberg": float(np.sqrt((difference**2).sum() / (2 * n))),
        "icc": _icc(pair),
    }


class Classification(TypedDict):
    """Hold how often two sets of values fall into the same class; NaN where no film has a class.

    Example:
        >>> from monai_ceph.analysis import Classification
        >>> Classification(n=2, same_percent=50.0, success_percent=50.0)["n"]
        2
    """

    n: int
    same_percent: float
    success_percent: float


def classification(values: ArrayLike, reference: ArrayLike, measurement: Measurement) -> Classification:
    """Return how often two sets of values fall into the same class.

    Args:
        values, reference: (F,), one value a film.
        measurement: with classes.
    Returns:
        ``n`` films that have a class in the reference; ``same_percent``, the share of them with a value in the same
        class (NaN has no class); and ``success_percent``, the challenge's success classification rate: the mean
        diagonal of the confusion matrix, whose rows belong to the reference's classes and add up to 100 %. A class
        without films in the reference has no row.
    Source:
        Wang et al., Med Image Anal 31 (2016), whose rates are means of rows: they are not multiples of one film.
    Example:
        >>> from monai_ceph.analysis import MEASUREMENTS, classification
        >>> anb = next(one for one in MEASUREMENTS if (one.analysis, one.name) == ("ISBI 2015", "ANB"))
        >>> rates = classification([4.0, 4.0, 4.0, 6.0], [4.5, 3.5, 5.8, 7.0], anb)  # classes 1 1 1 2 and 1 1 2 2
        >>> rates["same_percent"], rates["success_percent"]
        (75.0, 75.0)
    """
    classes, true_classes = (
        [measurement.class_of(value) for value in _column(column).tolist()] for column in (values, reference)
    )
    same = {
        class_.label: [a == b for a, b in zip(classes, true_classes, strict=True) if b == class_]
        for class_ in measurement.classes
    }
    hits_of_all = [hit for hits in same.values() for hit in hits]
    if not hits_of_all:
        return Classification(n=0, same_percent=math.nan, success_percent=math.nan)
    rows = [float(np.mean(hits)) for hits in same.values() if hits]
    return Classification(
        n=len(hits_of_all), same_percent=100 * float(np.mean(hits_of_all)), success_percent=100 * float(np.mean(rows))
    )


def _column(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=np.float64).reshape(-1)


def _icc(pair: np.ndarray) -> float:
    n, k = pair.shape
    if n < 2:
        return math.nan
    rows, columns, mean = pair.mean(1), pair.mean(0), pair.mean()
    between_films = k * ((rows - mean) ** 2).sum() / (n - 1)
    between_observers = n * ((columns - mean) ** 2).sum() / (k - 1)
    rest = ((pair - rows[:, None] - columns + mean) ** 2).sum() / ((n - 1) * (k - 1))
    total = between_films + (k - 1) * rest + k * (between_observers - rest) / n
    return float((between_films - rest) / total) if total else math.nan
