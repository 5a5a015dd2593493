"""Score predicted landmarks against the annotations of one or several observers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from monai_ceph.data.duplicates import DUPLICATES
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.evaluation.film_spacings import Spacings, common_spacing, film_spacings
from monai_ceph.evaluation.scoring import (
    Observers,
    Points,
    agreement,
    among,
    choose_references,
    contradictions,
    films_to_leave_out,
    find_scored_films,
    landmarks_to_keep,
    read_observers,
    read_predictions,
    restrict,
    score,
)
from monai_ceph.formats.points import Annotations
from monai_ceph.landmarks import get_scheme
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.spacing import check_spacing


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
    spacing = None if spacing_mm is None else check_spacing(spacing_mm, "--spacing")
    film_files = find_scored_films(films)
    full_scheme = get_scheme(scheme)
    landmarks = landmarks_to_keep(exclude_landmarks, full_scheme)
    predicted = read_predictions(predictions, full_scheme)
    without = films_to_leave_out(exclude, predicted)
    predicted = restrict(predicted, landmarks, without)
    observers = read_observers(references, full_scheme, landmarks, predicted, spacing, film_files)
    scored = among(predicted, observers)
    source = str(predictions) if isinstance(predictions, (str, Path)) else predicted.observer
    annotated = [*scored, *observers]  # of the films that are not predicted, a retest may need some
    films_here = dict.fromkeys([*predicted.points_px, *(film for _, points in annotated for film in points.points_px)])
    sure = [film for film in films_here if film in predicted.points_px or spacing is not None]
    spacings, spacing_remarks = film_spacings(sure, [(source, predicted), *observers], spacing)
    truths = choose_references(scored, protocol)
    unused = [
        f"{name}: none of its films was predicted, so none was left out." for name in without if not without[name]
    ]
    return Evaluation(
        scores=tuple(score(predicted, name, truth, spacings) for name, truth in truths),
        observers=between_observers(scored, spacings),
        retest=retest(observers, protocol, [name for name in without if name in DUPLICATES], spacings),
        predictions=source,
        references=tuple(name for name, _ in observers),
        protocol=protocol,
        scheme=landmarks.name,
        spacing_mm=common_spacing({film: spacings[film] for film in predicted.points_px}),
        excluded_films=without,
        excluded_landmarks=tuple(exclude_landmarks),
        remarks=(
            *spacing_remarks,
            *predicted.problems,
            *(problem for _, truth in truths for problem in truth.problems),
            *contradictions([(source, predicted), *scored], film_files),
            *unused,
        ),
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
        protocol: which annotations to use, as in :func:`~monai_ceph.evaluation.scoring.choose_references`.
        lists: named lists of films that occur twice. Only those that the user named are used, because films of other
            data sets may have the same names.
        spacings_mm: film -> (along x, along y), mm; films without one are skipped.
    """
    pairs = {again: first for name in lists for first, again in DUPLICATES[name]}
    pairs = {again: first for again, first in pairs.items() if {again, first} <= spacings_mm.keys()}
    of_pairs = {f"{again} = {first}": spacings_mm[first] for again, first in pairs.items()}

    def pick(observer: Annotations, films: dict[str, str]) -> Annotations:
        annotated = {pair: film for pair, film in films.items() if film in observer.points_px}
        return replace(observer, points_px={pair: observer.points_px[film] for pair, film in annotated.items()})

    pairs_scores = []
    for name, truth in choose_references(observers, protocol) if pairs else ():
        firsts = pick(truth, {f"{again} = {first}": first for again, first in pairs.items()})
        seconds = pick(truth, {f"{again} = {first}": again for again, first in pairs.items()})
        pairs_scores.append(agreement(seconds, "same film again", firsts, name, of_pairs))
    return tuple(scores for scores in pairs_scores if scores is not None)
