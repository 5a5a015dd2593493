"""The films of ``monai-ceph view``: files on this machine, corrected by one person."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np

from monai_ceph.atomic import make_folder
from monai_ceph.data.named_films import by_file_name
from monai_ceph.film_names import film_name
from monai_ceph.formats.files import read_json
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.formats.markups import markups_name, parse_markups, write_markups
from monai_ceph.formats.points import AnnotationError, Annotations
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.page.predictions import Predictions
from monai_ceph.page.work import FilmRow, Label, Offer, Work
from monai_ceph.prediction import Prediction, annotated
from monai_ceph.predictor.predictor import Predictor

ME = ""
"""The annotator's name: there is only one, who is not asked for it."""
TABLE = "landmarks.csv"


class FilmFiles(Work):
    """Show films, and save corrected points as markups and as one table.

    Args:
        films: the files.
        output: folder for ``<film>.mrk.json`` and ``landmarks.csv``; points that were saved there before are shown.
        scheme: the landmarks.
        predictor: returns the predictor; called when the first film is predicted.
        annotations: points to show in place of the predictor's; None predicts every film.
        spacing_mm: the films' pixel size; None is the one in each file.
    Raises:
        ValueError: two films have one name, so their results would be mixed up.
        OSError: the output cannot be written.
    """

    def __init__(
        self,
        films: Sequence[Path],
        output: Path,
        scheme: LandmarkScheme,
        predictor: Callable[[], Predictor],
        annotations: Annotations | None = None,
        spacing_mm: float | None = None,
    ) -> None:
        self.paths = by_file_name(films, "view them separately")
        make_folder(output)
        super().__init__(scheme, spacing_mm)
        self.output = output
        self.annotations = None if annotations is None else annotations.spelled_like(map(film_name, films))
        self.predictions = Predictions(predictor)
        self._saving = Lock()

    def offer(self) -> Offer:
        return Offer(title=f"{len(self.paths)} films, saved in {self.output}")

    def films(self) -> list[FilmRow]:
        return [FilmRow(film, "labelled" if self._markups(film).exists() else "new") for film in self.paths]

    def film(self, film_id: str) -> Path:
        if film_id not in self.paths:
            raise LookupError(f"There is no film '{film_id}' here.")
        return self.paths[film_id]

    def revision(self) -> str:
        return str(self.output.stat().st_mtime_ns)

    def predict(self, film_id: str) -> Prediction:
        path = self.film(film_id)
        if self.annotations is None:
            return self.predictions.get(path).prediction
        points_px = self.annotations.points_px.get(film_name(path))
        return self.annotated(film_id, np.full((len(self.scheme), 2), np.nan) if points_px is None else points_px)

    def annotated(self, film_id: str, points_px: np.ndarray) -> Prediction:
        path = self.film(film_id)
        info = self.pictures.get(path).info
        points = annotated(path.name, self.scheme, points_px)
        return replace(points, spacing_mm=info.spacing_mm, spacing_source=info.spacing_source)

    def labels(self, film_id: str) -> list[Label]:
        points_px = self._saved(film_id)
        return [] if points_px is None else [Label(ME, points_px, final=False)]

    def save(self, film_id: str, points_px: np.ndarray, user: str, force: bool = False, replace: bool = False) -> bool:
        with self._saving:
            write_markups(self._markups(film_id), self.annotated(film_id, points_px), self.frame(film_id))
            write_landmarks_csv(self.output / TABLE, self.export())
        return True

    def export(self) -> list[Prediction]:
        saved = {film: self._saved(film) for film in self.paths}
        return [self.annotated(film, points_px) for film, points_px in saved.items() if points_px is not None]

    def _markups(self, film_id: str) -> Path:
        return self.output / markups_name(self.film(film_id).name)

    def _saved(self, film_id: str) -> np.ndarray | None:
        """Return a film's saved points, or None. Raises AnnotationError if they cannot be read."""
        path = self._markups(film_id)
        if not path.exists():
            return None
        content = read_json(path)
        if not isinstance(content, dict):
            raise AnnotationError(f"{path}: expected Slicer markups, got {json.dumps(content)[:40]}.")
        return parse_markups(content, path, self.scheme, None, self.frame(film_id)).points_px
