"""Inference task for MONAI Label."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask

from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.film_names import film_suffix
from monai_ceph.formats.markups import markups_text
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.label.proposals import Proposals
from monai_ceph.label.site import FolderSite
from monai_ceph.page.json_values import json_values
from monai_ceph.prediction import Prediction
from monai_ceph.writers.remarks import film_remarks


class LandmarkInfer(InferTask):
    """Predict the landmarks of a film.

    Args:
        proposals: predicts them with the bundle in use.
        site: moves the points to where the folder's labels have them; None for a server that does not.
    """

    def __init__(self, proposals: Proposals, site: FolderSite | None = None) -> None:
        super().__init__(
            # Of the types that 3D Slicer's module can run, only "detection" loads the result as markups.
            type="detection",
            labels=list(proposals.model.scheme.symbols),
            dimension=2,
            description="Landmarks of a lateral cephalogram, for research only",
        )
        self.proposals, self.model, self.site = proposals, proposals.model, site

    def is_valid(self) -> bool:
        return True

    def get_path(self, validate: bool = True) -> str:
        return str(self.model.weights)

    def __call__(self, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Predict the landmarks of one film.

        Args:
            request: ``image`` is the film's path, ``film`` its id, if it has one; other keys are ignored.
        Returns:
            A new .mrk.json in the temporary folder, which the caller removes, and :func:`landmarks_json` with the
            ``weights`` and the ``message`` that ``monai-ceph predict`` prints about the film.
        Raises:
            FilmError: the film cannot be used.
        """
        film = Path(request["image"])
        prediction, predictor, _ = self.proposals.get(film)
        frame = viewer_frame_apart(film)
        if self.site is not None:
            prediction = self.site.apply(prediction)
        if request.get("film"):  # a film in a folder has another name than its file
            prediction = replace(prediction, image=f"{request['film']}{film_suffix(film)}")
        handle, path = tempfile.mkstemp(prefix="landmarks_", suffix=".mrk.json")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(markups_text(prediction, frame))
        message = "; ".join(film_remarks(prediction, predictor.low_confidence))
        return path, landmarks_json(prediction, frame) | {"weights": self.model.weights_id(), "message": message}


def landmarks_json(prediction: Prediction, frame: ViewerFrame) -> dict[str, Any]:
    """Return a prediction as JSON: film pixels, mm from the first pixel's centre, and the viewer's LPS mm.

    Unknown values are None: a landmark that was not found, mm if the spacing is unknown, or errors that nothing is
    known of.
    """
    x_px, y_px = prediction.points_px.T
    x_mm, y_mm = prediction.points_mm.T
    expected, radius = prediction.errors_mm
    columns = {
        "symbol": prediction.scheme.symbols,
        "name": [landmark.name for landmark in prediction.scheme.landmarks],
        "x_px": json_values(x_px),
        "y_px": json_values(y_px),
        "x_mm": json_values(x_mm),
        "y_mm": json_values(y_mm),
        "confidence": json_values(prediction.confidence),
        "expected_error_mm": json_values(expected),
        "radius90_mm": json_values(radius),
        "status": prediction.statuses,
        "position_lps": json_values(frame.to_lps(prediction.points_px)),
    }
    rows = zip(*columns.values(), strict=True)
    return {
        "landmarks": [dict(zip(columns, row, strict=True)) for row in rows],
        "spacing_mm": prediction.spacing_mm,
        "spacing_source": prediction.spacing_source,
        "site": prediction.site,
        "remarks": list(prediction.remarks),
        "doubts": list(prediction.doubts),
        "pose": dict(prediction.pose),
        "label_names": {symbol: k for k, symbol in enumerate(prediction.scheme.symbols, 1)},
    }
