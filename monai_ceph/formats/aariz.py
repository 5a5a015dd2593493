"""Read and write Aariz / CEPHA29: a JSON file per film and orthodontist, with 29 landmarks.

``{"ceph_id": ..., "landmarks": [{"landmark_id", "title", "symbol", "value": {"x", "y"}}, ...]}``, in pixels. The data
set lies in ``{train,valid,test}/Cephalograms`` and ``.../Annotations/Cephalometric Landmarks/{Senior,Junior}
Orthodontists``; the pixel sizes of its seven devices are in ``cephalogram_machine_mappings.csv`` at its top.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.film_names import film_name
from monai_ceph.formats.files import finite, objects
from monai_ceph.formats.points import AnnotationError, FilmPoints, SourceFilm, place_points
from monai_ceph.formats.table_cells import film_cells, numbers, read_cells
from monai_ceph.landmarks import AARIZ29, LandmarkScheme, same_landmarks

MAPPINGS = "cephalogram_machine_mappings.csv"
"""The table of pixel sizes: columns ``cephalogram_id`` and ``pixel_size``, mm."""
_DEPTH = 5  # folders from an annotation up to the data set's top


def parse_aariz(content: dict[str, Any], path: Path, scheme: LandmarkScheme) -> FilmPoints:
    """Read the points of one film. A landmark is known by its symbol.

    Args:
        content: the parsed JSON.
        path: the file it came from, for messages and to find the data set's pixel sizes.
        scheme: the landmarks. Other landmarks of the data set are ignored; landmarks are also matched by other symbols,
            see :func:`~monai_ceph.landmarks.same_landmarks`.
    Returns:
        The points; problems are missing and doubled landmarks, and symbols that neither the data set nor the scheme
        has.
    Raises:
        AnnotationError: the JSON has another structure, or no landmark of the scheme.
    """
    rows = objects(content, "landmarks", path, "Aariz")
    symbols = [str(row.get("symbol")).strip() for row in rows]
    known = same_landmarks(symbols, scheme.symbols)
    official = same_landmarks(symbols, AARIZ29.symbols)
    marks, problems = [], []
    for symbol, row in zip(symbols, rows, strict=True):
        if symbol in known:
            marks.append((known[symbol], *_position(row, f"{path}, landmark '{symbol}'")))
        elif symbol not in official:
            problems.append(f"{path}: '{symbol}' is not a landmark of scheme '{scheme.name}'; it is not used.")
    if rows and not marks:
        raise AnnotationError(
            f"{path}: none of its landmarks ({', '.join(sorted(set(symbols)))}) is one of scheme '{scheme.name}'; "
            f"expected the symbols {' '.join(scheme.symbols)}."
        )
    film = content.get("ceph_id")
    top = path.resolve().parents
    spacing = _pixel_sizes(top[_DEPTH - 1] / MAPPINGS).get(film_name(path)) if len(top) >= _DEPTH else None
    source = SourceFilm(str(path), film if isinstance(film, str) and film else None, None, spacing)
    return place_points(scheme, marks, source, problems)


def to_aariz(film: str, points_px: np.ndarray, scheme: LandmarkScheme) -> dict[str, Any]:
    """Return the points of a film as the data set's JSON.

    Args:
        film: name of the film.
        points_px: (N, 2), (x, y), film pixels; a landmark that is NaN is left out.
        scheme: the landmarks. Those that the data set has under another symbol are written under the data set's.
    """
    symbols = same_landmarks(scheme.symbols, AARIZ29.symbols)
    titles = {landmark.symbol: landmark.name for landmark in AARIZ29.landmarks}
    landmarks = []
    for landmark, (x, y) in zip(scheme.landmarks, np.round(points_px, 3).tolist(), strict=True):
        symbol = symbols.get(landmark.symbol, landmark.symbol)
        if np.isfinite([x, y]).all():
            title = titles.get(symbol, landmark.name)
            landmarks.append({"title": title, "symbol": symbol, "value": {"x": x, "y": y}})
    return {"ceph_id": film, "landmarks": landmarks}


def _position(row: dict[str, Any], where: str) -> tuple[float, float]:
    value = row.get("value")
    if not isinstance(value, dict):
        raise AnnotationError(f"{where}: expected a value {{'x', 'y'}}, got {value!r}.")
    return finite(value.get("x"), where), finite(value.get("y"), where)


@lru_cache(maxsize=4)
def _pixel_sizes(path: Path) -> dict[str, tuple[float, float]]:
    """Map film names to their spacing, mm; empty if there is no such table."""
    if not path.is_file():
        return {}
    cells = read_cells(path)
    if not {"cephalogram_id", "pixel_size"} <= cells.columns.keys():
        raise AnnotationError(f"{path}: expected the columns cephalogram_id and pixel_size, got {list(cells.columns)}.")
    films, sizes = film_cells(cells, "cephalogram_id"), numbers(cells, "pixel_size", "a pixel size in mm")
    return {film: (size, size) for film, size in zip(films, sizes.tolist(), strict=True) if size > 0}
