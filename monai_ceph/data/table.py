"""Tables of points: the project's CSV (a row for each film and landmark), Kaggle-style CSV (a row for each film)."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from monai_ceph.data.names import film_name
from monai_ceph.data.points import AnnotationError, finite, place_points, read_text
from monai_ceph.landmarks import LandmarkScheme

PROJECT_COLUMNS = ("image", "landmark", "x_px", "y_px")
"""The columns that are read; the table has more."""

Row = tuple[int, list[str]]
Mark = tuple[str, float, float]


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
    if set(PROJECT_COLUMNS) <= set(header):
        marks = _project_marks(path, header, rows, scheme)
    elif header[0] == "image_path":
        marks = _kaggle_marks(path, header, rows, scheme)
    else:
        raise AnnotationError(
            f"{path}: expected the columns {','.join(PROJECT_COLUMNS)} or image_path,1_x,1_y,2_x,2_y,..., separated by "
            f"commas, got the header {','.join(header[:6])!r}."
        )
    points, problems = {}, []
    for film, given in marks.items():
        points[film], found = place_points(scheme, given, f"{path}, film '{film}'")
        problems += found
    return points, problems


def _project_marks(path: Path, header: list[str], rows: list[Row], scheme: LandmarkScheme) -> dict[str, list[Mark]]:
    columns = [header.index(name) for name in PROJECT_COLUMNS]
    marks: dict[str, list[Mark]] = {}
    images: dict[str, str] = {}
    for number, cells in rows:
        image, symbol, x, y = (cells[column] for column in columns)
        where = f"{path}, line {number}"
        film = _film(image, where)
        if images.setdefault(film, image) != image:
            raise AnnotationError(f"{where}: '{image}' and '{images[film]}' are the same film name; rename one.")
        if symbol not in scheme.symbols:
            raise AnnotationError(
                f"{where}: scheme '{scheme.name}' has no landmark '{symbol}'; it has {' '.join(scheme.symbols)}."
            )
        marks.setdefault(film, []).append((symbol, *_place(x, y, where)))
    return marks


def _kaggle_marks(path: Path, header: list[str], rows: list[Row], scheme: LandmarkScheme) -> dict[str, list[Mark]]:
    expected = [f"{k}_{axis}" for k in range(1, len(scheme) + 1) for axis in "xy"]
    if sorted(header[1:]) != sorted(expected):
        count = len({name.split("_")[0] for name in header[1:] if re.fullmatch(r"\d+_[xy]", name)})
        raise AnnotationError(
            f"{path}: expected image_path,{expected[0]},{expected[1]},...,{expected[-1]} for the {len(scheme)} "
            f"landmarks of scheme '{scheme.name}', got a header with {count} landmarks in {len(header)} columns."
        )
    columns = [(header.index(f"{k}_x"), header.index(f"{k}_y")) for k in range(1, len(scheme) + 1)]
    marks: dict[str, list[Mark]] = {}
    lines: dict[str, int] = {}
    for number, cells in rows:
        where = f"{path}, line {number}"
        film = _film(cells[0], where)
        if film in marks:
            raise AnnotationError(f"{where}: film '{film}' is in line {lines[film]} already; remove one of the rows.")
        lines[film] = number
        marks[film] = [
            (symbol, *_place(cells[x], cells[y], f"{where}, landmark {symbol}"))
            for symbol, (x, y) in zip(scheme.symbols, columns, strict=True)
        ]
    return marks


def _film(image: str, where: str) -> str:
    if not image:
        raise AnnotationError(f"{where}: the name of the film is empty.")
    return film_name(image)


def _place(x: str, y: str, where: str) -> tuple[float, float]:
    """Two empty cells stand for a landmark that nobody marked; half a point is a mistake."""
    if not x and not y:
        return np.nan, np.nan
    return finite(x, where), finite(y, where)
