"""Read a CSV table of points: the project's, or a Kaggle-style one; the header tells which."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from monai_ceph.formats import kaggle_table, landmark_table
from monai_ceph.formats.points import AnnotationError, place_points, read_text
from monai_ceph.formats.table_cells import Row
from monai_ceph.landmarks import LandmarkScheme


def read_table(path: Path, scheme: LandmarkScheme) -> tuple[dict[str, np.ndarray], list[str]]:
    """Reads either table; the header tells which.

    Args:
        path: the .csv file, UTF-8, separated by commas.
        scheme: the landmarks.
    Returns:
        film name -> (N, 2) float64, film pixels, NaN where a cell is empty; and the problems: missing and doubled
        landmarks.
    Raises:
        AnnotationError: an unknown header, or a row that is malformed; the message names file and line.
    """
    reader = csv.reader(read_text(path).splitlines())
    rows: list[Row] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise AnnotationError(f"{path}, line {reader.line_num}: this is not CSV ({error}).") from error
    if not rows:
        raise AnnotationError(f"{path}: the table is empty; expected a header and at least one row.")
    header = rows.pop(0)[1]
    for number, cells in rows:
        if len(cells) != len(header):
            raise AnnotationError(
                f"{path}, line {number}: expected {len(header)} cells like the header, got {len(cells)}."
            )
    if not rows:
        raise AnnotationError(f"{path}: the table has a header but no row.")
    if set(landmark_table.READ_COLUMNS) <= set(header):
        marks = landmark_table.read_rows(path, header, rows, scheme)
    elif header[0] == "image_path":
        marks = kaggle_table.read_rows(path, header, rows, scheme)
    else:
        raise AnnotationError(
            f"{path}: expected the columns {','.join(landmark_table.READ_COLUMNS)} or image_path,1_x,1_y,2_x,2_y,..., "
            f"separated by commas, got the header {','.join(header[:6])!r}."
        )
    points, problems = {}, []
    for film, given in marks.items():
        points[film], film_problems = place_points(scheme, given, f"{path}, film '{film}'")
        problems += film_problems
    return points, problems
