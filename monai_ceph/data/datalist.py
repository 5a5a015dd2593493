"""Films and their points as the list of dictionaries that MONAI's datasets take."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.data.film import film_size
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.isbi2015 import find_isbi2015
from monai_ceph.data.named_films import frame_finder, named_films
from monai_ceph.film_names import spelled_like
from monai_ceph.formats.annotations import mean_annotations, read_annotations
from monai_ceph.formats.points import AnnotationError, Annotations, SourceFilm, check_annotations
from monai_ceph.landmarks import ISBI19, LandmarkScheme
from monai_ceph.wording import count


def datalist(
    films_folder: str | Path,
    references: Sequence[str | Path],
    scheme: LandmarkScheme = ISBI19,
    films: Sequence[str] | None = None,
    spacing_mm: float | Sequence[float] | None = None,
) -> list[dict[str, Any]]:
    """List the films of a folder with the mean of their observers.

    Args:
        films_folder: where the films are.
        references: one annotation source for each observer, as in ``read_annotations``.
        scheme: what the points are.
        films: the names of the films wanted, in this order; None takes every film that all observers annotated, by
            name, and warns of films that it leaves out.
        spacing_mm: pixel spacing of the films; only markups in mm that do not say which film they were made on need
            it, see :func:`~monai_ceph.formats.markups.parse_markups`.
    Returns:
        One ``{"image": path, "points_px": (N, 2) float32, "film": name}`` for each film; NaN where a landmark has no
        mean.
    Raises:
        FilmError: no film, two of one name, or one of those wanted is not there.
        AnnotationError: as ``read_annotations``; a wanted film has no annotation; an annotation contradicts its film,
            see :func:`~monai_ceph.formats.points.check_film`.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> films = write_phantoms("films", count=2, size=(484, 600), spacing_mm=0.4)
    >>> [item["film"] for item in datalist("films", ["films/points.csv"])]
    ['phantom_000', 'phantom_001']
    """
    films_by_name = named_films(films_folder)
    if isinstance(references, (str, Path)):
        references = [references]
    frame_of = frame_finder(films_by_name)
    observers = [read_annotations(reference, scheme, spacing_mm, frame_of) for reference in references]
    return _items(films_by_name, observers, None if films is None else list(films), str(films_folder))


def isbi2015_datalist(
    dataset_dir: str | Path, films: Sequence[str | int] | None = None, observers: Sequence[str] = ("senior", "junior")
) -> list[dict[str, Any]]:
    """List the ISBI 2015 films, in either layout, with the mean of the given observers.

    Args:
        dataset_dir: holds ``RawImage`` and ``AnnotationsByMD``, or ``cepha400`` and the CSV tables.
        films: ids (``1`` and ``"001"`` are the same); None takes every film that is there and annotated by all.
        observers: whose annotations to average.
    Returns:
        As :func:`datalist`; ``film`` is the id with three digits.
    Raises:
        FilmError, AnnotationError: as :func:`datalist`, or nothing was found; the message names what was looked for.

    >>> isbi2015_datalist("/path/to/isbi2015", films=[1, 2])  # doctest: +SKIP
    """
    films_by_id, sources_of = find_isbi2015(Path(dataset_dir), observers)
    annotations = []
    for observer, sources in sources_of.items():
        points: dict[str, np.ndarray] = {}
        problems: list[str] = []
        made_on: dict[str, SourceFilm] = {}
        for source in sources:
            part = read_annotations(source, ISBI19)
            twice = sorted(points.keys() & part.points_px.keys())
            if twice:
                raise AnnotationError(f"{source}: film '{twice[0]}' is in another table of '{observer}' as well.")
            points.update(part.points_px)
            problems += part.problems
            made_on.update(part.sources)
        annotations.append(Annotations(observer, ISBI19, points, tuple(problems), made_on))
    wanted = None if films is None else [str(film).zfill(3) for film in films]
    return _items(films_by_id, annotations, wanted, str(dataset_dir))


def _items(
    films: Mapping[str, Path], observers: Sequence[Annotations], wanted: list[str] | None, where: str
) -> list[dict[str, Any]]:
    if not observers:
        raise AnnotationError(f"{where}: expected at least one annotation source, got none.")
    observers = [observer.spelled_like(films) for observer in observers]
    wanted = None if wanted is None else list(spelled_like(wanted, films).values())
    by_all = set.intersection(*(set(observer.points_px) for observer in observers))
    if wanted is None:
        wanted = sorted(films.keys() & by_all)
        left_out = sorted(films.keys() - by_all)
        if not wanted:
            raise AnnotationError(
                f"{where}: none of its {len(films)} films (such as '{left_out[0]}') is annotated by "
                f"{_names(observers)}; annotations go by the film's name without folder and suffix."
            )
        if left_out:
            warnings.warn(
                f"{where}: {len(left_out)} films are left out, as not every observer annotated them: "
                f"{', '.join(left_out[:10])}{' ...' if len(left_out) > 10 else ''}.",
                stacklevel=3,
            )
    for film in wanted:
        if film not in films:
            raise FilmError(f"{where}: film '{film}' is wanted but not there; there are {len(films)} films.")
        if film not in by_all:
            missing = _names([observer for observer in observers if film not in observer.points_px])
            raise AnnotationError(f"{where}: film '{film}' is wanted but not annotated by {missing}.")
    sizes = {film: film_size(films[film]) for film in wanted}
    contradictions = [problem for observer in observers for problem in check_annotations(observer, sizes)]
    if contradictions:
        more = f" ({len(contradictions) - 1} more)" if len(contradictions) > 1 else ""
        raise AnnotationError(f"{contradictions[0]}{more} Correct the annotation in {where}, or leave the film out.")
    problems = [problem for observer in observers for problem in observer.problems]
    if problems:
        warnings.warn(
            f"{where}: {count(len(problems), 'remark')} on the annotations: {' '.join(problems[:10])}"
            f"{' ...' if len(problems) > 10 else ''}",
            stacklevel=3,
        )
    points = mean_annotations(observers).points_px
    return [{"image": str(films[film]), "points_px": points[film].astype(np.float32), "film": film} for film in wanted]


def _names(observers: Sequence[Annotations]) -> str:
    return ", ".join(f"'{given.observer}'" for given in observers)
