"""Kaggle-style CSV: a row for each film, ``image_path,1_x,1_y,2_x,2_y,...``. Only read."""

from __future__ import annotations

import re
from pathlib import Path

from monai_ceph.formats.points import AnnotationError
from monai_ceph.formats.table_cells import Mark, Row, film_cell, point_cells
from monai_ceph.landmarks import LandmarkScheme


def read_rows(path: Path, header: list[str], rows: list[Row], scheme: LandmarkScheme) -> dict[str, list[Mark]]:
    """Film name -> a mark for each landmark.

    Args:
        path: the file, for messages.
        header, rows: its cells.
        scheme: the landmarks.
    Raises:
        AnnotationError: another number of landmarks than the scheme's, or a row that is malformed or doubled.
    """
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
        film = film_cell(cells[0], where)
        if film in marks:
            raise AnnotationError(f"{where}: film '{film}' is in line {lines[film]} already; remove one of the rows.")
        lines[film] = number
        marks[film] = [
            (symbol, *point_cells(cells[x], cells[y], f"{where}, landmark {symbol}"))
            for symbol, (x, y) in zip(scheme.symbols, columns, strict=True)
        ]
    return marks
