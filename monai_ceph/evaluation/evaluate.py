"""Score predicted landmarks against the annotations of one or several observers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from monai_ceph.data.duplicates import DUPLICATES
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.evaluation.film_spacings import Spacings
from monai_ceph.evaluation.points import Observers, Points
from monai_ceph.evaluation.scoring import agreement, score
from monai_ceph.evaluation.scoring_input import read_scoring_input
from monai_ceph.evaluation.selection import choose_references
from monai_ceph.formats.points import Annotations
from monai_ceph.metrics.reference_scores import ReferenceScores


def evaluate(
    predictions: Points,
    references: Sequence[Points],
    *,
    spacing_mm: float | tuple[float, float] | None = None,
    protocol: str = "mean",
    scheme: str | Path = "isbi19",
    exclude: Sequence[str] = (),
    exclude_landmarks: Sequence[str] = (),
    films: str | Path | None = None,
) -> Evaluation:
    """Score predictions against references.

    Args:
        predictions: a landmark table, as ``monai-ceph predict`` writes it, a pandas table with the same columns, or
            predictions in memory.
        references: one observer's annotations each, as a file or folder in any supported format, a pandas table, or
            annotations in memory.
        spacing_mm: size of a film pixel, mm, one number or (along x, along y), for films whose spacing is in no file. A
            spacing that follows from a film's points in mm takes precedence; a remark says where both differ.
        protocol: ``"mean"`` scores against the mean of the references, ``"each"`` against each of them, and the name of
            a reference against that one.
        scheme: name or file of the landmark scheme of all files.
        exclude: films to leave out, or named lists of films that a data set holds twice.
        exclude_landmarks: symbols of landmarks to leave out.
        films: folder of the films, to check points against them, and for markups that do not say which film they were
            made on.
    Returns:
        All scores and the settings that they depend on.
    Raises:
        ValueError: the input cannot be scored; the message names the file and the remedy.

    >>> import numpy as np
    >>> from monai_ceph.landmarks import ISBI19
    >>> points_px = np.random.default_rng(0).uniform(0, 2000, (19, 2))
    >>> reference = Annotations("anna", ISBI19, {"001": points_px})
    >>> predicted = Annotations("model", ISBI19, {"001": points_px + [30.0, 0.0]})
    >>> evaluation = evaluate(predicted, [reference], spacing_mm=0.1)
    >>> evaluation.scores[0].summary["overall"]["sdr_percent"]["4"]
    100.0
    >>> evaluation.to_frame().columns[3:6].tolist()
    ['landmark', 'figure', 'value']
    """
    name = predictions.observer if isinstance(predictions, Annotations) else "predictions"
    points = read_scoring_input(
        {name: predictions}, references, spacing_mm, protocol, scheme, exclude, exclude_landmarks, films
    )
    [(source, predicted)] = points.predicted
    scored_films = dict.fromkeys(predicted.points_px)
    if points.user_mm is not None:  # of the films that are not predicted, a retest may need some
        scored_films |= {film: None for _, observer in points.observers for film in observer.points_px}
    spacings, spacing_remarks = points.spacings(list(scored_films))
    excluded = points.settings.excluded_films
    unused = [
        f"{name}: none of its films was predicted, so none was left out." for name in excluded if not excluded[name]
    ]
    return Evaluation(
        scores=tuple(score(predicted, name, truth, spacings) for name, truth in points.truths),
        observers=between_observers(points.scored, spacings),
        retest=retest(points.observers, protocol, [name for name in excluded if name in DUPLICATES], spacings),
        predictions=source,
        references=tuple(name for name, _ in points.observers),
        **points.settings_with(spacings, [*spacing_remarks, *points.problems(), *unused]),
    )


def between_observers(observers: Observers, spacings_mm: Spacings) -> tuple[ReferenceScores, ...]:
    """Score each pair of observers against each other, to put a prediction's error in context."""
    pairs = (agreement(b, b_name, a, a_name, spacings_mm) for (a_name, a), (b_name, b) in combinations(observers, 2))
    return tuple(scores for scores in pairs if scores is not None)


def retest(
    observers: Observers, protocol: str, lists: Iterable[str], spacings_mm: Spacings
) -> tuple[ReferenceScores, ...]:
    """Score the second annotation of a film against the first, as a measure of how reproducible the reference is.

    Args:
        observers: all annotations, also of films without prediction.
        protocol: which annotations to use, as in :func:`~monai_ceph.evaluation.selection.choose_references`.
        lists: named lists of films that occur twice. Only those that the user named are used, because films of other
            data sets may have the same names.
        spacings_mm: film -> (along x, along y), mm; films without one are skipped.
    """
    pairs = {
        f"{again} = {first}": (first, again)
        for name in lists
        for first, again in DUPLICATES[name]
        if {first, again} <= spacings_mm.keys()
    }
    if not pairs:
        return ()
    spacings = {pair: spacings_mm[first] for pair, (first, _) in pairs.items()}

    def pick(observer: Annotations, which: int) -> Annotations:
        films = {pair: films[which] for pair, films in pairs.items() if films[which] in observer.points_px}
        return replace(observer, points_px={pair: observer.points_px[film] for pair, film in films.items()})

    retests = [
        agreement(pick(truth, 1), "same film again", pick(truth, 0), name, spacings)
        for name, truth in choose_references(observers, protocol)
    ]
    return tuple(scores for scores in retests if scores is not None)
