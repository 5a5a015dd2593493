"""The project's landmark table: CSV with one row for each film and landmark."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from monai_ceph.atomic import write_text
from monai_ceph.formats.points import AnnotationError
from monai_ceph.formats.table_cells import Mark, Row, film_cell, point_cells
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import COLUMNS, Prediction

READ_COLUMNS = COLUMNS[:4]
"""The columns that are read: ``image,landmark,x_px,y_px``."""
PX_DECIMALS = 3
"""Scores are computed from points to a thousandth of a pixel, out of the table or straight from an engine."""


def read_rows(path: Path, header: list[str], rows: list[Row], scheme: LandmarkScheme) -> dict[str, list[Mark]]:
    """Film name -> the marks of its rows.

    Args:
        path: the file, for messages.
        header, rows: its cells; the columns may come in any order, and others beside them.
        scheme: the landmarks.
    Raises:
        AnnotationError: a row that is malformed, or a landmark that the scheme does not have.
    """
    columns = [header.index(name) for name in READ_COLUMNS]
    marks: dict[str, list[Mark]] = {}
    images: dict[str, str] = {}
    for number, cells in rows:
        image, symbol, x, y = (cells[column] for column in columns)
        where = f"{path}, line {number}"
        film = film_cell(image, where)
        if images.setdefault(film, image) != image:
            raise AnnotationError(f"{where}: '{image}' and '{images[film]}' are the same film name; rename one.")
        if symbol not in scheme.symbols:
            raise AnnotationError(
                f"{where}: scheme '{scheme.name}' has no landmark '{symbol}'; it has {' '.join(scheme.symbols)}."
            )
        marks.setdefault(film, []).append((symbol, *point_cells(x, y, where)))
    return marks


def landmark_columns(extra: Iterable[str] = ()) -> tuple[str, ...]:
    """The table's header: :data:`~monai_ceph.prediction.COLUMNS`, then the extra columns, each once.

    Raises:
        ValueError: an extra column has the name of another column.
    """
    header, extra = COLUMNS, tuple(dict.fromkeys(extra))
    doubled = sorted(set(header) & set(extra))
    if doubled:
        raise ValueError(f"The extra columns {doubled} have names that the landmark table uses; rename them.")
    return header + extra


def landmark_rows(prediction: Prediction, extra: Sequence[str] = ()) -> Iterator[list[str]]:
    """One row for each landmark of a film, under :func:`landmark_columns` of the same extra columns.

    Pixels have three decimals, mm four, the rest four; an unknown value is an empty cell.
    """
    points_mm = prediction.points_mm
    for k, symbol in enumerate(prediction.scheme.symbols):
        yield [
            prediction.image,
            symbol,
            *(_cell(value, PX_DECIMALS) for value in prediction.points_px[k]),
            *(_cell(value, 4) for value in points_mm[k]),
            _cell(prediction.confidence[k], 4),
            prediction.spacing_source,
            prediction.statuses[k],
            *(_cell(prediction.extra[name][k], 4) if name in prediction.extra else "" for name in extra),
        ]


def landmarks_csv_text(predictions: Sequence[Prediction]) -> str:
    """The table as text: a header and ``\\n`` at each line's end.

    Args:
        predictions: any number of films, of one scheme or several; extra columns come in the order in which they first
            appear.
    Raises:
        ValueError: as :func:`landmark_columns`.
    """
    extra = tuple(dict.fromkeys(name for prediction in predictions for name in prediction.extra))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(landmark_columns(extra))
    for prediction in predictions:
        table.writerows(landmark_rows(prediction, extra))
    return text.getvalue()


def write_landmarks_csv(path: str | Path, predictions: Sequence[Prediction]) -> None:
    """Writes :func:`landmarks_csv_text` to a file, whole or not at all."""
    write_text(path, landmarks_csv_text(predictions))


def _cell(value: float, decimals: int) -> str:
    return f"{float(value):.{decimals}f}" if math.isfinite(value) else ""
