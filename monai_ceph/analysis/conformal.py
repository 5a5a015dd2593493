"""Split conformal prediction: limits that new errors exceed with a known frequency."""

from __future__ import annotations

import math

import numpy as np


def conformal_limit(scores: np.ndarray, level: float, others: np.ndarray | None = None, weight: float = 0.0) -> float:
    """Return the limit that a new score stays within with a given probability.

    If the new score and the given ones are exchangeable, the probability is at least ``level``, whatever their
    distribution. Few scores of one landmark can be supported by the scores of all landmarks, which have a weight of
    their own; the guarantee then holds on average over the landmarks.

    Args:
        scores: (n,), errors relative to what was expected; NaN (not annotated) is left out.
        level: the probability, 0 to 1.
        others: (m,), scores that together count as ``weight`` scores; None if there are none.
        weight: see ``others``.
    Returns:
        The limit; infinite if there are too few scores for the level.
    Source:
        Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World (2005); Tibshirani et al., NeurIPS 2019, for
        weighted scores.
    Example:
        >>> conformal_limit(np.arange(1.0, 20.0), 0.9)
        18.0
        >>> conformal_limit(np.arange(1.0, 5.0), 0.9)
        inf
    """
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores[np.isfinite(scores)]
    weights = np.ones(len(scores))
    if others is not None and weight > 0:
        others = np.asarray(others, dtype=np.float64)
        others = others[np.isfinite(others)]
        weights = np.concatenate([weights, np.full(len(others), weight / max(len(others), 1))])
        scores = np.concatenate([scores, others])
    order = np.argsort(scores, kind="stable")
    # The new score itself has the weight 1, and may be the largest.
    reached = np.cumsum(weights[order])
    needed = level * (reached[-1] + 1 if len(reached) else 1.0)
    first = int(np.searchsorted(reached, needed - 1e-9))
    return float(scores[order][first]) if first < len(scores) else math.inf
