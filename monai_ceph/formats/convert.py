"""Write annotations in any format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monai_ceph.atomic import make_folder, write_text
from monai_ceph.film_names import without_folder
from monai_ceph.formats.aariz import to_aariz
from monai_ceph.formats.cl_detection import to_cl_detection
from monai_ceph.formats.coco_keypoints import to_coco
from monai_ceph.formats.files import json_text
from monai_ceph.formats.isbi_text import isbi_text
from monai_ceph.formats.kaggle_table import kaggle_text
from monai_ceph.formats.labelme import to_labelme
from monai_ceph.formats.landmark_table import landmarks_csv_text
from monai_ceph.formats.markups import markups_name, markups_text
from monai_ceph.formats.points import Annotations
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.prediction import Prediction

ONE_FILE = ("csv", "kaggle", "coco", "cl-detection")
"""Formats that have one file for all films."""
FILE_BY_FILM = ("labelme", "markups", "isbi", "aariz")
"""Formats that have one file for each film, in a folder."""


class FilmFile(NamedTuple):
    """What writers need of a film: its file, its size (X, Y) in pixels, and the frame in which a viewer opens it."""

    path: Path
    size: tuple[int, int]
    frame: ViewerFrame


def write_annotations(
    annotations: Annotations,
    format: str,
    output: Path,
    films: Mapping[str, FilmFile] | None = None,
    spacing_mm: tuple[float, float] | None = None,
) -> list[str]:
    """Write annotations.

    Args:
        annotations: the points.
        format: one of :data:`ONE_FILE` or :data:`FILE_BY_FILM`.
        output: the file, or the folder, which is created if needed.
        films: film name -> film, if available: their file names, sizes and frames are written. Without them, names and
            sizes are those of the source, and markups are in mm from the first pixel, or in pixels.
        spacing_mm: (along x, along y), mm, of films whose spacing the source does not say.
    Returns:
        A sentence for each film that the format cannot hold.
    Raises:
        ValueError: the format is unknown, or cannot hold the films.
        OSError: the output cannot be written.
    """
    if format not in (*ONE_FILE, *FILE_BY_FILM):
        raise ValueError(f"Expected a format among {', '.join((*ONE_FILE, *FILE_BY_FILM))}, got '{format}'.")
    scheme, films = annotations.scheme, films or {}
    spacings = dict.fromkeys(annotations.points_px, spacing_mm) | annotations.spacings_mm
    images = {
        film: films[film].path.name if film in films else _image(annotations, film) for film in annotations.points_px
    }
    by_image = {images[film]: points for film, points in annotations.points_px.items()}
    own_sizes = {film: source.size for film, source in annotations.sources.items() if source.size is not None}
    sizes = own_sizes | {film: files.size for film, files in films.items()}

    def prediction(film: str) -> Prediction:
        spacing = spacings[film]
        spacing_source = "annotation" if film in annotations.spacings_mm else "user" if spacing else "unknown"
        unknown = np.full(len(scheme), np.nan)
        return Prediction(images[film], scheme, annotations.points_px[film], unknown, spacing, spacing_source)

    def one_file() -> str:
        if format == "csv":
            return landmarks_csv_text([prediction(film) for film in annotations.points_px])
        if format == "kaggle":
            return kaggle_text(by_image, scheme)
        if format == "coco":
            by_size = {images[film]: size for film, size in sizes.items() if film in images}
            return json_text(to_coco(by_image, scheme, by_size))
        known = {film: spacing for film, spacing in spacings.items() if spacing is not None}
        return json_text(to_cl_detection(annotations.points_px, scheme, known))

    def file_of(film: str, points_px: np.ndarray) -> tuple[str, str]:
        """Return the name and the text of a film's file."""
        if format == "isbi":
            return f"{film}.txt", isbi_text(points_px, scheme)
        if format == "aariz":
            return f"{film}.json", json_text(to_aariz(film, points_px, scheme))
        if format == "labelme":
            image = os.path.relpath(films[film].path, output.resolve()) if film in films else images[film]
            return f"{film}.json", json_text(to_labelme(image, sizes.get(film), points_px, scheme), indent=2)
        frame = films[film].frame if film in films else None
        return markups_name(images[film]), markups_text(prediction(film), frame)

    if format in ONE_FILE:
        write_text(output, one_file())
        return []
    failed = []
    make_folder(output)
    for film, points_px in annotations.points_px.items():
        try:
            name, text = file_of(film, points_px)
            write_text(output / name, text)
        except ValueError as error:
            failed.append(f"Film '{film}': {error}")
    return failed


def _image(annotations: Annotations, film: str) -> str:
    """Return the film's file name as the source gives it, or else the film's name."""
    source = annotations.sources.get(film)
    return film if source is None or source.name is None else without_folder(source.name)
