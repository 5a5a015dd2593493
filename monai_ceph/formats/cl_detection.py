"""Read and write CL-Detection 2023: one JSON file for all films, with 38 landmarks.

``{"name": "Orthodontic landmarks", "type": "Multiple points", "points": [{"name": "1", "point": [x, y, film], "scale":
mm}, ...]}``: the landmark's number, its position in pixels, the film's number from 1, and the pixel size, which the
challenge's ground truth (``train-gt.json``) has and its results do not. The challenge's films are slices of
``train_stack.mha``, padded with zeros to the right and at the bottom, which moves no point; film k is taken to be
called k, as the challenge's own scripts save it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.film_names import film_name
from monai_ceph.formats.files import finite, objects
from monai_ceph.formats.points import AnnotationError, FilmPoints, SourceFilm, place_points
from monai_ceph.landmarks import CL_DETECTION38, LandmarkScheme, same_landmarks

NAME = "Orthodontic landmarks"


def parse_cl_detection(content: dict[str, Any], path: Path, scheme: LandmarkScheme) -> dict[str, FilmPoints]:
    """Read the points of all films.

    Args:
        content: the parsed JSON.
        path: the file it came from, for messages.
        scheme: the landmarks; others of the challenge are ignored.
    Returns:
        Film name ("1" is the first) -> its points; problems are missing and doubled landmarks.
    Raises:
        AnnotationError: the JSON has another structure, or a landmark that the challenge does not have.
    """
    rows = objects(content, "points", path, "CL-Detection")
    known = same_landmarks(CL_DETECTION38.symbols, scheme.symbols)
    numbered = {str(k): symbol for k, symbol in enumerate(CL_DETECTION38.symbols, 1)}
    marks: dict[str, list[tuple[str, float, float]]] = {}
    scales: dict[str, float] = {}
    for k, row in enumerate(rows):
        where = f"{path}, point {k}"
        point, name = row.get("point"), str(row.get("name")).strip()
        if not isinstance(point, list) or len(point) != 3:
            raise AnnotationError(f"{where}: expected a point [x, y, film], got {point!r}.")
        if name not in numbered:
            raise AnnotationError(f"{where}: expected a landmark from '1' to '{len(numbered)}', got {name!r}.")
        x, y, number = (finite(value, where) for value in point)
        if number != int(number):
            raise AnnotationError(f"{where}: expected the number of a film, got {number!r}.")
        film = str(int(number))
        film_marks = marks.setdefault(film, [])
        symbol = numbered[name]
        if symbol in known:
            film_marks.append((known[symbol], x, y))
        if row.get("scale") is not None:
            scale = finite(row["scale"], where)
            if not scale > 0 or scales.setdefault(film, scale) != scale:
                raise AnnotationError(
                    f"{where}: expected one scale, mm a pixel, for film {film}, got {row['scale']!r}"
                    + (f" after {scales[film]:g}." if film in scales else ".")
                )
    if not marks:
        raise AnnotationError(f"{path}: it holds no point.")
    film_points = {}
    for film, film_marks in marks.items():
        where = f"{path}, film {film}"
        spacing = (scales[film], scales[film]) if film in scales else None
        film_points[film] = place_points(scheme, film_marks, SourceFilm(where, None, None, spacing))
    return film_points


def to_cl_detection(
    points_px: Mapping[str, np.ndarray], scheme: LandmarkScheme, spacings_mm: Mapping[str, tuple[float, float]]
) -> dict[str, Any]:
    """Return the points of films as the challenge's JSON.

    Args:
        points_px: film name -> (N, 2), (x, y), film pixels; a landmark that is NaN is left out.
        scheme: the landmarks; those that the challenge does not have are left out.
        spacings_mm: film name -> pixel spacing, which is written as the scale, where it is known.
    Raises:
        ValueError: a film's name is not a number from 1, or its pixels are not square; the format allows neither.
    """
    names = same_landmarks(scheme.symbols, CL_DETECTION38.symbols)
    rows = []
    for film, points in points_px.items():
        name = film_name(film)
        if not name.isdecimal() or int(name) < 1:
            raise ValueError(f"Film '{film}': CL-Detection knows films by number; call it 1, 2, ...")
        scale: dict[str, float] = {}
        if film in spacings_mm:
            x_mm, y_mm = spacings_mm[film]
            if x_mm != y_mm:
                raise ValueError(
                    f"Film '{film}': CL-Detection has one scale a film, got {x_mm:g} x {y_mm:g} mm pixels."
                )
            scale["scale"] = x_mm
        for symbol, (x, y) in zip(scheme.symbols, np.round(points, 3).tolist(), strict=True):
            if symbol in names and np.isfinite([x, y]).all():
                number = str(CL_DETECTION38.index(names[symbol]) + 1)
                rows.append({"name": number, "point": [x, y, int(name)], **scale})
    return {"name": NAME, "type": "Multiple points", "points": rows, "version": {"major": 1, "minor": 0}}
