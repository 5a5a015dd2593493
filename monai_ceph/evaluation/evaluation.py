"""What is known after an evaluation: the one thing that every writer of scores takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monai_ceph.metrics.reference_scores import ReferenceScores

if TYPE_CHECKING:
    import pandas as pd

SUMMARY_COLUMNS = ("compared", "reference", "protocol", "landmark", "figure", "value", "low", "high")
"""The columns of an evaluation's table, in memory and as a file."""


@dataclass(frozen=True)
class Evaluation:
    """Scores, what to hold them against, and how they came about.

    Args:
        scores: predictions against each reference that the protocol names; at least one.
        observers: each pair of observers on the scored films.
        retest: films that the references hold twice, the second annotation against the first.
        predictions: where the predictions come from.
        references: where each observer's points come from.
        protocol: "mean", "each", or an observer.
        scheme: name of the landmark scheme.
        spacing_mm: (along x, along y), size of a film pixel; None where each film has its own.
        excluded_films: films left out on purpose, by the name that was given for them.
        excluded_landmarks: landmarks left out on purpose.
        remarks: what was odd about the files.
    """

    scores: tuple[ReferenceScores, ...]
    observers: tuple[ReferenceScores, ...] = ()
    retest: tuple[ReferenceScores, ...] = ()
    predictions: str = ""
    references: tuple[str, ...] = ()
    protocol: str = "mean"
    scheme: str = ""
    spacing_mm: tuple[float, float] | None = None
    excluded_films: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded_landmarks: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def all_scores(self) -> tuple[ReferenceScores, ...]:
        """All of them, scores first."""
        return self.scores + self.observers + self.retest

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield every statistic: :data:`SUMMARY_COLUMNS`; low and high are its interval's bounds, NaN where none."""
        for scores in self.all_scores:
            for landmark, statistic, value, low, high in _statistic_rows(scores):
                yield scores.compared, scores.reference, self.protocol, landmark, statistic, value, low, high

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table of every statistic, one a row: :data:`SUMMARY_COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(SUMMARY_COLUMNS))


def _statistic_rows(scores: ReferenceScores) -> Iterator[tuple[str, str, float, float, float]]:
    """landmark, statistic, value, low, high."""
    none = (math.nan, math.nan)
    for landmark, statistics, interval in scores.rows:
        yield landmark, "n", statistics["n"], *none
        yield landmark, "missing", statistics["missing"], *none
        for key in ("mre", "sd", "median"):
            bounds = interval[key] if interval else none
            yield landmark, f"{key}_mm", statistics[key], *bounds
        for rate, value in statistics["sdr_percent"].items():
            bounds = interval["sdr_percent"][rate] if interval else none
            yield landmark, f"sdr_{rate}mm_percent", value, *bounds
