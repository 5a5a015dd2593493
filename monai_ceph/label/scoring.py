"""MONAI Label's scoring methods: how unsure the model is of each film, and how far its proposals were off."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.tasks.scoring import ScoringMethod

from monai_ceph.active_learning.film_records import outdated, read_records, update_records
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.data.label_folder import LabelFolder, UnknownFilmError
from monai_ceph.label.model import CurrentModel
from monai_ceph.label.store import FilmStore
from monai_ceph.metrics.radial_error import radial_error
from monai_ceph.metrics.summary import error_statistics


def records_folder(folder: LabelFolder) -> Path:
    """Where the records of a folder of films lie, see :mod:`monai_ceph.active_learning.film_records`."""
    return folder.state / "uncertainty"


class Uncertainty(ScoringMethod):
    """Scores the films that have no score for the weights in use.

    Of a DICOMweb store only the films that were fetched already are scored, unless the request says ``"fetch": true``:
    a server that starts would otherwise copy a whole archive.
    """

    def __init__(self, model: CurrentModel) -> None:
        super().__init__("How unsure the model is of each film, and what it looks like, for most_uncertain and others")
        self.model = model

    def due(self, datastore: FilmStore) -> bool:
        """Whether there is anything to do; without weights there is not, and inference says why."""
        try:
            weights = self.model.weights_id()
        except OSError:
            return False
        return bool(outdated(datastore.folder.films(), read_records(records_folder(datastore.folder)), weights))

    def __call__(self, request: Mapping[str, Any], datastore: FilmStore) -> dict[str, Any]:
        """Every film's uncertainty by its id; the films that cannot be used, and why; how many were scored just now."""
        left_out = {}
        if request.get("fetch"):
            for film in datastore.list_images():
                try:
                    datastore.get_image_uri(film)
                except Exception as error:  # the archive's affair; the films that came are scored
                    left_out[film] = str(getattr(error, "detail", error))
        films, folder = datastore.folder.films(), records_folder(datastore.folder)
        made = update_records(films, folder, self.model.weights_id(), self.model.predictor)
        records = {film: record for film, record in read_records(folder).items() if film in films}
        return {
            "weights": self.model.weights_id(),
            "scored": len(made),
            "uncertainty": {film: record.uncertainty for film, record in records.items() if not record.error},
            "left_out": left_out | {film: record.error for film, record in records.items() if record.error},
        }


class LandmarkError(ScoringMethod):
    """How far what the model proposed was from what people accepted: the labels of one tag against those of another.

    Args:
        spacing_mm: the films' pixel size; None is the one in each file.
    """

    def __init__(self, spacing_mm: float | None = None) -> None:
        super().__init__("Distance from the model's proposals (tag original) to the accepted labels (tag final)")
        self.spacing_mm = spacing_mm

    def due(self, datastore: FilmStore) -> bool:
        """Never: it answers a question, and nothing waits for it."""
        return False

    def __call__(self, request: Mapping[str, Any], datastore: FilmStore) -> dict[str, Any]:
        """Statistics overall and by film. A film counts that has both labels; mm count where its spacing is known.

        Args:
            request: ``y`` and ``y_pred``, the tags, as of MONAI Label's own ``dice``.
        """
        folder = datastore.folder
        accepted = folder.labels(str(request.get("y") or DefaultLabelTag.FINAL.value))
        proposed = folder.labels(str(request.get("y_pred") or DefaultLabelTag.ORIGINAL.value))
        errors, left_out = {}, {}
        for film in sorted(accepted.keys() & proposed.keys()):
            try:
                points = [torch.from_numpy(folder.points_px(film, by[film])) for by in (proposed, accepted)]
                spacing = read_film_apart(folder.film(film), self.spacing_mm)[1].spacing_mm
            except (UnknownFilmError, ValueError) as error:  # taken away meanwhile, or damaged by hand
                left_out[film] = str(error)
                continue
            errors[film] = np.stack(
                [radial_error(*(side * scale for side in points)).numpy() for scale in _scales(spacing)]
            )
        every = np.concatenate(list(errors.values()), axis=1) if errors else np.empty((2, 0))
        by_film = {film: _statistics(*pair) for film, pair in errors.items()}
        return {"pairs": len(errors), **_statistics(*every), "films": by_film, "left_out": left_out}


def _scales(spacing_mm: tuple[float, float] | None) -> tuple[torch.Tensor, torch.Tensor]:
    """What makes pixels px and mm; mm are NaN where the spacing is unknown."""
    spacing = (np.nan, np.nan) if spacing_mm is None else spacing_mm
    return torch.ones(2, dtype=torch.float64), torch.tensor(spacing, dtype=torch.float64)


def _statistics(px: np.ndarray, mm: np.ndarray) -> dict[str, float | int | None]:
    """Errors in px and mm, as ``radial_error`` gives them -> statistics that are JSON: null where nothing is known."""
    in_px, in_mm = error_statistics(px), error_statistics(mm)
    values = {"mre_px": in_px["mre"], "mre_mm": in_mm["mre"], "sdr_2mm_percent": in_mm["sdr_percent"]["2"]}
    return {"landmarks": in_px["n"]} | {
        name: round(value, 4) if math.isfinite(value) else None for name, value in values.items()
    }
