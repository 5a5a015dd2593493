"""Cells of tables of points."""

from __future__ import annotations

import numpy as np

from monai_ceph.film_names import film_name
from monai_ceph.formats.points import AnnotationError, finite

Row = tuple[int, list[str]]
"""A line's number in the file, and its cells."""
Mark = tuple[str, float, float]
"""Symbol, x and y in film pixels; NaN where nobody marked the landmark."""


def film_cell(image: str, where: str) -> str:
    if not image:
        raise AnnotationError(f"{where}: the name of the film is empty.")
    return film_name(image)


def point_cells(x: str, y: str, where: str) -> tuple[float, float]:
    """Two empty cells stand for a landmark that nobody marked; half a point is a mistake."""
    if not x and not y:
        return np.nan, np.nan
    return finite(x, where), finite(y, where)
