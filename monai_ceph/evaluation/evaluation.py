"""What is known after an evaluation: the one thing that every writer of scores takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monai_ceph.metrics.reference_scores import ReferenceScores


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
