"""Score points against reference points on the same films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from monai_ceph.metrics.interval import Interval, Intervals, intervals
from monai_ceph.metrics.radial_error import radial_error
from monai_ceph.metrics.summary import Statistics, Summary, summarise


@dataclass(frozen=True, eq=False)
class ReferenceScores:
    """Scores of points against one reference, on F films of N landmarks.

    Args:
        compared: whose points are scored: "predictions", or an observer.
        reference: whose points they are compared with.
        symbols: the N landmarks' symbols.
        films: names of the F films.
        points_mm: (F, N, 2), (x, y), mm in the film's frame; NaN where a landmark was not found.
        target_mm: as ``points_mm``; NaN where a landmark is not annotated.
        without_reference: films that were left out because the reference has no landmark on them.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.reference_scores import ReferenceScores
        >>> scores = ReferenceScores(
        ...     "predictions", "observer A", ("S",), ("film",), np.array([[[3.0, 4.0]]]), np.zeros((1, 1, 2))
        ... )
        >>> scores.errors_mm.tolist(), scores.summary["overall"]["mre"]
        ([[5.0]], 5.0)
    """

    compared: str
    reference: str
    symbols: tuple[str, ...]
    films: tuple[str, ...]
    points_mm: np.ndarray
    target_mm: np.ndarray
    without_reference: tuple[str, ...] = ()

    @cached_property
    def errors_mm(self) -> np.ndarray:
        """Radial errors, (F, N), mm; NaN where there is no reference, infinity where a landmark was not found."""
        points, target = (torch.as_tensor(mm, dtype=torch.float64) for mm in (self.points_mm, self.target_mm))
        return radial_error(points, target).numpy()

    @cached_property
    def offsets_mm(self) -> np.ndarray:
        """Points minus reference, (F, N, 2), (x, y), mm; NaN where either is unknown."""
        return np.asarray(self.points_mm, dtype=np.float64) - np.asarray(self.target_mm, dtype=np.float64)

    @cached_property
    def summary(self) -> Summary:
        """The statistics, overall and per landmark."""
        return summarise(self.errors_mm, self.symbols)

    @cached_property
    def intervals(self) -> Intervals | None:
        """The statistics' intervals; None if SciPy is not installed."""
        try:
            return intervals(self.errors_mm, self.symbols)
        except ImportError:
            return None

    @property
    def rows(self) -> list[tuple[str, Statistics, Interval | None]]:
        """Name, statistics and intervals of "all", then of each landmark."""
        summary, bounds = self.summary, self.intervals
        landmarks = summary["per_landmark"].items()
        rows = [(symbol, statistics, bounds and bounds["per_landmark"][symbol]) for symbol, statistics in landmarks]
        return [("all", summary["overall"], bounds and bounds["overall"]), *rows]

    @property
    def missing(self) -> list[str]:
        """Annotated landmarks that were not found, as "film: symbol"."""
        return [f"{self.films[f]}: {self.symbols[k]}" for f, k in np.argwhere(np.isinf(self.errors_mm))]


def score_films(
    compared: str,
    reference: str,
    symbols: tuple[str, ...],
    points_mm: Mapping[str, np.ndarray],
    target_mm: Mapping[str, np.ndarray],
) -> ReferenceScores:
    """Score points against reference points, on all films where the reference has a landmark, sorted by name.

    Args:
        compared: whose points are scored, for reports.
        reference: whose points they are compared with, for reports.
        symbols: the N landmarks' symbols.
        points_mm: film -> (N, 2), (x, y), mm; NaN where a landmark was not found.
        target_mm: as ``points_mm``; NaN where a landmark is not annotated.
    Raises:
        ValueError: the reference has no landmark on any of the films.
    Example:
        >>> import numpy as np
        >>> from monai_ceph.metrics.reference_scores import score_films
        >>> points_mm = {"a": np.array([[3.0, 4.0]]), "b": np.array([[0.0, 1.0]])}
        >>> target_mm = {"a": np.zeros((1, 2)), "b": np.full((1, 2), np.nan)}
        >>> scores = score_films("predictions", "observer A", ("S",), points_mm, target_mm)
        >>> scores.films, scores.without_reference, scores.summary["overall"]["mre"]
        (('a',), ('b',), 5.0)
    """
    annotated = {film for film, target in target_mm.items() if np.isfinite(target).all(-1).any()}
    films = tuple(sorted(annotated & set(points_mm)))
    if not films:
        raise ValueError(f"{reference}: there is no landmark on any of the {len(points_mm)} predicted films.")
    points, target = (np.stack([by_film[film] for film in films]) for by_film in (points_mm, target_mm))
    return ReferenceScores(
        compared, reference, symbols, films, points, target, tuple(sorted(set(points_mm) - set(films)))
    )
