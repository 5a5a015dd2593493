"""Choose the films to hold out, and compare two models' errors on them, robustly against labels on the wrong spot."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from monai_ceph.finetuning.runs import TrainingError
from monai_ceph.metrics.radial_error import radial_error
from monai_ceph.predictor.predictor import Predictor

FEWEST = 5
"""Minimum number of labels: four to train on and one to validate on."""
HELD_OUT = 0.2
"""Fraction of the labelled films that no training sees."""
NEAR_MM = 2.0
ABSURD_TIMES = 10.0
"""An error this many times the median one says more about the label than about the models."""
ABSURD_PART = 0.5
"""Of the typical distance of a landmark from the centre of its face (about 45 mm): no smaller error is absurd."""
RESAMPLES = 999
MOST_DRAWS = 5_000_000
SEED = 0
CLEARLY = 0.95
"""Fraction of the resamples in which the mean error has to grow for the new model to be clearly worse."""


@dataclass(frozen=True)
class HeldOutError:
    """Hold a model's error on the held-out labels, without those that were left out.

    Args:
        error: mean radial error.
        median: median radial error.
        unit: unit of the errors: mm, or film px if the spacing of any film is unknown.
        within_2mm: fraction of landmarks with an error of at most 2 mm; None if the unit is px.
    """

    error: float
    median: float
    unit: Literal["mm", "px"]
    within_2mm: float | None


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


def hold_out(films: Sequence[str], held_before: Collection[str], trained_before: Collection[str]) -> list[str]:
    """Return the films to validate on: about a fifth, at least one.

    A film that was held out before is held out again, and a film that was trained on before is not; otherwise the error
    of the old weights would be biased. New films are chosen by a hash of their name.

    Args:
        films: all labelled films.
        held_before, trained_before: films held out and trained on by earlier trainings.
    Raises:
        TrainingError: there are too few films; the message says how many are needed.

    >>> len(hold_out([f"film {k}" for k in range(20)], [], []))
    4
    """
    if len(films) < FEWEST:
        raise TrainingError(f"{len(films)} films have a label; label at least {FEWEST} before training.")
    held = [film for film in films if film in held_before]
    fresh = [film for film in films if film not in held_before and film not in trained_before]
    fresh.sort(key=lambda film: hashlib.sha256(film.encode()).digest())
    held += fresh[: max(0, round(HELD_OUT * len(films)) - len(held))]
    if not held:
        raise TrainingError("All labelled films were trained on before; label at least one more to validate on.")
    if len(held) == len(films):
        raise TrainingError(f"All {len(films)} labelled films are held out; label at least one more to train on.")
    return sorted(held)


def held_out_errors(
    predictor: Predictor, items: Sequence[Mapping[str, Any]]
) -> tuple[np.ndarray, Literal["mm", "px"], float]:
    """Predict held-out films and return a model's errors on them.

    Args:
        predictor: the model.
        items: ``{"image": path, "points_px": (N, 2)}``, F of them; NaN if a landmark was not labelled.
    Returns:
        (F, N) radial errors, NaN where there is no label, infinity where no landmark was found; their unit, mm unless
        the spacing of any film is unknown; and the typical distance of a landmark from the centre of its face.
    """
    predictions = [predictor.predict(predictor.load(Path(item["image"]))) for item in items]
    known = all(prediction.spacing_mm is not None for prediction in predictions)
    scale = np.array([prediction.spacing_mm if known else (1.0, 1.0) for prediction in predictions])[:, None]
    predicted = np.stack([prediction.points_px for prediction in predictions]) * scale
    annotated = np.stack([np.asarray(item["points_px"], dtype=np.float64) for item in items]) * scale
    errors = radial_error(torch.from_numpy(predicted), torch.from_numpy(annotated)).numpy()
    centres = np.nanmedian(annotated, axis=1, keepdims=True)
    size = float(np.nanmedian(np.linalg.norm(annotated - centres, axis=-1)))
    return errors, "mm" if known else "px", size


def summarise_errors(errors: np.ndarray, left_out: np.ndarray, unit: Literal["mm", "px"]) -> HeldOutError:
    """Summarise the (F, N) errors of the landmarks that were found and whose labels were not left out."""
    counted = errors[np.isfinite(errors) & ~left_out]
    near = float((counted <= NEAR_MM).mean()) if unit == "mm" else None
    return HeldOutError(float(counted.mean()), float(np.median(counted)), unit, near)
