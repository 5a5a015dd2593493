"""Hold the result of an evaluation, which all writers and plots of scores take."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monai_ceph.evaluation.settings import Settings
from monai_ceph.metrics.reference_scores import ReferenceScores

if TYPE_CHECKING:
    import pandas as pd

SUMMARY_COLUMNS = ("compared", "reference", "protocol", "landmark", "figure", "value", "low", "high")
"""Columns of an evaluation's table, in memory and in files; "figure" is the name of the statistic."""


@dataclass(frozen=True)
class Evaluation(Settings):
    """Hold the scores of predictions, observer scores for context, and the settings that they depend on.

    Args:
        scores: predictions against each reference that the protocol selects; at least one.
        observers: each pair of observers on the scored films.
        retest: films that the references hold twice, the second annotation against the first.
        predictions: source of the predictions.
        references: source of each observer's points.
        protocol: "mean", "each", or the name of an observer.
        scheme: name of the landmark scheme.
        spacing_mm: (along x, along y), size of a film pixel, mm; None if each film has its own.
        excluded_films: films left out on request, by the name that was given for them.
        excluded_landmarks: landmarks left out on request.
        remarks: notes on the files that were read.

    >>> import numpy as np
    >>> from monai_ceph import evaluate
    >>> from monai_ceph.formats import Annotations
    >>> from monai_ceph.landmarks import ISBI19
    >>> points = {f"{k:03}": np.full((19, 2), 500.0) for k in range(5)}
    >>> anna = Annotations("anna", ISBI19, points)
    >>> evaluation = evaluate(anna, [anna], spacing_mm=0.1)
    >>> evaluation.to_frame().query("landmark == 'all' and figure == 'mre_mm'")["value"].item()
    0.0
    """

    scores: tuple[ReferenceScores, ...]
    observers: tuple[ReferenceScores, ...] = ()
    retest: tuple[ReferenceScores, ...] = ()
    predictions: str = ""
    references: tuple[str, ...] = ()

    @property
    def all_scores(self) -> tuple[ReferenceScores, ...]:
        """Return the scores of predictions, observers and retest, in this order."""
        return self.scores + self.observers + self.retest

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield :data:`SUMMARY_COLUMNS` for each statistic; low and high bound its interval and are NaN if unknown."""
        for scores in self.all_scores:
            for landmark, statistic, value, low, high in _statistic_rows(scores):
                yield scores.compared, scores.reference, self.protocol, landmark, statistic, value, low, high

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with one row per statistic and the columns :data:`SUMMARY_COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(SUMMARY_COLUMNS))


def _statistic_rows(scores: ReferenceScores) -> Iterator[tuple[str, str, float, float, float]]:
    """Yield landmark, statistic, value, low, high."""
    unknown = (math.nan, math.nan)
    for landmark, statistics, interval in scores.rows:
        yield landmark, "n", statistics["n"], *unknown
        yield landmark, "missing", statistics["missing"], *unknown
        for key in ("mre", "sd", "median"):
            bounds = interval[key] if interval else unknown
            yield landmark, f"{key}_mm", statistics[key], *bounds
        for rate, value in statistics["sdr_percent"].items():
            bounds = interval["sdr_percent"][rate] if interval else unknown
            yield landmark, f"sdr_{rate}mm_percent", value, *bounds
