"""Write the labels of a folder of films as files for other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
from monai_ceph.landmarks import ISBI19, LandmarkScheme
from monai_ceph.prediction import annotated


class ExportedLabels(NamedTuple):
    """What was written of one annotator.

    Args:
        path: the table, or the folder.
        films: how many labels were written.
        failed: a sentence for each label that could not be written.
    """

    path: Path
    films: int
    failed: list[str]


def export_labels(folder: Path, output: Path, format: str, scheme: LandmarkScheme = ISBI19) -> Iterator[ExportedLabels]:
    """Write the final labels of a folder of films, separately for each annotator, in film pixels.

    Args:
        folder: films and labels, as the annotation server stores them.
        output: folder, created if needed. ``csv`` writes ``<user>.csv`` and ``final.csv``, which holds the latest label
            of each film by any annotator. ``labelme`` and ``isbi`` write folders of these names with ``<film>.json`` or
            ``<film>.txt``.
        format: ``"csv"``, ``"labelme"`` or ``"isbi"``.
        scheme: the landmarks.
    Yields:
        What was written of each annotator, and of ``final``.
    Raises:
        ValueError, OSError: the folder does not exist or has no label, or the output cannot be written; the message
            says what to do.
    """
    labels = LabelFolder(folder, scheme)
    sources = {**labels.annotators(), FINAL: labels.labels()}
    if not any(sources.values()):
        raise ValueError(f"{folder}: there is no final label in this folder; expected labels/final/<film>.mrk.json.")
    make_folder(output)
    files = labels.films()
    for user, label_files in sources.items():
        points_px: dict[Path, np.ndarray] = {}
        failed = []
        for film_id, label in label_files.items():
            try:
                points, film = labels.points_px(film_id, label), files[film_id]
                if format != "csv":
                    _write_file(make_folder(output / user) / film_id, format, film, points, scheme)
            except (ValueError, UnknownFilmError) as error:
                failed.append(f"{user}, film '{film_id}': {error}")
            else:
                points_px[film] = points
        path = output / (f"{user}.csv" if format == "csv" else user)
        if format == "csv" and points_px:
            rows = [
                annotated(f"{labels.film_id(film)}{film_suffix(film)}", scheme, points)
                for film, points in points_px.items()
            ]
            write_landmarks_csv(path, rows)
        yield ExportedLabels(path, len(points_px), failed)


def _write_file(path: Path, format: str, film: Path, points_px: np.ndarray, scheme: LandmarkScheme) -> None:
    """Write one film's points to a path without suffix."""
    if format == "isbi":
        write_text(path.with_name(f"{path.name}.txt"), isbi_text(points_px, scheme))
    else:
        path = path.with_name(f"{path.name}.json")
        image = os.path.relpath(film, path.resolve().parent)
        write_text(path, json_text(to_labelme(image, film_size(film), points_px, scheme), indent=2))
