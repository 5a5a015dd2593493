"""Read and write Kaggle-style CSV: a row for each film, ``image_path,1_x,1_y,2_x,2_y,...``."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from monai_ceph.formats.csv_text import csv_text, number_cell
from monai_ceph.formats.points import AnnotationError
from monai_ceph.formats.table_cells import Cells, Mark, film_cells, point_cells
from monai_ceph.landmarks import LandmarkScheme

IMAGE = "image_path"
"""The column that tells this table from others."""
_COORDINATE = re.compile(r"(\d+)_[xy]")


def read_marks(cells: Cells, scheme: LandmarkScheme) -> tuple[dict[str, str], dict[str, list[Mark]]]:
    """Read the marks of each film.

    Args:
        cells: the table's cells, in columns of any order; other columns are ignored.
        scheme: the landmarks, by number.
    Returns:
        Film name -> the file name that the table gives it, and -> a mark for each landmark.
    Raises:
        AnnotationError: another number of landmarks than the scheme's, or a row that is malformed or doubled.
    """
    expected = _columns(scheme)
    coordinates = [name for name in cells.columns if _COORDINATE.fullmatch(name)]
    if sorted(coordinates) != sorted(expected):
        count = len({name.split("_")[0] for name in coordinates})
        raise AnnotationError(
            f"{cells.path}: expected image_path,{expected[0]},{expected[1]},...,{expected[-1]} for the {len(scheme)} "
            f"landmarks of scheme '{scheme.name}', got a header with {count} landmarks in {len(cells.columns)} columns."
        )
    films = film_cells(cells, IMAGE)
    lines: dict[str, int] = {}
    for row, film in enumerate(films):
        if film in lines:
            raise AnnotationError(
                f"{cells.where(row)}: film '{film}' is in line {lines[film]} already; remove one of the rows."
            )
        lines[film] = cells.lines[row]
    marks: dict[str, list[Mark]] = {film: [] for film in films}
    for k, symbol in enumerate(scheme.symbols, 1):
        points = point_cells(cells, f"{k}_x", f"{k}_y", [symbol] * len(films))
        for film, x, y in zip(films, *(column.tolist() for column in points), strict=True):
            marks[film].append((symbol, x, y))
    return dict(zip(films, cells.columns[IMAGE], strict=True)), marks


def kaggle_text(points_px: Mapping[str, np.ndarray], scheme: LandmarkScheme) -> str:
    """Return the points of films as a table, to a thousandth of a pixel.

    Args:
        points_px: file name of a film -> (N, 2), (x, y), film pixels; NaN gives empty cells.
        scheme: the landmarks.
    """
    rows = ([image, *(number_cell(v, 3) for v in np.ravel(points).tolist())] for image, points in points_px.items())
    return csv_text([IMAGE, *_columns(scheme)], rows)


def _columns(scheme: LandmarkScheme) -> list[str]:
    return [f"{k}_{axis}" for k in range(1, len(scheme) + 1) for axis in "xy"]
