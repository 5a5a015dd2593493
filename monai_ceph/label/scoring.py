"""Scoring methods for MONAI Label: the model's uncertainty about each film, and the error of its proposals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.tasks.scoring import ScoringMethod

from monai_ceph.active_learning.uncertainty import outdated, read_records, update_records
from monai_ceph.data.film_folder import UnknownFilmError
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.label.model import CurrentModel
from monai_ceph.label.store import FilmStore
from monai_ceph.metrics.summary import error_statistics


def records_folder(folder: LabelFolder) -> Path:
    """Return the folder of the films' records, see :mod:`monai_ceph.active_learning.uncertainty`."""
    return folder.state / "uncertainty"


class Uncertainty(ScoringMethod):
    """Record the uncertainty and the features of the films that have no record for the weights in use.

    Films of a DICOMweb store that have not been downloaded are skipped unless the request says ``"fetch": true``;
    otherwise starting a server would copy the whole archive.
    """

    def __init__(self, model: CurrentModel) -> None:
        super().__init__("Uncertainty and features of each film, which the strategies for the next film use")
        self.model = model

    def due(self, datastore: FilmStore) -> bool:
        """Return whether a film needs a new record; False without weights, since inference reports those."""
        try:
            weights = self.model.weights_id()
        except OSError:
            return False
        return bool(outdated(datastore.folder.films(), read_records(records_folder(datastore.folder)), weights))

    def __call__(self, request: Mapping[str, Any], datastore: FilmStore) -> dict[str, Any]:
        """Return each film's uncertainty, why films were left out, and how many films were recorded by this call."""
        left_out = {}
        if request.get("fetch"):
            for film in datastore.list_images():
                try:
                    datastore.get_image_uri(film)
                except Exception as error:  # one failed download must not stop the others
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
    """Compare the model's proposals with the accepted labels, or the labels of any two tags.

    Args:
        spacing_mm: the films' pixel size; None is the one in each file.
    """

    def __init__(self, spacing_mm: float | None = None) -> None:
        super().__init__("Distance from the model's proposals (tag original) to the accepted labels (tag final)")
        self.spacing_mm = spacing_mm

    def due(self, datastore: FilmStore) -> bool:
        """Return False: this runs only on request, because nothing depends on its result."""
        return False

    def __call__(self, request: Mapping[str, Any], datastore: FilmStore) -> dict[str, Any]:
        """Return statistics overall and for each film that has both labels; mm only if its spacing is known.

        Args:
            request: ``y`` and ``y_pred``, the tags to compare, as for MONAI Label's own ``dice``.
        """
        folder = datastore.folder
        accepted = folder.labels(str(request.get("y") or DefaultLabelTag.FINAL.value))
        proposed = folder.labels(str(request.get("y_pred") or DefaultLabelTag.ORIGINAL.value))
        errors, left_out = {}, {}
        for film in sorted(accepted.keys() & proposed.keys()):
            try:
                difference = folder.points_px(film, proposed[film]) - folder.points_px(film, accepted[film])
                spacing = read_film_apart(folder.film(film), self.spacing_mm)[1].spacing_mm or (np.nan, np.nan)
            except (UnknownFilmError, ValueError) as error:  # removed meanwhile, or damaged
                left_out[film] = str(error)
                continue
            errors[film] = np.linalg.norm([difference, difference * spacing], axis=-1)  # px and mm
        overall = np.concatenate(list(errors.values()), axis=1) if errors else np.empty((2, 0))
        by_film = {film: _statistics(*pair) for film, pair in errors.items()}
        return {"pairs": len(errors), **_statistics(*overall), "films": by_film, "left_out": left_out}


def _statistics(px: np.ndarray, mm: np.ndarray) -> dict[str, float | int | None]:
    """Return statistics of errors in px and mm, None where they are unknown (JSON has no NaN)."""
    in_px, in_mm = error_statistics(px), error_statistics(mm)
    values = {"mre_px": in_px["mre"], "mre_mm": in_mm["mre"], "sdr_2mm_percent": in_mm["sdr_percent"]["2"]}
    return {"landmarks": in_px["n"]} | {
        name: round(value, 4) if math.isfinite(value) else None for name, value in values.items()
    }
