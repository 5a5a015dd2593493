"""Steps that `evaluate` and `compare` share: read points, leave some out, choose the reference, score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np

from monai_ceph.data.duplicates import DUPLICATES
from monai_ceph.data.film import film_size
from monai_ceph.data.film_search import find_films
from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.data.isbi2015 import unique_films
from monai_ceph.evaluation.film_spacings import Spacings
from monai_ceph.film_names import film_name, spelled_like
from monai_ceph.formats.annotations import Annotations, frame_annotations, mean_annotations, read_annotations
from monai_ceph.formats.points import SourceFilm, check_annotations
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.metrics.reference_scores import ReferenceScores, score_films
from monai_ceph.prediction import Prediction
from monai_ceph.wording import named

if TYPE_CHECKING:
    import pandas as pd

Observers = Sequence[tuple[str, Annotations]]
"""Source, as the user gave it, and points of each observer."""


Points = Union[str, Path, Annotations, Sequence[Prediction], "pd.DataFrame"]
"""Points of films, in a file or in memory. A pandas table has the columns of a landmark table."""


def read_predictions(source: Points, scheme: LandmarkScheme) -> Annotations:
    """Return the points of a table of predictions, or of predictions in memory.

    Raises:
        ValueError: the table does not exist or cannot be read, a film has two predictions, or the landmarks are not the
            scheme's; the message says which.
    """
    if not isinstance(source, (str, Path)):
        return _in_memory(source, scheme, "predictions")
    path = Path(source)
    if not path.exists():
        raise ValueError(f"{path}: this table of predictions does not exist; check the path.")
    if path.is_dir():
        raise ValueError(f"{path}: expected a table of predictions, got a folder; give the landmarks.csv in it.")
    return read_annotations(path, scheme)


def read_observers(
    references: Sequence[Points],
    full_scheme: LandmarkScheme,
    landmarks: LandmarkScheme,
    predicted: Annotations,
    spacing_mm: tuple[float, float] | None,
    films: Mapping[str, Path] | None = None,
) -> Observers:
    """Return each observer's points.

    Args:
        references: one observer's annotations each.
        full_scheme: scheme of the annotations.
        landmarks: the part of the scheme to keep.
        predicted: the points to score, whose names and spacings of films are used.
        spacing_mm: (along x, along y), mm, of films for which the predictions have no spacing.
        films: film name -> file, for markups that do not name their film.
    Raises:
        ValueError: a reference cannot be read, or is given twice and would agree with itself.
    """
    files = [str(reference) for reference in references if isinstance(reference, (str, Path))]
    for k, path in enumerate(files):
        if path in files[:k]:
            raise ValueError(f"{path}: this reference is given twice; give each observer once.")
    spelled = {} if films is None else films

    def spacing_of(film: str) -> tuple[float, float] | None:
        name = spelled_like([film], predicted.points_px)[film]
        return predicted.spacings_mm.get(name, spacing_mm)

    def frame_of(film: str) -> ViewerFrame | None:
        name = spelled_like([film], spelled)[film]
        return viewer_frame_apart(spelled[name]) if name in spelled else None

    observers = []
    for number, reference in enumerate(references, 1):
        if isinstance(reference, (str, Path)):
            name, points = str(reference), read_annotations(reference, full_scheme, spacing_of, frame_of)
        else:
            points = _in_memory(reference, full_scheme, f"reference {number}")
            name = points.observer
        observers.append((name, restrict(points, landmarks, {}).spelled_like(predicted.points_px)))
    return observers


def find_scored_films(folder: str | Path | None) -> dict[str, Path] | None:
    """Return film name -> film of a folder; None if there is no folder. Raises FilmError."""
    return None if folder is None else unique_films(find_films([folder]))


def contradictions(scored: Observers, films: Mapping[str, Path] | None) -> list[str]:
    """Check points against their films, or against what the files say about these.

    Args:
        scored: names and points.
        films: film name -> film; None if the films are not there.
    Returns:
        One sentence for each contradiction, see :func:`monai_ceph.formats.points.check_film`.
    """
    problems: list[str] = []
    for _, points in scored:
        sizes = None
        if films is not None:
            names = spelled_like(points.points_px, films)
            sizes = {film: film_size(films[name]) for film, name in names.items() if name in films}
        problems += check_annotations(points, sizes)
    return list(dict.fromkeys(problems))


def _in_memory(
    points: Annotations | Sequence[Prediction] | pd.DataFrame, scheme: LandmarkScheme, name: str
) -> Annotations:
    if hasattr(points, "columns"):  # a pandas table, told apart without importing pandas
        return frame_annotations(points, scheme, name)
    if not isinstance(points, Annotations):
        points_px: dict[str, np.ndarray] = {}
        sources: dict[str, SourceFilm] = {}
        for prediction in points:
            film = film_name(prediction.image)
            if film in points_px:
                raise ValueError(
                    f"There are two predictions of the film '{film}', and films are matched by file name without "
                    "suffix; keep one of them."
                )
            if prediction.scheme.symbols != scheme.symbols:
                raise ValueError(
                    f"'{prediction.image}' has the landmarks of '{prediction.scheme.name}', not of '{scheme.name}'."
                )
            points_px[film] = np.asarray(prediction.points_px, dtype=np.float64)
            sources[film] = SourceFilm(f"The prediction of '{film}'", prediction.image, None, prediction.spacing_mm)
        return Annotations(name, scheme, points_px, sources=sources)
    if points.scheme.symbols != scheme.symbols:
        raise ValueError(f"'{points.observer}' has the landmarks of '{points.scheme.name}', not of '{scheme.name}'.")
    return points


def films_to_leave_out(names: Sequence[str], predicted: Annotations) -> dict[str, tuple[str, ...]]:
    """Return the predicted films to leave out.

    Args:
        names: films, with or without folder and suffix, or lists of :data:`monai_ceph.data.duplicates.DUPLICATES`.
        predicted: the predictions.
    Returns:
        name -> films; empty for a list of which no film is predicted.
    Raises:
        ValueError: a name is neither a list nor a predicted film, or no film would be left.
    """
    left_out = {}
    for name in names:
        if name in DUPLICATES:
            left_out[name] = tuple(again for _, again in DUPLICATES[name] if again in predicted.points_px)
        elif film_name(name) in predicted.points_px:
            left_out[film_name(name)] = (film_name(name),)
        else:
            raise ValueError(
                f"'{name}' cannot be left out: expected a predicted film ({named(sorted(predicted.points_px), 3)}) "
                f"or a list of films ({', '.join(DUPLICATES)})."
            )
    if predicted.points_px.keys() <= {film for films in left_out.values() for film in films}:
        raise ValueError(f"All {len(predicted.points_px)} predicted films are left out; none is left to score.")
    return left_out


def landmarks_to_keep(symbols: Sequence[str], scheme: LandmarkScheme) -> LandmarkScheme:
    """Return a scheme without the given landmarks.

    Raises:
        ValueError: the scheme does not have one of them, or no landmark would be left.

    >>> from monai_ceph.landmarks import ISBI19
    >>> len(landmarks_to_keep(["Go", "Po"], ISBI19))
    17
    """
    unknown = [symbol for symbol in symbols if symbol not in scheme.symbols]
    if unknown:
        raise ValueError(f"'{unknown[0]}' cannot be left out: scheme '{scheme.name}' has {' '.join(scheme.symbols)}.")
    if set(symbols) == set(scheme.symbols):
        raise ValueError(f"All landmarks of scheme '{scheme.name}' are left out; none is left to score.")
    return LandmarkScheme(scheme.name, tuple(point for point in scheme.landmarks if point.symbol not in symbols))


def restrict(annotations: Annotations, scheme: LandmarkScheme, without: Mapping[str, Sequence[str]]) -> Annotations:
    """Return annotations restricted to some landmarks and films.

    Args:
        annotations: annotations whose scheme has all landmarks of ``scheme``.
        scheme: the landmarks to keep.
        without: films to leave out, as returned by :func:`films_to_leave_out`.
    """
    keep = [annotations.scheme.index(symbol) for symbol in scheme.symbols]
    left_out = {film for films in without.values() for film in films}
    points = {film: points[keep] for film, points in annotations.points_px.items() if film not in left_out}
    return Annotations(annotations.observer, scheme, points, annotations.problems, annotations.sources)


def choose_references(observers: Observers, protocol: str) -> Observers:
    """Return the references to score against: the observers' mean, each of them, or one.

    Args:
        observers: source and points of each observer.
        protocol: "mean", "each", or the source or name of an observer.
    Raises:
        ValueError: the protocol is none of these, or several observers have this name.
    """
    if protocol == "each" or (protocol == "mean" and len(observers) == 1):
        return observers
    if protocol == "mean":
        return [("mean of " + ", ".join(name for name, _ in observers), mean_annotations([a for _, a in observers]))]
    chosen = [(name, points) for name, points in observers if protocol in (name, points.observer)]
    if len(chosen) != 1:
        raise ValueError(
            f"Expected the protocol 'mean', 'each', or one of the observers "
            f"{', '.join(points.observer for _, points in observers)}, got '{protocol}'"
            + (f", the name of {len(chosen)} of them; give the path of one." if chosen else ".")
        )
    return chosen


def among(films: Annotations, observers: Observers) -> Observers:
    """Return the observers' points on the predicted films only.

    Raises:
        ValueError: an observer has none of these films; the message names films of both.
    """
    scored = []
    for name, observer in observers:
        known = {film: points for film, points in observer.points_px.items() if film in films.points_px}
        if not known:
            raise ValueError(
                f"{name}: none of the {len(films.points_px)} predicted films is in this reference (predicted: "
                f"{named(sorted(films.points_px), 3)}; reference: {named(sorted(observer.points_px), 3)}). "
                "Films are matched by file name without folder and suffix."
            )
        scored.append((name, replace(observer, points_px=known)))
    return scored


def score(
    points: Annotations,
    name: str,
    reference: Annotations,
    spacings_mm: Spacings,
    compared: str = "predictions",
) -> ReferenceScores:
    """Score points against a reference on the films where it has at least one landmark.

    Args:
        points: the points to score.
        name: name of the reference.
        reference: reference points, of the same scheme.
        spacings_mm: film -> (along x, along y), mm.
        compared: name of the points.
    Raises:
        ValueError: no film is left to score.
    """
    points_mm, target_mm = (
        {film: np.asarray(px, dtype=np.float64) * spacings_mm[film] for film, px in side.points_px.items()}
        for side in (points, reference)
    )
    return score_films(compared, name, points.scheme.symbols, points_mm, target_mm)


def agreement(
    points: Annotations, compared: str, reference: Annotations, name: str, spacings_mm: Spacings
) -> ReferenceScores | None:
    """Score one annotation against another.

    Neither is a prediction, so a landmark that one of them lacks counts as unknown rather than missing.

    Returns:
        The scores on the films that both have, or None if they have no landmark in common.
    """
    films = sorted(points.points_px.keys() & reference.points_px.keys())
    both = {film: np.isfinite(points.points_px[film] + reference.points_px[film]).all(-1) for film in films}
    films = [film for film in films if both[film].any()]
    if not films:
        return None
    target = {film: np.where(both[film][:, None], reference.points_px[film], np.nan) for film in films}
    shared = replace(points, points_px={film: points.points_px[film] for film in films})
    return score(shared, name, replace(reference, points_px=target), spacings_mm, compared)
