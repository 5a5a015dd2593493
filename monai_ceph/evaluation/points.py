"""Read the points to score and the observers' points, from files or from memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np

from monai_ceph.data.film import film_size
from monai_ceph.data.named_films import frame_finder
from monai_ceph.film_names import film_name, spelled_like
from monai_ceph.formats.annotations import frame_annotations, read_annotations
from monai_ceph.formats.points import Annotations, SourceFilm, check_annotations
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction

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
    scheme: LandmarkScheme,
    predicted: Annotations,
    spacing_mm: tuple[float, float] | None,
    films: Mapping[str, Path],
) -> Observers:
    """Return each observer's points, with films spelled as the predictions spell them.

    Args:
        references: one observer's annotations each.
        scheme: the landmarks.
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

    def spacing_of(film: str) -> tuple[float, float] | None:
        name = spelled_like([film], predicted.points_px)[film]
        return predicted.spacings_mm.get(name, spacing_mm)

    observers = []
    for number, reference in enumerate(references, 1):
        if isinstance(reference, (str, Path)):
            name, points = str(reference), read_annotations(reference, scheme, spacing_of, frame_finder(films))
        else:
            points = _in_memory(reference, scheme, f"reference {number}")
            name = points.observer
        observers.append((name, points.spelled_like(predicted.points_px)))
    return observers


def contradictions(sources: Observers, films: Mapping[str, Path]) -> list[str]:
    """Check points against their films, or against what the files say about these.

    Args:
        sources: names and points.
        films: film name -> film; empty if the films are not there.
    Returns:
        One sentence for each contradiction, see :func:`monai_ceph.formats.points.check_film`.
    """
    problems: list[str] = []
    for _, points in sources:
        names = spelled_like(points.points_px, films)
        sizes = {film: film_size(films[name]) for film, name in names.items() if name in films}
        problems += check_annotations(points, sizes if films else None)
    return list(dict.fromkeys(problems))


def _in_memory(
    points: Annotations | Sequence[Prediction] | pd.DataFrame, scheme: LandmarkScheme, name: str
) -> Annotations:
    if hasattr(points, "columns"):  # a pandas table, told apart without importing pandas
        return frame_annotations(points, scheme, name)
    if isinstance(points, Annotations):
        if points.scheme.symbols != scheme.symbols:
            raise ValueError(
                f"'{points.observer}' has the landmarks of '{points.scheme.name}', not of '{scheme.name}'."
            )
        return points
    points_px: dict[str, np.ndarray] = {}
    sources: dict[str, SourceFilm] = {}
    for prediction in points:
        film = film_name(prediction.image)
        if film in points_px:
            raise ValueError(
                f"There are two predictions of the film '{film}', and films are matched by file name without suffix; "
                "keep one of them."
            )
        if prediction.scheme.symbols != scheme.symbols:
            raise ValueError(
                f"'{prediction.image}' has the landmarks of '{prediction.scheme.name}', not of '{scheme.name}'."
            )
        points_px[film] = np.asarray(prediction.points_px, dtype=np.float64)
        sources[film] = SourceFilm(f"The prediction of '{film}'", prediction.image, None, prediction.spacing_mm)
    return Annotations(name, scheme, points_px, sources=sources)
