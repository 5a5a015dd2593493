"""Read and write the ISBI 2015 challenge's annotations: a line ``x,y`` for each landmark, in the scheme's order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from monai_ceph.formats.files import finite, read_text
from monai_ceph.formats.points import AnnotationError, FilmPoints, SourceFilm, place_points
from monai_ceph.landmarks import LandmarkScheme

_CLASS = re.compile(r"[-+]?\d+")


def read_isbi_text(path: Path, scheme: LandmarkScheme) -> FilmPoints:
    """Read one film's points: a line ``x,y`` for each landmark in the scheme's order, then class labels, if any.

    Args:
        path: the .txt file.
        scheme: how many landmarks and in which order.
    Returns:
        The points; problems are placeholders, as this format cannot leave a point out.
    Raises:
        AnnotationError: a wrong number of points, or a line that is neither a point nor a class.
    """
    lines = [(number, line.strip()) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    points = []
    classes = 0
    for number, line in lines:
        if "," in line and not classes:
            cells = line.split(",")
            if len(cells) != 2:
                raise AnnotationError(f"{path}, line {number}: expected 'x,y', got {line!r}.")
            points.append([finite(cell.strip(), f"{path}, line {number}") for cell in cells])
        elif _CLASS.fullmatch(line) and points:
            classes += 1
        else:
            raise AnnotationError(f"{path}, line {number}: expected 'x,y', or after all points a class, got {line!r}.")
    if len(points) != len(scheme):
        raise AnnotationError(
            f"{path}: expected {len(scheme)} points 'x,y' for scheme '{scheme.name}', got {len(points)}; "
            "complete the file or choose its scheme."
        )
    marks = ((symbol, x, y) for symbol, (x, y) in zip(scheme.symbols, points, strict=True))
    return place_points(scheme, marks, SourceFilm(str(path)))


def isbi_text(points_px: np.ndarray, scheme: LandmarkScheme) -> str:
    """Return the points of a film as the challenge's text, to a thousandth of a pixel.

    The challenge's own files hold whole pixels and, after the points, eight classes, which are not written here.

    Args:
        points_px: (N, 2), (x, y), film pixels.
        scheme: the landmarks, for the message.
    Raises:
        ValueError: a landmark is NaN; the format has no way to leave one out.
    """
    absent = [symbol for symbol, point in zip(scheme.symbols, points_px, strict=True) if not np.isfinite(point).all()]
    if absent:
        raise ValueError(
            f"without {' '.join(absent)}, and ISBI's .txt cannot leave a landmark out; use csv or labelme."
        )
    return "".join(f"{x:.3f},{y:.3f}\n" for x, y in points_px.tolist())
