"""Read and write the project's landmark table: CSV with a row for each film and landmark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.formats.csv_text import csv_text, number_cell
from monai_ceph.formats.points import AnnotationError
from monai_ceph.formats.table_cells import Cells, Mark, film_cells, point_cells
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import COLUMNS, Prediction

READ_COLUMNS = COLUMNS[:4]
"""The columns that are read: ``image,landmark,x_px,y_px``."""
SAME_MM = 0.02
"""How far apart a point in mm and the same in pixels times the spacing may be: other programs round mm to 0.01."""
PX_DECIMALS = 3
"""Scores are computed from points to a thousandth of a pixel, out of the table or straight from an engine."""


def read_marks(cells: Cells, scheme: LandmarkScheme) -> tuple[dict[str, str], dict[str, list[Mark]]]:
    """Read the marks of each film.

    Args:
        cells: the table's cells, in columns of any order; other columns are ignored.
        scheme: the landmarks.
    Returns:
        Film name -> the file name that the table gives it, and -> the marks of its rows.
    Raises:
        AnnotationError: a row is malformed, or has a landmark that the scheme does not have.
    """
    image, landmark, x, y = READ_COLUMNS
    films, symbols = film_cells(cells, image), cells.columns[landmark]
    unknown = set(symbols) - set(scheme.symbols)
    images: dict[str, str] = {}
    for row, (film, name) in enumerate(zip(films, cells.columns[image], strict=True)):
        if images.setdefault(film, name) != name:
            raise AnnotationError(
                f"{cells.where(row)}: '{name}' and '{images[film]}' are the same film name; rename one."
            )
        if symbols[row] in unknown:
            raise AnnotationError(
                f"{cells.where(row)}: scheme '{scheme.name}' has no landmark '{symbols[row]}'; it has "
                f"{' '.join(scheme.symbols)}."
            )
    marks: dict[str, list[Mark]] = {film: [] for film in images}
    points = point_cells(cells, x, y)
    for film, symbol, x_px, y_px in zip(films, symbols, *(column.tolist() for column in points), strict=True):
        marks[film].append((symbol, x_px, y_px))
    return images, marks


def read_spacings(cells: Cells) -> tuple[dict[str, tuple[float, float]], dict[str, list[str]]]:
    """Find the pixel spacing of each film from a table that gives points in pixels and in mm.

    Args:
        cells: the table's cells; without the columns ``x_mm`` and ``y_mm`` no film has a spacing.
    Returns:
        Film name -> (along x, along y), mm; and -> a remark if a film's mm are not a multiple of its pixels.
    Raises:
        AnnotationError: a row is malformed.
    """
    if not {"x_mm", "y_mm"} <= cells.columns.keys():
        return {}, {}
    films = film_cells(cells, "image")
    px = np.stack(point_cells(cells, "x_px", "y_px"), -1)
    mm = np.stack(point_cells(cells, "x_mm", "y_mm"), -1)
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(np.isfinite(px).all(-1) & np.isfinite(mm).all(-1)).tolist():
        rows_of.setdefault(films[row], []).append(row)
    spacings, remarks = {}, {}
    for film, rows in rows_of.items():
        spacing = _spacing(px[rows], mm[rows])
        if spacing is None:
            continue
        off = np.abs(px[rows] * spacing - mm[rows]).max(-1) > SAME_MM
        if not off.any():
            spacings[film] = spacing
        else:
            symbol = cells.columns["landmark"][rows[int(np.argmax(off))]]
            remarks[film] = [
                f"{cells.path}, film '{film}': its mm are not its pixels times one spacing (landmark {symbol}); they "
                "are not used."
            ]
    return spacings, remarks


def _spacing(points_px: np.ndarray, points_mm: np.ndarray) -> tuple[float, float] | None:
    """Fit a spacing by least squares, to six digits: tables round pixels to a thousandth and mm to a ten-thousandth."""
    squares = (points_px**2).sum(0)
    if (squares == 0).any():
        return None
    x, y = (float(f"{s:.6g}") for s in (points_px * points_mm).sum(0) / squares)
    return (x, y) if x > 0 and y > 0 else None


def landmark_columns(extra: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the table's header: :data:`~monai_ceph.prediction.COLUMNS`, then the extra columns, each once.

    Raises:
        ValueError: an extra column has the name of another column.
    """
    header, extra = COLUMNS, tuple(dict.fromkeys(extra))
    doubled = sorted(set(header) & set(extra))
    if doubled:
        raise ValueError(f"The extra columns {doubled} have names that the landmark table uses; rename them.")
    return header + extra


def landmark_rows(prediction: Prediction, extra: Sequence[str] = ()) -> Iterator[list[str]]:
    """Yield a row for each landmark of a film, with the columns of :func:`landmark_columns`.

    Pixels and expected errors have three decimals, the rest four; an unknown value is an empty cell.
    """
    points_mm, errors_mm = prediction.points_mm, prediction.errors_mm
    for k, symbol in enumerate(prediction.scheme.symbols):
        yield [
            prediction.image,
            symbol,
            *(number_cell(value, PX_DECIMALS) for value in prediction.points_px[k]),
            *(number_cell(value, 4) for value in points_mm[k]),
            number_cell(prediction.confidence[k], 4),
            prediction.spacing_source,
            prediction.statuses[k],
            *(number_cell(value, 3) for value in errors_mm[:, k]),
            prediction.site,
            *(number_cell(prediction.extra[name][k], 4) if name in prediction.extra else "" for name in extra),
        ]


def landmarks_csv_text(predictions: Sequence[Prediction]) -> str:
    """Return the table as text, with a header.

    Args:
        predictions: any number of films, of one scheme or several; extra columns come in the order in which they first
            appear.
    Raises:
        ValueError: as :func:`landmark_columns`.

    >>> from monai_ceph.landmarks import ISBI19
    >>> prediction = Prediction("film.png", ISBI19, np.full((19, 2), 500.0), np.ones(19), (0.1, 0.1), "user")
    >>> landmarks_csv_text([prediction]).splitlines()[1]
    'film.png,S,500.000,500.000,50.0000,50.0000,1.0000,user,found,,,'
    """
    extra = tuple(dict.fromkeys(name for prediction in predictions for name in prediction.extra))
    rows = (row for prediction in predictions for row in landmark_rows(prediction, extra))
    return csv_text(landmark_columns(extra), rows)


def write_landmarks_csv(path: str | Path, predictions: Sequence[Prediction]) -> None:
    """Write :func:`landmarks_csv_text` to a file, completely or not at all.

    >>> from monai_ceph.landmarks import ISBI19
    >>> prediction = Prediction("film.png", ISBI19, np.full((19, 2), 500.0), np.ones(19), (0.1, 0.1), "user")
    >>> write_landmarks_csv("landmarks.csv", [prediction])
    """
    write_text(path, landmarks_csv_text(predictions))
