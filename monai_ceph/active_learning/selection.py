"""Pure functions to choose the next film to annotate. They need only NumPy."""

from __future__ import annotations

import numpy as np

THUMBNAIL = 16
"""Side of a film's thumbnail, px. A pixel is about 12 mm, enough to show the collimation, pose and face shape."""


def film_uncertainty(confidence: np.ndarray) -> float:
    """Return a model's uncertainty about a film: the mean of 1 - confidence over its landmarks.

    The lowest confidences, the median, logarithms and squares do not rank films significantly better
    (``benchmarks/results/film_uncertainty.csv``).

    Args:
        confidence: (N,), 0 to 1; NaN (landmark not found) counts as 0.
    Returns:
        0 (certain about all landmarks) to 1.
    Raises:
        ValueError: the confidences do not have the shape (N,).

    >>> film_uncertainty(np.array([1.0, 0.5, np.nan]))
    0.5
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    if confidence.ndim != 1 or not len(confidence):
        raise ValueError(f"Expected the confidences of one film, shape (N,), got {confidence.shape}.")
    return float(1 - np.nan_to_num(confidence).mean())


def thumbnail(film: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Return a film's thumbnail as a feature vector, whose distances measure how different films look.

    Exposure and contrast are normalised, as in the preprocessing for the network.

    Args:
        film: (X, Y) gray values, preprocessed for the network, at least ``side`` px along each axis.
        side: side of the thumbnail, px.
    Returns:
        (side * side,) float64, means of areas, normalised to mean 0 and standard deviation 1; all 0 for a constant
        film.
    Raises:
        ValueError: the film is not (X, Y) or is too small.

    >>> thumbnail(np.random.default_rng(0).random((64, 80))).shape
    (256,)
    """
    film = np.asarray(film, dtype=np.float64)
    if film.ndim != 2 or min(film.shape) < side:
        raise ValueError(f"Expected a film (X, Y) of at least {side} x {side} px, got {film.shape}.")
    for axis in (0, 1):
        edges = np.linspace(0, film.shape[axis], side + 1).astype(int)
        sums = np.add.reduceat(film, edges[:-1], axis=axis)
        film = sums / np.expand_dims(np.diff(edges), 1 - axis)
    small = film.ravel() - film.mean()
    spread = small.std()
    # The spread of a constant film is only rounding error.
    return small / spread if spread > 1e-9 * max(1.0, abs(float(film.mean()))) else np.zeros_like(small)


def farthest_first(candidates: np.ndarray, known: np.ndarray, count: int = 1) -> list[tuple[int, float]]:
    """Choose the candidates that differ most from the known films; each chosen film is known to the next choice.

    If no film is known, the first choice is the most typical candidate, the one nearest to their mean, because an
    extreme one might be an outlier.

    Args:
        candidates: (C, D) features, one row per film.
        known: (K, D) features of annotated or reserved films; K may be 0.
        count: number of films to choose, at most C.
    Returns:
        (row, distance) for each choice: the root-mean-square difference from the nearest known film, NaN if none is
        known. Ties go to the first row.
    Raises:
        ValueError: the rows differ in length, or ``count`` is too large.
    Source:
        Gonzalez, Theor Comput Sci 38 (1985), clustering to minimise the maximum distance; as active learning: Sener and
        Savarese, ICLR 2018.

    >>> farthest_first(np.array([[0.0], [10.0], [4.0]]), np.array([[0.0], [9.0]]), 2)
    [(2, 4.0), (1, 1.0)]
    """
    candidates, known = (np.asarray(rows, dtype=np.float64) for rows in (candidates, known))
    if candidates.ndim != 2 or (known.size and known.shape[1:] != candidates.shape[1:]):
        raise ValueError(f"Expected features (C, D) and (K, D), got {candidates.shape} and {known.shape}.")
    if not 0 <= count <= len(candidates):
        raise ValueError(f"Expected to choose 0 to {len(candidates)} films, got {count}.")
    if not count:
        return []
    chosen: list[tuple[int, float]] = []
    if known.size:
        nearest = _distances(candidates, known).min(axis=1)
    else:
        typical = int(_distances(candidates, candidates.mean(axis=0)[None])[:, 0].argmin())
        chosen.append((typical, float("nan")))
        nearest = _distances(candidates, candidates[typical][None])[:, 0]
    free = np.ones(len(candidates), dtype=bool)
    free[[row for row, _ in chosen]] = False
    while len(chosen) < count:
        row = int(np.where(free, nearest, -np.inf).argmax())
        chosen.append((row, float(nearest[row])))
        free[row] = False
        nearest = np.minimum(nearest, _distances(candidates, candidates[row][None])[:, 0])
    return chosen


def _distances(features: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the root-mean-square differences (F, T) between rows (F, D) and (T, D)."""
    return np.stack([np.sqrt(((features - other) ** 2).mean(axis=1)) for other in others], axis=1)
