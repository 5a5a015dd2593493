"""Which film to annotate next, from little that is known of each: pure functions, NumPy alone."""

from __future__ import annotations

import numpy as np

THUMBNAIL = 16
"""Side of a film's thumbnail, px: 12 mm a pixel, so that the frame, the pose and the build of a face are in it."""


def film_uncertainty(confidence: np.ndarray) -> float:
    """How unsure a model is of a film: the mean over its landmarks of 1 - confidence.

    Nothing that was tried orders films clearly better: the lowest confidences, the median, logarithms and squares are
    all within the error of this one (``benchmarks/results/film_uncertainty.csv``).

    Args:
        confidence: (N,), 0 to 1; NaN, a landmark that was not found, counts as 0.
    Returns:
        0 (sure of all) to 1.
    Raises:
        ValueError: not one row of confidences.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    if confidence.ndim != 1 or not len(confidence):
        raise ValueError(f"Expected the confidences of one film, shape (N,), got {confidence.shape}.")
    return float(1 - np.nan_to_num(confidence).mean())


def thumbnail(film: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """A film in so few numbers that their difference says how different two films look.

    Exposure and contrast are taken out, as they are from what the network sees.

    Args:
        film: (X, Y) gray, as preprocessed for the network, at least ``side`` px along each axis.
        side: of the thumbnail, px.
    Returns:
        (side * side,) float64: means of areas, of mean 0 and standard deviation 1 (all 0 if the film is plain).
    Raises:
        ValueError: not one film, or a smaller one.
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
    # Of a plain film the rounding of its mean is left, which is no picture.
    return small / spread if spread > 1e-9 * max(1.0, abs(float(film.mean()))) else np.zeros_like(small)


def farthest_first(candidates: np.ndarray, known: np.ndarray, count: int = 1) -> list[tuple[int, float]]:
    """The candidates that are most different from all that is known, each chosen one being known to the next.

    With nothing known the first is the most typical candidate, nearest to their mean: the one that differs most from
    no other film at all would be an outlier as likely as not.

    Args:
        candidates: (C, D) features, one row a film.
        known: (K, D) features of films that are annotated or about to be; K may be 0.
        count: how many to choose, at most C.
    Returns:
        (row, distance) of each chosen: root mean square difference to the nearest known film, NaN with nothing known.
        Of equally distant ones the first row is taken.
    Raises:
        ValueError: rows of different lengths, or too many wanted.
    Source:
        Gonzalez, Theor Comput Sci 38 (1985), clustering to minimise the maximum distance; as active learning: Sener and
        Savarese, ICLR 2018.
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
    """(F, D), (T, D) -> (F, T) root mean square differences."""
    return np.stack([np.sqrt(((features - other) ** 2).mean(axis=1)) for other in others], axis=1)
