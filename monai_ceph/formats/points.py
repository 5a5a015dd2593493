"""Hold annotations from any source, and check them by common rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import NamedTuple

import numpy as np

from monai_ceph.film_names import same_film, spelled_like
from monai_ceph.landmarks import LandmarkScheme

PLACEHOLDERS = ((-1.0, -1.0), (0.0, 0.0))
"""Positions that programs write for an unmarked landmark."""


class AnnotationError(ValueError):
    """An annotation cannot be used; the message names the file (and line) and what was expected."""


@dataclass(frozen=True)
class SourceFilm:
    """What an annotation file states about its film; None for what it does not state.

    Args:
        file: the annotation file.
        name: file name of the film.
        size: (X, Y), pixels.
        spacing_mm: (along x, along y), mm.
    """

    file: str
    name: str | None = None
    size: tuple[int, int] | None = None
    spacing_mm: tuple[float, float] | None = None


class FilmPoints(NamedTuple):
    """What an annotation file holds for one film."""

    points_px: np.ndarray
    """(N, 2) float64, (x, y), film pixels, NaN where not annotated."""
    problems: list[str]
    """Missing, doubled and unused points, one sentence each, by file and landmark."""
    source: SourceFilm


@dataclass(frozen=True)
class Annotations:
    """One observer's points.

    Args:
        observer: name of the file or folder.
        scheme: the landmarks.
        points_px: film name (no folder, no suffix) -> (N, 2) float64, (x, y), film pixels, NaN where not annotated.
        problems: missing, doubled and unused points, one sentence each, by film or file and landmark.
        sources: film name -> what the file states about the film; films without such statements may be left out.
    Raises:
        AnnotationError: the points' shape does not match the scheme.

    >>> from monai_ceph.landmarks import ISBI19
    >>> annotations = Annotations("anna", ISBI19, {"001": np.full((19, 2), 500.0)})
    >>> annotations.spacings_mm  # no file says
    {}
    """

    observer: str
    scheme: LandmarkScheme
    points_px: dict[str, np.ndarray]
    problems: tuple[str, ...] = ()
    sources: Mapping[str, SourceFilm] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for film, points in self.points_px.items():
            if np.shape(points) != (len(self.scheme), 2):
                raise AnnotationError(
                    f"Film '{film}' of observer '{self.observer}': expected points of shape ({len(self.scheme)}, 2) "
                    f"for scheme '{self.scheme.name}', got {np.shape(points)}."
                )

    @property
    def spacings_mm(self) -> dict[str, tuple[float, float]]:
        """Film name -> pixel spacing (along x, along y), mm, of the films whose spacing the files give."""
        return {film: source.spacing_mm for film, source in self.sources.items() if source.spacing_mm is not None}

    def spelled_like(self, films: Iterable[str]) -> Annotations:
        """Return the same points under the names that other sources have for the films.

        Args:
            films: the names to use, see :func:`~monai_ceph.film_names.spelled_like`.
        """
        names = spelled_like(self.points_px, films)
        if all(name == film for film, name in names.items()):
            return self
        points = {names[film]: points for film, points in self.points_px.items()}
        sources = {names.get(film, film): source for film, source in self.sources.items()}
        return replace(self, points_px=points, sources=sources)


def place_points(
    scheme: LandmarkScheme, marks: Iterable[tuple[str, float, float]], source: SourceFilm, problems: Sequence[str] = ()
) -> FilmPoints:
    """Put marks in the scheme's order, and report missing and contradictory ones.

    A landmark that is given several times counts if all positions agree; otherwise it is missing, as is one at the
    position of a placeholder, see :data:`PLACEHOLDERS`.

    Args:
        scheme: the landmarks.
        marks: (symbol, x, y) in any order; NaN for a mark without a place.
        source: what the file states about the film.
        problems: those already found.
    Returns:
        (N, 2) float64 in the marks' unit, all problems, and the source.
    """
    places: dict[str, list[tuple[float, float]]] = {symbol: [] for symbol in scheme.symbols}
    for symbol, x, y in marks:
        if isfinite(x) and isfinite(y):
            places[symbol].append((float(x), float(y)))
    points = np.full((len(scheme), 2), np.nan)
    problems = list(problems)
    for k, (symbol, positions) in enumerate(places.items()):
        landmark = f"{source.file}: landmark {symbol}"
        if not positions:
            problems.append(f"{landmark} is missing.")
        elif len(set(positions)) > 1:
            shown = ", ".join(f"({x:.1f}, {y:.1f})" for x, y in positions)
            problems.append(f"{landmark} is given {len(positions)} times ({shown}); it counts as missing.")
        elif is_placeholder(*positions[0]):
            x, y = positions[0]
            problems.append(
                f"{landmark} is at ({x:g}, {y:g}), which stands for a landmark that was not marked; it counts as "
                "missing."
            )
        else:
            points[k] = positions[0]
    return FilmPoints(points, problems, source)


def is_placeholder(x: float, y: float) -> bool:
    """Return whether a position, pixels, is one of :data:`PLACEHOLDERS`."""
    return (round(float(x), 6), round(float(y), 6)) in PLACEHOLDERS if isfinite(x) and isfinite(y) else False


def off_film(scheme: LandmarkScheme, points_px: np.ndarray, size: tuple[int, int]) -> list[str]:
    """Return which points lie off a film.

    Args:
        scheme: the landmarks.
        points_px: (N, 2), (x, y), pixels; NaN is ignored.
        size: (X, Y) of the film. Its border is half a pixel outside the centres of the outermost pixels.
    Returns:
        One "landmark S at (x, y) px" for each.
    """
    inside = (points_px >= -0.5) & (points_px <= np.asarray(size) - 0.5)
    off = np.isfinite(points_px).all(-1) & ~inside.all(-1)
    return [f"landmark {scheme.symbols[k]} at ({x:.1f}, {y:.1f}) px" for k, (x, y) in enumerate(points_px) if off[k]]


def check_film(
    scheme: LandmarkScheme, points_px: np.ndarray, source: SourceFilm, film: str, size: tuple[int, int] | None
) -> list[str]:
    """Check an annotation against its film.

    Training, evaluation, the command line and the annotation server all use this check. Readers check what does not
    depend on the film with :func:`place_points`.

    Args:
        scheme: the landmarks.
        points_px: (N, 2), (x, y), film pixels; NaN where not annotated.
        source: what the annotation file states about its film.
        film: name of the film.
        size: (X, Y) of the film, pixels; None uses the size that the file states.
    Returns:
        One sentence for each contradiction, naming the file and the landmark: another film name, another size, or a
        point off the film.
    """
    problems = check_source(source, film, size)
    size = size or source.size
    if size is not None:
        off = off_film(scheme, points_px, size)
        problems += [f"{source.file}: {point} is off the {size[0]} x {size[1]} film." for point in off]
    return problems


def check_source(source: SourceFilm, film: str | None, size: tuple[int, int] | None) -> list[str]:
    """Check what an annotation file states about its film against the film; the first part of :func:`check_film`.

    Args:
        source: what the annotation file states.
        film: name of the film; None if unknown.
        size: (X, Y) of the film, pixels; None if unknown.
    Returns:
        One sentence for each contradiction.
    """
    problems = []
    if source.name is not None and film is not None and not same_film(source.name, film):
        problems.append(f"{source.file}: it was made on another film, '{source.name}', not on '{film}'.")
    if source.size is not None and size is not None and source.size != size:
        stated, actual = (f"{x} x {y}" for x, y in (source.size, size))
        problems.append(f"{source.file}: it was made on a film of {stated} pixels, but this one has {actual}.")
    return problems


def check_annotations(
    annotations: Annotations, film_sizes: Mapping[str, tuple[int, int]] | None = None
) -> tuple[str, ...]:
    """Check an observer's annotations against their films, each with :func:`check_film`.

    Args:
        annotations: the points.
        film_sizes: film name -> (X, Y), pixels, of the films to check; None checks all against their files' statements.
    Returns:
        One sentence for each contradiction.

    >>> from monai_ceph.landmarks import ISBI19
    >>> annotations = Annotations("anna", ISBI19, {"001": np.full((19, 2), 500.0)})
    >>> check_annotations(annotations, {"001": (1935, 2400)})
    ()
    >>> check_annotations(annotations, {"001": (400, 400)})[0]
    "Film '001' of observer 'anna': landmark S at (500.0, 500.0) px is off the 400 x 400 film."
    """
    problems = []
    for film, points in annotations.points_px.items():
        if film_sizes is None or film in film_sizes:
            source = annotations.sources.get(film) or SourceFilm(f"Film '{film}' of observer '{annotations.observer}'")
            size = film_sizes[film] if film_sizes else None
            problems += check_film(annotations.scheme, points, source, film, size)
    return tuple(problems)
