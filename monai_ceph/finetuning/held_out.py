"""Compare two models' errors on held-out films, robustly against labels that lie nowhere near their landmark."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ABSURD_TIMES = 10.0
"""An error this many times the median one says more about the label than about the models."""
ABSURD_PART = 0.5
"""Of the typical distance of a landmark from the centre of its face (about 45 mm): no smaller error is absurd."""
RESAMPLES = 999
MOST_DRAWS = 5_000_000
SEED = 0
CLEARLY = 0.95
"""Fraction of the resamples in which the mean error has to grow for the new model to be clearly worse."""


class Comparison(NamedTuple):
    """Hold the result of :func:`compare`.

    Args:
        accepted: whether the new model is no worse.
        absurd: (F, N), the errors that were left out.
        chance: fraction of the resamples, 0 to 1, in which the new model's median error is no larger.
    """

    accepted: bool
    absurd: np.ndarray
    chance: float


def compare(before: np.ndarray, after: np.ndarray, face_size: float) -> Comparison:
    """Return whether a new model is no worse than the old one on held-out films.

    One label on the wrong spot can outweigh hundreds of good ones in a mean. So an error is left out if both models
    are far from the label, and the median over films and landmarks decides: it must not grow in most resamples of films
    and of their landmarks. A median says nothing about the worse half of the landmarks, so the mean must not grow in
    almost all resamples either. A landmark that a model did not find counts like the largest error that is not absurd.

    Args:
        before, after: (F, N), errors of the old and the new model in one unit; NaN where there is no label, infinity
            where a landmark was not found.
        face_size: typical distance of a landmark from the centre of its face, in the same unit.
    Raises:
        ValueError: the shapes differ, or there is no label at all.
    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993, chapters 8 and 13.

    >>> before = np.random.default_rng(0).exponential(1.5, (4, 19))
    >>> before[0, 0] = 5000  # a label on the wrong spot
    >>> result = compare(before, before + np.where(before > 100, -50, 0.1), face_size=45)
    >>> result.accepted, np.argwhere(result.absurd).tolist()
    (False, [[0, 0]])
    """
    before, after = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    labelled = ~np.isnan(before)
    if before.ndim != 2 or not np.array_equal(labelled, ~np.isnan(after)) or not labelled.any():
        raise ValueError(
            f"Expected the errors of the same labels, (F, N), got {before.shape} with {labelled.sum()} and "
            f"{after.shape} with {(~np.isnan(after)).sum()} labels."
        )
    smaller = np.fmin(before, after)
    finite = smaller[np.isfinite(smaller)]
    limit = max(ABSURD_TIMES * float(np.median(finite)) if len(finite) else 0.0, ABSURD_PART * face_size)
    absurd = np.isfinite(before) & np.isfinite(after) & (smaller > limit)
    old, new = (np.where(absurd, np.nan, np.minimum(errors, limit)) for errors in (before, after))
    has_errors = (~np.isnan(old)).any(1)
    old, new = old[has_errors], new[has_errors]

    films, landmarks = old.shape
    count = max(99, min(RESAMPLES, MOST_DRAWS // old.size))
    rng = np.random.default_rng(SEED)
    medians, means = np.empty((2, count)), np.empty((2, count))
    for k in range(count):
        drawn = rng.integers(films, size=(films, 1)), rng.integers(landmarks, size=(films, landmarks))
        pair = np.stack([old[drawn], new[drawn]]).reshape(2, -1)
        pair = pair[:, ~np.isnan(pair[0])]
        if not pair.size:  # a film of few labels, none of which was drawn
            pair = np.stack([old, new]).reshape(2, -1)
            pair = pair[:, ~np.isnan(pair[0])]
        medians[:, k], means[:, k] = np.median(pair, axis=1), pair.mean(1)
    chance = float((medians[1] <= medians[0]).mean())
    clearly_worse = float((means[1] > means[0]).mean()) >= CLEARLY
    return Comparison(chance >= 0.5 and not clearly_worse, absurd, chance)
