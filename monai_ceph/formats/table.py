"""Read a CSV table of points, the project's or a Kaggle-style one, according to its header."""

from __future__ import annotations

from pathlib import Path

from monai_ceph.formats import kaggle_table, landmark_table
from monai_ceph.formats.points import AnnotationError, FilmPoints, SourceFilm, place_points
from monai_ceph.formats.table_cells import Cells, read_cells
from monai_ceph.landmarks import LandmarkScheme


def read_table(path: Path, scheme: LandmarkScheme) -> dict[str, FilmPoints]:
    """Read either table.

    Args:
        path: the .csv file, UTF-8, separated by commas, semicolons or tabs, with columns in any order; other columns
            are ignored.
        scheme: the landmarks.
    Returns:
        Film name -> its points.
    Raises:
        AnnotationError: the header is unknown, or a row is malformed; the message names file and line.
    """
    return table_points(read_cells(path), scheme)


def table_points(cells: Cells, scheme: LandmarkScheme) -> dict[str, FilmPoints]:
    """Return each film's points from the cells of either table; raise as :func:`read_table`."""
    path = cells.path
    header = list(cells.columns)
    spacings: dict[str, tuple[float, float]] = {}
    remarks: dict[str, list[str]] = {}
    if set(landmark_table.READ_COLUMNS) <= set(header):
        images, marks = landmark_table.read_marks(cells, scheme)
        spacings, remarks = landmark_table.read_spacings(cells)
    elif kaggle_table.IMAGE in header:
        images, marks = kaggle_table.read_marks(cells, scheme)
    else:
        raise AnnotationError(
            f"{path}: expected the columns {','.join(landmark_table.READ_COLUMNS)} or image_path,1_x,1_y,2_x,2_y,..., "
            f"got the header {','.join(header[:6])!r}."
        )
    film_points = {}
    for film, film_marks in marks.items():
        where = f"{path}, film '{film}'"
        source = SourceFilm(where, images[film], None, spacings.get(film))
        film_points[film] = place_points(scheme, film_marks, source)
        film_points[film].problems.extend(remarks.get(film, ()))
    return film_points
