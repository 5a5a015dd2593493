"""Points against reference points on the same films, and what follows from them."""

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
    """What was found against what is taken for true, on F films of N landmarks.

    Args:
        compared: whose points: "predictions", or an observer.
        reference: whose points they are compared with.
        symbols: the N landmarks' symbols.
        films: the F films.
        points_mm: (F, N, 2), (x, y), mm in the film's frame; NaN where nothing was found.
        target_mm: as points_mm; NaN where nobody annotated.
        without_reference: films on which the reference has no landmark, which are not compared.
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
        """(F, N), mm; NaN where there is no reference, infinity where there is one and nothing was found."""
        points, target = (torch.as_tensor(given, dtype=torch.float64) for given in (self.points_mm, self.target_mm))
        return radial_error(points, target).numpy()

    @cached_property
    def offsets_mm(self) -> np.ndarray:
        """(F, N, 2), (x, y), mm: points less reference; NaN where either is unknown."""
        return np.asarray(self.points_mm, dtype=np.float64) - np.asarray(self.target_mm, dtype=np.float64)

    @cached_property
    def summary(self) -> Summary:
        """The statistics, overall and per landmark."""
        return summarise(self.errors_mm, self.symbols)

    @cached_property
    def intervals(self) -> Intervals | None:
        """The statistics' intervals; None where there is no SciPy."""
        try:
            return intervals(self.errors_mm, self.symbols)
        except ImportError:
            return None

    @property
    def rows(self) -> list[tuple[str, Statistics, Interval | None]]:
        """Statistics and their intervals of "all", then of each landmark."""
        summary, bounds = self.summary, self.intervals
        rows = [("all", summary["overall"], bounds and bounds["overall"])]
        rows += [
            (s, statistics, bounds and bounds["per_landmark"][s]) for s, statistics in summary["per_landmark"].items()
        ]
        return rows

    @property
    def missing(self) -> list[str]:
        """The annotated landmarks that were not found, as "film: symbol"."""
        return [f"{self.films[f]}: {self.symbols[k]}" for f, k in np.argwhere(np.isinf(self.errors_mm))]


def score_films(
    compared: str,
    reference: str,
    symbols: tuple[str, ...],
    points_mm: Mapping[str, np.ndarray],
    target_mm: Mapping[str, np.ndarray],
) -> ReferenceScores:
    """Points against reference points, on the films where the reference has at least one; in the order of their names.

    Args:
        compared, reference: what to call them.
        symbols: the N landmarks' symbols.
        points_mm: film -> (N, 2), (x, y), mm; NaN where nothing was found.
        target_mm: as points_mm; NaN where nobody annotated.
    Raises:
        ValueError: there is no such film.
    """
    annotated = {film for film, target in target_mm.items() if np.isfinite(target).all(-1).any()}
    films = tuple(sorted(annotated & set(points_mm)))
    if not films:
        raise ValueError(f"{reference}: there is no landmark on any of the {len(points_mm)} predicted films.")
    points, target = (np.stack([by_film[film] for film in films]) for by_film in (points_mm, target_mm))
    return ReferenceScores(
        compared, reference, symbols, films, points, target, tuple(sorted(set(points_mm) - set(films)))
    )
