"""``monai-ceph export --labels``: write the labels of a folder of films as files for other programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from monai_ceph.atomic import make_folder, write_text
from monai_ceph.data.film import film_size
from monai_ceph.data.film_folder import UnknownFilmError
from monai_ceph.data.label_folder import FINAL, LabelFolder
from monai_ceph.film_names import film_suffix
from monai_ceph.formats.files import json_text
from monai_ceph.formats.isbi_text import isbi_text
from monai_ceph.formats.labelme import to_labelme
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.landmarks import LandmarkScheme, get_scheme
from monai_ceph.prediction import annotated
from monai_ceph.wording import count

Write = Callable[[Path, Path, np.ndarray, LandmarkScheme], None]
"""Called with the file to write, the film, its points (N, 2) in film pixels, and the landmarks."""


def run(folder: Path, output: Path, *, format: str, scheme: str | Path = "isbi19") -> int:
    """Write the final labels of a folder of films, separately for each annotator, in film pixels.

    Args:
        folder: films and labels, as the annotation server stores them.
        output: folder, created if needed. ``csv`` writes ``<user>.csv`` and ``final.csv``, which holds the latest label
            of each film by any annotator. ``labelme`` and ``isbi`` write folders of these names with ``<film>.json`` or
            ``<film>.txt``.
        format: ``"csv"``, ``"labelme"`` or ``"isbi"``.
        scheme: name or JSON file of the landmark scheme.
    Returns:
        The number of labels that could not be written; each is reported on standard error.
    Raises:
        ValueError, OSError: the folder does not exist or has no label, or the output cannot be written; the message
            says what to do.
    """
    films = LabelFolder(folder, get_scheme(scheme))
    sources = {**films.annotators(), FINAL: films.labels()}
    if not any(sources.values()):
        raise ValueError(f"{folder}: there is no final label in this folder; expected labels/final/<film>.mrk.json.")
    make_folder(output)
    files, failed = films.films(), 0
    for user, labels in sources.items():
        points_px: dict[Path, np.ndarray] = {}
        for film_id, label in labels.items():
            try:
                points = films.points_px(film_id, label)
                if format != "csv":
                    suffix, write = _FILES[format]
                    write(make_folder(output / user) / f"{film_id}{suffix}", files[film_id], points, films.scheme)
            except (ValueError, UnknownFilmError) as error:
                failed += 1
                print(f"{user}, film '{film_id}': {error}", file=sys.stderr)
            else:
                points_px[files[film_id]] = points
        if format == "csv" and points_px:
            rows = [
                annotated(f"{films.film_id(film)}{film_suffix(film)}", films.scheme, points)
                for film, points in points_px.items()
            ]
            write_landmarks_csv(output / f"{user}.csv", rows)
        print(f"{output / user}{'.csv' if format == 'csv' else ''}: {count(len(points_px), 'film')}")
    return failed


def _labelme(path: Path, film: Path, points_px: np.ndarray, scheme: LandmarkScheme) -> None:
    image = os.path.relpath(film, path.resolve().parent)
    write_text(path, json_text(to_labelme(image, film_size(film), points_px, scheme), indent=2))


def _isbi(path: Path, film: Path, points_px: np.ndarray, scheme: LandmarkScheme) -> None:
    write_text(path, isbi_text(points_px, scheme))


_FILES: dict[str, tuple[str, Write]] = {"labelme": (".json", _labelme), "isbi": (".txt", _isbi)}
