"""What every source of annotations gives back, and the rules that all of them follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.landmarks import LandmarkScheme


class AnnotationError(ValueError):
    """An annotation cannot be used; the message names the file (and line) and what was expected."""


@dataclass(frozen=True)
class Annotations:
    """One observer's points.

    Args:
        observer: who, as the file or folder is called.
        scheme: what the points are.
        points_px: film name (no folder, no suffix) -> (N, 2) float64, (x, y), film pixels, NaN where not annotated.
        problems: missing, doubled and unused points, one sentence each, by film or file and landmark.
    Raises:
        AnnotationError: points of another shape than the scheme's.
    """

    observer: str
    scheme: LandmarkScheme
    points_px: dict[str, np.ndarray]
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for film, points in self.points_px.items():
            if np.shape(points) != (len(self.scheme), 2):
                raise AnnotationError(
                    f"Film '{film}' of observer '{self.observer}': expected points of shape ({len(self.scheme)}, 2) "
                    f"for scheme '{self.scheme.name}', got {np.shape(points)}."
                )


def place_points(
    scheme: LandmarkScheme, marks: Iterable[tuple[str, float, float]], where: str
) -> tuple[np.ndarray, list[str]]:
    """Puts marks in the scheme's order. What is missing or contradicts itself is reported, never guessed.

    A landmark that is given several times keeps its place if all of them agree, else it counts as missing.

    Args:
        scheme: the landmarks.
        marks: (symbol, x, y) in any order; NaN for a mark without a place.
        where: the file, for the reports.
    Returns:
        (N, 2) float64 in the marks' unit, and the problems found.
    """
    places: dict[str, list[tuple[float, float]]] = {symbol: [] for symbol in scheme.symbols}
    for symbol, x, y in marks:
        if np.isfinite(x) and np.isfinite(y):
            places[symbol].append((float(x), float(y)))
    points = np.full((len(scheme), 2), np.nan)
    problems = []
    for k, (symbol, given) in enumerate(places.items()):
        if len(set(given)) == 1:
            points[k] = given[0]
        elif not given:
            problems.append(f"{where}: landmark {symbol} is missing.")
        else:
            shown = ", ".join(f"({x:.1f}, {y:.1f})" for x, y in given)
            problems.append(f"{where}: landmark {symbol} is given {len(given)} times ({shown}); it counts as missing.")
    return points, problems


def off_film(scheme: LandmarkScheme, points_px: np.ndarray, size: tuple[int, int]) -> list[str]:
    """Which points lie off a film.

    Args:
        scheme: the landmarks.
        points_px: (N, 2), (x, y), pixels; NaN lies nowhere and is passed over.
        size: (X, Y) of the film. Its border is half a pixel outside the centres of the outermost pixels.
    Returns:
        One "landmark S at (x, y)" for each.
    """
    inside = (points_px >= -0.5) & (points_px <= np.asarray(size) - 0.5)
    off = np.isfinite(points_px).all(-1) & ~inside.all(-1)
    return [f"landmark {scheme.symbols[k]} at ({x:.1f}, {y:.1f})" for k, (x, y) in enumerate(points_px) if off[k]]


def check_on_film(annotations: Annotations, film_sizes: Mapping[str, tuple[int, int]]) -> tuple[str, ...]:
    """Reports the points that lie off their film.

    Args:
        annotations: the points.
        film_sizes: film name -> (X, Y), pixels; films without annotation and annotations without film are passed over.
    Returns:
        One sentence for each point; empty if all is well.
    """
    reports = []
    for film, points in annotations.points_px.items():
        if film in film_sizes:
            x, y = film_sizes[film]
            where = f"Film '{film}' of observer '{annotations.observer}'"
            off = off_film(annotations.scheme, points, (x, y))
            reports += [f"{where}: {point} is off the {x} x {y} film." for point in off]
    return tuple(reports)


def read_text(path: Path) -> str:
    """The text of an annotation file; a byte order mark is dropped.

    Raises:
        AnnotationError: missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"{path}: there is no such annotation; check the path.") from None
    except UnicodeDecodeError:
        raise AnnotationError(f"{path}: expected UTF-8 text; save the annotation as UTF-8.") from None
    except OSError as error:
        raise AnnotationError(f"{path}: the annotation cannot be opened ({error.strerror}).") from error


def parse_json(text: str, where: str) -> Any:
    """What JSON says.

    Raises:
        AnnotationError: no JSON, or JSON that Python gives up on; the message begins with ``where``.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{where}, line {error.lineno}: this is not JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{where}: this JSON has a number too long or lists too deep to be read.") from error


def finite(text: str, where: str) -> float:
    """A number out of a file.

    Raises:
        AnnotationError: not a finite number; the message begins with ``where``.
    """
    try:
        number = float(text)
    except (TypeError, ValueError, OverflowError):  # the last: JSON's whole numbers have any length
        number = np.nan
    if not np.isfinite(number):
        raise AnnotationError(f"{where}: expected a number of pixels, got {text!r}.")
    return number
